"""How a network learns: the same bytes every time, killed or not, and honest about what went wrong."""

import math
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import ARCHITECTURES
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.tasks.classification import ClassificationSettings
from pipelines.tasks.task import WeightedTarget
from pipelines.training import gradient, weights
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import ContenderSettings, make_settings, settings_types
from pipelines.training.inference import predict, score_validation
from pipelines.training.job import Examples, TrainingJob, build_fitted_model, load_training_data
from pipelines.training.learners import LEARNERS, TrainingResult
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.architecture_cases import SMALL_SETTINGS
from tests.support.budgets import epochs
from tests.support.problems import problem_of, task_settings_of, training_job_of

FULL = epochs(4)
TrainedOnce = Callable[[str, str], tuple[TrialSpec, TrainingResult]]  # of an architecture and a problem


def settings_of(architecture: str, **changed: object) -> ContenderSettings[Any]:
    """The defaults, with some of them changed; large networks are small."""
    kind = task_settings_of(problem_of(architecture)).kind
    return make_settings(architecture, kind, SMALL_SETTINGS.get(architecture, {}) | changed)


def job_for(folder_of: Callable[[str], Path], architecture: str) -> TrainingJob:
    """On the kind of problem that the architecture is for."""
    problem = problem_of(architecture)
    return training_job_of(folder_of(problem), architecture, problem)


@pytest.fixture(scope="module")
def trained(folder_of_few: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> TrainedOnce:
    """An architecture trained on few rows of a problem without a break, once for all tests."""

    @cache
    def train(architecture: str, problem: str) -> tuple[TrialSpec, TrainingResult]:
        job = training_job_of(folder_of_few(problem), architecture, problem)
        spec = TrialSpec(job, settings_of(architecture), 3, tmp_path_factory.mktemp(architecture), FULL)
        return spec, run_trial(spec)

    return train


def best_weights(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("best.*")}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_settings_of_network_and_learner_have_different_names(architecture: str) -> None:
    settings = [set(config.model_fields) for config in settings_types(architecture, "forecasting")]
    assert len(set.union(*settings)) == sum(map(len, settings))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_twice_gives_the_same_bytes(trained: TrainedOnce, tmp_path: Path, architecture: str) -> None:
    spec, result = trained(architecture, problem_of(architecture))
    assert run_trial(replace(spec, folder=tmp_path)) == result
    assert best_weights(tmp_path) == best_weights(spec.folder)
    assert best_weights(tmp_path), "the best weights are on disk"


def test_another_seed_gives_other_weights(job: TrainingJob, tmp_path: Path) -> None:
    for seed in (1, 2):
        run_trial(TrialSpec(job, settings_of("mlp"), seed, tmp_path / str(seed), FULL))
    one, two = (tmp_path / str(seed) / "best.safetensors" for seed in (1, 2))
    assert one.read_bytes() != two.read_bytes()


IN_EPOCHS = [name for name, row in ARCHITECTURES.items() if row.learner != "closed_form"]


@pytest.mark.parametrize("architecture", IN_EPOCHS)
def test_stopping_at_a_rung_and_resuming_equals_one_run(
    trained: TrainedOnce, tmp_path: Path, architecture: str
) -> None:
    spec, through = trained(architecture, problem_of(architecture))
    for share in (0.25, 0.75, 1.0):
        halting = run_trial(replace(spec, folder=tmp_path, budget=epochs(4, share)))
    assert halting == through
    assert best_weights(tmp_path) == best_weights(spec.folder)


@pytest.mark.parametrize("architecture", ["mlp", "gan"])
def test_resuming_from_a_checkpoint_equals_one_run(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    """What a kill leaves behind is a checkpoint after some epoch and no result."""
    job, settings = job_for(folder_of, architecture), settings_of(architecture)
    through = run_trial(TrialSpec(job, settings, 3, tmp_path / "through", FULL))
    run_trial(TrialSpec(job, settings, 3, tmp_path / "killed", epochs(4, 0.5)))
    (tmp_path / "killed" / "until-50%.json").unlink()
    assert run_trial(TrialSpec(job, settings, 3, tmp_path / "killed", FULL)) == through
    one, two = (tmp_path / name / "best.safetensors" for name in ("through", "killed"))
    assert one.read_bytes() == two.read_bytes()


def test_finished_training_is_loaded_instead_of_repeated(job: TrainingJob, tmp_path: Path) -> None:
    assignment = TrialSpec(job, settings_of("mlp"), 3, tmp_path, FULL)
    first = run_trial(assignment)
    (tmp_path / "checkpoint.pt").write_bytes(b"would fail if it were read")
    assert run_trial(assignment) == first


def test_the_learning_rate_falls_to_the_end_and_the_best_epoch_is_kept(job: TrainingJob, tmp_path: Path) -> None:
    overfitting = settings_of("mlp", learning_rate=0.02, dropout=0.0, weight_decay=0.0)
    result = run_trial(TrialSpec(job, overfitting, 3, tmp_path, epochs(30)))
    assert result.score is not None
    assert result.best_epoch <= result.epochs == len(result.history) == 30
    assert result.history[-1]["learning_rate"] < 0.02 / 50
    best = min(row["valid_log_loss"] for row in result.history)
    assert result.score == best == result.history[result.best_epoch - 1]["valid_log_loss"]


@pytest.mark.parametrize("architecture", ["mlp", "gan"])
def test_an_epoch_of_large_data_passes_over_a_part_of_it(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    job, settings = job_for(folder_of, architecture), settings_of(architecture, batch_size=64)
    rows = load_training_data(job).train[0].rows
    short = Budget(BudgetSettings(epochs=20, min_steps=1, max_steps=2 * round(rows / 64)))  # two passes
    result = run_trial(TrialSpec(job, settings, 3, tmp_path / "short", short))
    assert result.epochs == 10, "a tenth of the steps each"
    for share in (0.25, 1.0):
        resumed = run_trial(TrialSpec(job, settings, 3, tmp_path / "resumed", short._replace(share=share)))
    assert resumed == result


def test_the_parts_of_a_pass_hold_every_row_once() -> None:
    run = gradient.Run(1, range(6), 6, lambda epoch, metrics: None, epochs_per_pass=3)
    passes = [
        torch.cat([run.epoch_rows(first + part, 100, torch.device("cpu")) for part in range(3)]) for first in (0, 3)
    ]
    assert all(sorted(rows.tolist()) == list(range(100)) for rows in passes)
    assert not torch.equal(*passes), "in another order"


def test_a_loss_that_is_no_number_is_a_reason_not_a_crash(job: TrainingJob, tmp_path: Path) -> None:
    wild = settings_of("mlp", learning_rate=1e30, optimizer="sgd")
    result = run_trial(TrialSpec(job, wild, 3, tmp_path, FULL))
    assert result.score is None
    assert "the training loss became" in result.reason
    assert read_json(tmp_path / "until-100%.json")["reason"] == result.reason


def test_a_network_that_cannot_be_built_says_why(job: TrainingJob, tmp_path: Path) -> None:
    of_another = settings_of("mlp")._replace(network=ARCHITECTURES["lenet5"].config())
    result = run_trial(TrialSpec(job, of_another, 3, tmp_path, FULL))
    assert result.score is None
    assert result.reason.startswith("ValueError: ")


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
def test_weights_read_back_answer_the_same(trained: TrainedOnce, architecture: str, problem: str) -> None:
    spec, result = trained(architecture, problem)
    data = load_training_data(spec.job)
    model = weights.load_model(architecture, data.task, spec.settings, spec.folder / "best")
    found = score_validation(model, data.task, data.valid)[f"valid_{data.task.goal.name}"]
    assert found == pytest.approx(result.score, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("weights_of_classes", ["none", "balanced"])
def test_closed_form_fits_use_class_weights(
    folder_of: Callable[[str], Path], tmp_path: Path, weights_of_classes: str
) -> None:
    """As scikit-learn's own class_weight; 37 % of the cells are malignant."""
    from sklearn.linear_model import LogisticRegression

    task = ClassificationSettings.model_validate({"weights": weights_of_classes})
    job = replace(training_job_of(folder_of("cells"), "logistic_regression", "cells"), task_settings=task)
    settings = settings_of("logistic_regression")
    run_trial(TrialSpec(job, settings, 3, tmp_path, FULL))
    data = load_training_data(job)
    model = weights.load_model("logistic_regression", data.task, settings, tmp_path / "best")
    with torch.no_grad():
        features = model.stem(*data.train[0].inputs).double().numpy()
    reference = LogisticRegression(
        max_iter=2000, class_weight="balanced" if weights_of_classes == "balanced" else None
    ).fit(features, data.train[0].target.values.numpy())
    with torch.no_grad():
        found = model.network(torch.from_numpy(features).float()).softmax(1)
    assert np.allclose(found, reference.predict_proba(features), atol=1e-4)


def test_architectures_without_class_weights_are_refused(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    task = ClassificationSettings(weights="balanced")
    job = replace(training_job_of(folder_of("digits"), "esn"), task_settings=task)
    result = run_trial(TrialSpec(job, settings_of("esn"), 3, tmp_path, FULL))
    assert result.score is None
    assert "cannot weigh classes; set weights: none" in result.reason


def test_live_augmentation_trains(job: TrainingJob, tmp_path: Path) -> None:
    live = replace(job, augment=job.augment.model_copy(update={"copies": "live"}))
    result = run_trial(TrialSpec(live, settings_of("mlp"), 3, tmp_path / "live", epochs(10)))
    assert result.score is not None
    assert result.score < math.log(10) / 3, "far better than shrugging"
    again = run_trial(TrialSpec(live, settings_of("mlp"), 3, tmp_path / "again", epochs(10)))
    assert again == result


def test_every_row_is_visited_once_per_epoch_in_batches_that_are_never_tiny() -> None:
    for count, size in ((10, 3), (97, 32), (1, 32), (33, 32)):
        rows = torch.arange(count)
        examples = Examples((rows, 2 * rows), WeightedTarget(10 * rows, 0.5 * rows))
        order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
        batches = list(gradient.shuffled_batches(examples, size, order))
        assert sorted(torch.cat([batch.inputs[0] for batch in batches]).tolist()) == list(range(count))
        for (one, two), (ten, half) in batches:
            assert torch.equal(two, 2 * one)
            assert torch.equal(ten, 10 * one)
            assert torch.equal(half, 0.5 * one)
        lengths = [batch.rows for batch in batches]
        assert max(lengths) - min(lengths) <= 1


def test_predictions_do_not_depend_on_the_batch_size(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_training_data(job)
    torch.manual_seed(0)
    model = build_fitted_model(job, data, settings_of("mlp"))
    whole = predict(model, data.task.postprocess(), data.valid.inputs)
    monkeypatch.setattr("pipelines.training.inference.MAX_BATCH_EXAMPLES", 7)
    sliced = predict(model, data.task.postprocess(), data.valid.inputs)
    assert whole == pytest.approx(sliced, abs=1e-6)
    assert whole.sum(axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_first_rung_is_late_enough_to_judge_and_the_last_is_the_whole_length(learner: str) -> None:
    rungs = LEARNERS[learner].rungs
    assert list(rungs) == sorted(set(rungs))
    assert rungs[0] >= 1 / 3
    assert rungs[-1] == 1


def test_a_full_disk_is_an_error_of_the_disk_and_not_of_the_setting(job: TrainingJob, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the write fails in the same place and way."""
    script = (
        "import pickle, resource, sys; from pathlib import Path\n"
        "from pipelines.training.trial import run_trial\n"
        "spec = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: run_trial(spec)\n"
        "except OSError as error: print(type(error).__name__, error.filename)\n"
    )
    assignment = TrialSpec(job, settings_of("mlp"), 3, tmp_path / "trial", FULL)
    (tmp_path / "assignment").write_bytes(pickle.dumps(assignment))
    command = [sys.executable, "-c", script, str(tmp_path / "assignment")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert ended.stdout.strip() == f"OSError {tmp_path / 'trial' / 'checkpoint.pt'}", ended.stderr
    assert list((tmp_path / "trial").iterdir()) == [], "nothing is kept that another run would believe"
    assert run_trial(assignment).score is not None, "with space again, it goes on"


def test_damaged_data_is_named_and_not_blamed_on_the_setting(digits_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(digits_folder, tmp_path / "digits")
    path = tmp_path / "digits" / "augmented" / "train" / "image.npy"
    path.write_bytes(path.read_bytes()[:5000])
    assignment = TrialSpec(training_job_of(tmp_path / "digits", "mlp"), settings_of("mlp"), 3, tmp_path / "trial", FULL)
    with pytest.raises(UserError, match=r"image\.npy is damaged"):
        run_trial(assignment)
    assert not list((tmp_path / "trial").glob("until-*"))
