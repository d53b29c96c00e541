"""How a network learns: the same bytes every time, killed or not, and honest about what went wrong."""

import math
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models import ARCHITECTURES
from models.hyperparameters import defaults, space
from pipelines.running.failure import Failure
from pipelines.running.files import read_json
from pipelines.training import gradient, weights
from pipelines.training.learners import LEARNERS, Course, learner_of
from pipelines.training.lesson import Lesson, new_model, read
from pipelines.training.scoring import replies, validate
from pipelines.training.trial import Assignment, carry_out
from tests.conftest import lesson_of

FULL = Course(until=4, horizon=4)


def settings_of(architecture: str) -> dict[str, object]:
    learner = learner_of(architecture).settings
    return {**defaults(ARCHITECTURES[architecture].config), **defaults(learner)}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_settings_of_network_and_learner_have_different_names(architecture: str) -> None:
    own = space(ARCHITECTURES[architecture].config)
    assert not set(own) & set(space(learner_of(architecture).settings))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_learning_twice_gives_the_same_bytes(digits_folder: Path, tmp_path: Path, architecture: str) -> None:
    lesson = lesson_of(digits_folder, architecture)
    results = [
        carry_out(Assignment(lesson, settings_of(architecture), 7, tmp_path / name, FULL)) for name in ("one", "two")
    ]
    assert results[0] == results[1]
    first, second = (sorted((tmp_path / name).glob("best.*")) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first, "the best weights are on disk"


def test_another_seed_gives_other_weights(lesson: Lesson, tmp_path: Path) -> None:
    for seed in (1, 2):
        carry_out(Assignment(lesson, settings_of("mlp"), seed, tmp_path / str(seed), FULL))
    one, two = (tmp_path / str(seed) / "best.safetensors" for seed in (1, 2))
    assert one.read_bytes() != two.read_bytes()


def test_stopping_at_a_rung_and_going_on_equals_going_through(lesson: Lesson, tmp_path: Path) -> None:
    through = carry_out(Assignment(lesson, settings_of("mlp"), 3, tmp_path / "through", FULL))
    for until in (1, 3, 4):
        halting = carry_out(Assignment(lesson, settings_of("mlp"), 3, tmp_path / "halting", Course(until, 4)))
    assert halting == through
    assert (tmp_path / "halting" / "best.safetensors").read_bytes() == (
        tmp_path / "through" / "best.safetensors"
    ).read_bytes()


def test_going_on_from_a_checkpoint_in_the_middle_equals_going_through(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill leaves behind is a checkpoint after some epoch and no result."""
    through = carry_out(Assignment(lesson, settings_of("mlp"), 3, tmp_path / "through", FULL))
    carry_out(Assignment(lesson, settings_of("mlp"), 3, tmp_path / "killed", Course(2, 4)))
    (tmp_path / "killed" / "until-2.json").unlink()
    assert carry_out(Assignment(lesson, settings_of("mlp"), 3, tmp_path / "killed", FULL)) == through


def test_finished_work_is_read_not_repeated(lesson: Lesson, tmp_path: Path) -> None:
    assignment = Assignment(lesson, settings_of("mlp"), 3, tmp_path, FULL)
    first = carry_out(assignment)
    (tmp_path / "checkpoint.pt").write_bytes(b"would fail if it were read")
    assert carry_out(assignment) == first


def test_training_stops_when_patience_runs_out_and_keeps_the_best_epoch(lesson: Lesson, tmp_path: Path) -> None:
    hopeless = {**settings_of("mlp"), "learning_rate": 3.0, "optimizer": "adamw"}
    result = carry_out(Assignment(lesson, hopeless, 3, tmp_path, Course(until=60, horizon=60, patience=3)))
    assert result.score is not None
    assert result.epochs == result.best_epoch + 3 < 60
    best = min(row["valid_log_loss"] for row in result.history)
    assert result.score == best == result.history[result.best_epoch - 1]["valid_log_loss"]
    again = carry_out(Assignment(lesson, hopeless, 3, tmp_path, Course(until=70, horizon=60, patience=3)))
    assert again.epochs == result.epochs, "patience that ran out stays out"


def test_a_loss_that_is_no_number_is_a_reason_not_a_crash(lesson: Lesson, tmp_path: Path) -> None:
    wild = {**settings_of("mlp"), "learning_rate": 1e30, "optimizer": "sgd"}
    result = carry_out(Assignment(lesson, wild, 3, tmp_path, FULL))
    assert result.score is None
    assert "the training loss became" in result.reason
    assert read_json(tmp_path / "until-4.json")["reason"] == result.reason


def test_a_network_that_cannot_read_the_data_says_why(lesson: Lesson, tmp_path: Path) -> None:
    result = carry_out(Assignment(lesson, {**settings_of("mlp"), "width": 0}, 3, tmp_path, FULL))
    assert result.score is None
    assert "width" in result.reason


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_read_back_answer_the_same(digits_folder: Path, tmp_path: Path, architecture: str) -> None:
    lesson = lesson_of(digits_folder, architecture)
    settings = settings_of(architecture)
    result = carry_out(Assignment(lesson, settings, 5, tmp_path, FULL))
    data = read(lesson)
    model = weights.load(architecture, data.schema, data.task.outputs, settings, tmp_path / "best")
    assert validate(model, data.task, data.valid)["valid_log_loss"] == pytest.approx(result.score, abs=1e-6)


def test_fresh_draws_every_epoch_learn_too(lesson: Lesson, tmp_path: Path) -> None:
    live = replace(lesson, augment=lesson.augment.model_copy(update={"copies": "live"}))
    result = carry_out(Assignment(live, settings_of("mlp"), 3, tmp_path / "live", Course(10, 10)))
    assert result.score is not None
    assert result.score < math.log(10) / 3, "far better than shrugging"
    again = carry_out(Assignment(live, settings_of("mlp"), 3, tmp_path / "again", Course(10, 10)))
    assert again == result


def test_every_row_is_visited_once_per_epoch_in_batches_that_are_never_tiny() -> None:
    for count, size in ((10, 3), (97, 32), (1, 32), (33, 32)):
        columns = (torch.arange(count), 10 * torch.arange(count))
        slices = list(gradient.batches(columns, size, torch.Generator().manual_seed(0)))
        assert sorted(torch.cat([rows for rows, _ in slices]).tolist()) == list(range(count))
        assert all(torch.equal(10 * rows, tens) for rows, tens in slices), "the columns stay aligned"
        lengths = [len(rows) for rows, _ in slices]
        assert max(lengths) - min(lengths) <= 1


def test_replies_do_not_depend_on_how_they_are_sliced(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    data = read(lesson)
    torch.manual_seed(0)
    model = new_model(lesson, data, settings_of("mlp"))
    whole = replies(model, data.task.reply(), data.valid.inputs)
    monkeypatch.setattr("pipelines.training.scoring.SLICE", 7)
    sliced = replies(model, data.task.reply(), data.valid.inputs)
    assert whole == pytest.approx(sliced, abs=1e-6)
    assert whole.sum(axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("epochs", [1, 2, 3, 12, 100])
def test_the_last_rung_is_the_whole_length(learner: str, epochs: int) -> None:
    rungs = LEARNERS[learner].rungs(epochs)
    assert rungs == sorted(set(rungs))
    assert rungs[-1] in (1, epochs)


def test_a_full_disk_is_an_error_of_the_disk_and_not_of_the_setting(lesson: Lesson, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the write fails in the same place and way."""
    script = (
        "import pickle, resource, sys; from pathlib import Path\n"
        "from pipelines.training.trial import carry_out\n"
        "assignment = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: carry_out(assignment)\n"
        "except OSError as error: print(type(error).__name__, error.filename)\n"
    )
    assignment = Assignment(lesson, settings_of("mlp"), 3, tmp_path / "trial", FULL)
    (tmp_path / "assignment").write_bytes(pickle.dumps(assignment))
    command = [sys.executable, "-c", script, str(tmp_path / "assignment")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.stdout.strip() == f"OSError {tmp_path / 'trial' / 'checkpoint.pt'}", ended.stderr
    assert list((tmp_path / "trial").iterdir()) == [], "nothing is kept that another run would believe"
    assert carry_out(assignment).score is not None, "with space again, it goes on"


def test_damaged_data_is_named_and_not_blamed_on_the_setting(digits_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(digits_folder, tmp_path / "digits")
    path = tmp_path / "digits" / "augmented" / "train" / "image.npy"
    path.write_bytes(path.read_bytes()[:5000])
    assignment = Assignment(lesson_of(tmp_path / "digits", "mlp"), settings_of("mlp"), 3, tmp_path / "trial", FULL)
    with pytest.raises(Failure, match=r"image\.npy is damaged"):
        carry_out(assignment)
    assert not list((tmp_path / "trial").glob("until-*"))
