"""How a network learns: the same bytes every time, killed or not, and honest about what went wrong."""

import math
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import ARCHITECTURES
from models.blocks.hyperparameters import defaults, space
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import Failure
from pipelines.tasks.classification import ClassificationSettings
from pipelines.training import gradient, weights
from pipelines.training.inference import replies, validate
from pipelines.training.job import Lesson, new_model, read
from pipelines.training.learners import LEARNERS, Course, learner_of
from pipelines.training.trial import Assignment, carry_out
from tests.support.problems import lesson_of, problem_of

FULL = Course(until=4, horizon=4)


def settings_of(architecture: str) -> dict[str, object]:
    learner = learner_of(architecture).settings
    return {**defaults(ARCHITECTURES[architecture].config), **defaults(learner)}


def lesson_for(folder_of: Callable[[str], Path], architecture: str) -> Lesson:
    """On the kind of problem that the architecture is for."""
    problem = problem_of(architecture)
    return lesson_of(folder_of(problem), architecture, problem)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_settings_of_network_and_learner_have_different_names(architecture: str) -> None:
    own = space(ARCHITECTURES[architecture].config)
    assert not set(own) & set(space(learner_of(architecture).settings))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_learning_twice_gives_the_same_bytes(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    lesson = lesson_for(folder_of, architecture)
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


IN_EPOCHS = [name for name, row in ARCHITECTURES.items() if row.learner != "closed_form"]


@pytest.mark.parametrize("architecture", IN_EPOCHS)
def test_stopping_at_a_rung_and_going_on_equals_going_through(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    lesson, settings = lesson_for(folder_of, architecture), settings_of(architecture)
    through = carry_out(Assignment(lesson, settings, 3, tmp_path / "through", FULL))
    for until in (1, 3, 4):
        halting = carry_out(Assignment(lesson, settings, 3, tmp_path / "halting", Course(until, 4)))
    assert halting == through
    assert (tmp_path / "halting" / "best.safetensors").read_bytes() == (
        tmp_path / "through" / "best.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("architecture", ["mlp", "gan"])
def test_going_on_from_a_checkpoint_in_the_middle_equals_going_through(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    """What a kill leaves behind is a checkpoint after some epoch and no result."""
    lesson, settings = lesson_for(folder_of, architecture), settings_of(architecture)
    through = carry_out(Assignment(lesson, settings, 3, tmp_path / "through", FULL))
    carry_out(Assignment(lesson, settings, 3, tmp_path / "killed", Course(2, 4)))
    (tmp_path / "killed" / "until-2.json").unlink()
    assert carry_out(Assignment(lesson, settings, 3, tmp_path / "killed", FULL)) == through
    one, two = (tmp_path / name / "best.safetensors" for name in ("through", "killed"))
    assert one.read_bytes() == two.read_bytes()


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


ENTERED = [(name, problem_of(name)) for name in ARCHITECTURES] + [
    ("logistic_regression", "cells"),  # with classes weighed, which what is solved has to mind as well
    ("decision_tree", "cells"),
    ("gradient_boosting", "cells"),
    ("mlp", "cells"),
    ("logistic_regression", "texts"),
    ("lstm", "texts"),  # whose stem learns along
    ("gradient_boosting", "diabetes"),
    ("mlp", "diabetes"),
    ("linear_regression", "sunspots"),
    ("esn", "sunspots"),
    ("lstm", "sunspots"),
]


@pytest.mark.parametrize(("architecture", "problem"), ENTERED)
def test_weights_read_back_answer_the_same(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str, problem: str
) -> None:
    lesson = lesson_of(folder_of(problem), architecture, problem)
    settings = settings_of(architecture)
    result = carry_out(Assignment(lesson, settings, 5, tmp_path, FULL))
    data = read(lesson)
    model = weights.load(architecture, data.task, settings, tmp_path / "best")
    found = validate(model, data.task, data.valid)[f"valid_{data.task.goal.name}"]
    assert found == pytest.approx(result.score, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("weights_of_classes", ["none", "balanced"])
def test_what_is_solved_minds_the_weights_of_the_classes(
    folder_of: Callable[[str], Path], tmp_path: Path, weights_of_classes: str
) -> None:
    """As scikit-learn's own class_weight; 37 % of the cells are malignant."""
    from sklearn.linear_model import LogisticRegression

    task = ClassificationSettings.model_validate({"weights": weights_of_classes})
    lesson = replace(lesson_of(folder_of("cells"), "logistic_regression", "cells"), task=task)
    settings = settings_of("logistic_regression")
    carry_out(Assignment(lesson, settings, 3, tmp_path, FULL))
    data = read(lesson)
    model = weights.load("logistic_regression", data.task, settings, tmp_path / "best")
    with torch.no_grad():
        features = model.stem(*data.train[0].inputs).double().numpy()
    solved: Any = model.network
    reference = LogisticRegression(
        C=solved.estimator.C,
        solver=solved.estimator.solver,
        max_iter=solved.estimator.max_iter,
        tol=solved.estimator.tol,
        class_weight="balanced" if weights_of_classes == "balanced" else None,
    ).fit(features, data.train[0].target.numpy())
    assert np.allclose(solved.estimator.predict_proba(features), reference.predict_proba(features), atol=1e-4)


def test_what_cannot_weigh_classes_says_so(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    task = ClassificationSettings(weights="balanced")
    lesson = replace(lesson_of(folder_of("digits"), "esn"), task=task)
    result = carry_out(Assignment(lesson, settings_of("esn"), 3, tmp_path, FULL))
    assert result.score is None
    assert "cannot weigh classes; set weights: none" in result.reason


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
    monkeypatch.setattr("pipelines.training.inference.SLICE", 7)
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
