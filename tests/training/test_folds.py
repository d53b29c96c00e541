"""Training on folds: nothing of a fold reaches its own model, which alone answers for the rows of the fold."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.data.folds import HOLDOUT, read_folds
from pipelines.data.parts import Part, join_parts, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.data.text import fit_vocabulary
from pipelines.runtime.files import write_json
from pipelines.runtime.user_error import UserError
from pipelines.splitting.split import SplitSettings, split_dataset, write_split
from pipelines.tasks import Goal, build_task
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.common_epoch import best_common_epoch
from pipelines.training.contender import Plan, TrainedContender, member_specs, train_contender
from pipelines.training.contender_settings import make_settings
from pipelines.training.finished_trials import best_trial, trial_folder_name
from pipelines.training.job import TrainingJob, build_fitted_model, load_training_data, read_job_schema
from pipelines.training.learners import TrainingResult
from pipelines.training.out_of_fold import answer_folds
from pipelines.training.rungs import SCORED_FOLDS, count_scored_rows
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space
from pipelines.training.ship_settings import Ship
from pipelines.training.trial import read_result
from pipelines.training.weights import load_model
from tests.support.budgets import epochs
from tests.support.problems import AUGMENT_SETTINGS, PROBLEMS, load_problem, training_job_of

ROWS = 200


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A problem with three folds, as the stages write it, with an augmented copy of images."""

    @cache
    def make(problem: str) -> Path:
        row, data = PROBLEMS[problem], load_problem(problem)
        part = Part(tuple(values[:ROWS] for values in data.part.inputs), data.part.target[:ROWS])
        data = data._replace(part=part, keys={name: values[:ROWS] for name, values in data.keys.items()})
        folder = tmp_path_factory.mktemp(problem)
        write_split(folder / "split", data, *split_dataset(data, SplitSettings(by=row.split_by, folds=3), seed=1))
        schema = read_schema(folder / "split" / "schema.json")
        pool = join_parts(*(read_part(folder / "split" / name, schema) for name in ("train", "valid")))
        settings = AUGMENT_SETTINGS if problem == "digits" else row.augment
        write_part(folder / "augmented" / "train", schema, augmented_copies(pool, schema, settings, seed=1))
        return folder

    return make


def job_of(folder: Path, architecture: str, problem: str) -> TrainingJob:
    job = training_job_of(folder, architecture, problem)
    return replace(job, folds_file=folder / "split" / "valid" / "folds.npz")


def train(job: TrainingJob, folder: Path, ship: Ship | None = None, length: int = 2) -> TrainedContender:
    task = build_task(job.task_settings, read_schema(job.schema_file))
    settings = make_settings(job.architecture, task.name, {})
    plan = Plan(job, settings, epochs(length), 5, 3, ship, folder, folder / "trial", workers=1)
    return train_contender(plan, member_specs(plan), task, lambda *_: None)


def test_nothing_of_a_fold_reaches_what_is_fitted_and_trained_for_it(
    folded: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = folded("digits")
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    fold = 1
    rows = read_folds(folder / "split" / "valid" / "folds.npz").held_out(fold)
    path = changed / "augmented" / "train" / "image.npy"
    images = np.load(path)
    images[:, rows] = 255 - images[:, rows]  # in every copy
    np.save(path, images)
    data, other = (
        load_training_data(replace(job_of(place, "mlp", "digits"), fold=fold)) for place in (folder, changed)
    )
    assert not torch.equal(data.valid.inputs[0], other.valid.inputs[0])
    for mine, theirs in zip(data.train, other.train, strict=True):
        assert len(mine.inputs[0]) == len(read_folds(folder / "split" / "valid" / "folds.npz").trained(fold))
        assert torch.equal(mine.inputs[0], theirs.inputs[0])
    torch.manual_seed(1)
    model = build_fitted_model(job_of(folder, "mlp", "digits"), data, make_settings("mlp", "classification", {}))
    torch.manual_seed(1)
    twin = build_fitted_model(job_of(changed, "mlp", "digits"), other, make_settings("mlp", "classification", {}))
    assert all(torch.equal(model.state_dict()[name], values) for name, values in twin.state_dict().items())


def test_every_row_is_answered_by_the_model_that_has_not_seen_it(folded: Callable[[str], Path], tmp_path: Path) -> None:
    folder = folded("digits")
    job = job_of(folder, "mlp", "digits")
    schema, folds = read_schema(job.schema_file), read_folds(folder / "split" / "valid" / "folds.npz")
    task = build_task(job.task_settings, schema)
    trained = train(job, tmp_path)
    assert [member.name for member in trained.members] == ["fold-0", "fold-1", "fold-2"]
    assert (trained.shipped.ship, trained.shipped.members) == ("ensemble", ("fold-0", "fold-1", "fold-2"))
    settings = make_settings("mlp", "classification", {})
    models = [load_model("mlp", task, settings, member.folder / "best") for member in trained.members]
    pool = join_parts(*(read_part(folder / "split" / name, schema) for name in ("train", "valid")))
    held_out = answer_folds(task, models, pool, folds)
    assert np.array_equal(held_out.reference.codes, pool.target), "every row, in the order of the rows"
    for fold, (model, member) in enumerate(zip(models, trained.members, strict=True)):
        rows = folds.held_out(fold)
        with torch.no_grad():
            expected = model(torch.from_numpy(pool.inputs[0][rows])).numpy()
        np.testing.assert_allclose(held_out.outputs[rows], expected, atol=1e-5)
        losses = -np.log(torch.softmax(torch.from_numpy(expected), 1).numpy())[np.arange(len(rows)), pool.target[rows]]
        assert losses.mean() == pytest.approx(member.result.score, rel=1e-4), "as it was stopped and measured by"
        (shares,) = next(iter(held_out.baselines.values()))[rows][:1]
        counts = np.bincount(pool.target[folds.trained(fold)], minlength=10)
        assert counts[shares.argmax()] == counts.max(), "baselines are fitted outside the fold, too"


@pytest.mark.parametrize(("architecture", "problem"), [("mlp", "diabetes"), ("gradient_boosting", "diabetes")])
def test_all_folds_keep_the_epoch_that_is_best_in_their_mean(
    folded: Callable[[str], Path], tmp_path: Path, architecture: str, problem: str
) -> None:
    folder = folded(problem)
    job = job_of(folder, architecture, problem)
    goal = build_task(job.task_settings, read_schema(job.schema_file)).goal.name
    members = train(job, tmp_path, length=30).members
    curves = [[measured[f"valid_{goal}"] for measured in member.result.history] for member in members]
    (kept,) = {member.result.best_epoch for member in members}
    folds = read_folds(folder / "split" / "valid" / "folds.npz")
    measured_by_all = np.array([curve[: min(map(len, curves))] for curve in curves])
    weights = [len(folds.held_out(fold)) for fold in range(3)]
    assert kept == 1 + np.average(measured_by_all, axis=0, weights=weights).argmin()
    assert any(np.argmin(curve) + 1 != kept for curve in curves), "a fold would have chosen another one"
    for member, curve in zip(members, curves, strict=True):
        assert len(curve) == member.result.epochs
        tolerance = 1e-4 if architecture != "mlp" else 1e-12  # a training is the same when it is done again
        assert member.result.score == pytest.approx(curve[kept - 1], rel=tolerance)


def test_folds_keep_no_epoch_that_one_of_them_never_came_to() -> None:
    down, up = Goal("loss", "minimize"), Goal("loss", "maximize")
    results = [result_of(5, 3, 4), result_of(4, 3, 2, 1, 6)]
    assert best_common_epoch(results, [1, 1], down) == (2, 3)
    assert best_common_epoch(results, [1, 1], up) == (1, 4.5)
    results = [result_of(1, 5), result_of(4, 2)]
    assert best_common_epoch(results, [9, 1], down) == (1, pytest.approx(1.3))
    assert best_common_epoch(results, [1, 9], down) == (2, pytest.approx(2.3))


def result_of(*scores: float) -> TrainingResult:
    return TrainingResult(scores[-1], len(scores), history=tuple({"valid_loss": one} for one in scores))


def test_the_best_trials_of_a_search_are_judged_by_the_rows_of_two_folds(
    folded: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = folded("digits")
    job, goal = job_of(folder, "mlp", "digits"), Goal("log_loss", "minimize")
    fold_rows = count_scored_rows(read_folds(folder / "split" / "valid" / "folds.npz"), trials=6)
    assert len(fold_rows) == SCORED_FOLDS == 2
    space = build_search_space("digits-mlp", "mlp", "classification", {"width": 16}, {})
    config = SearchConfig(job, goal, space, 6, 3, epochs(4).length, (0.5, 1.0), 5, "digits-mlp", fold_rows)
    _, trials = run_search(config, tmp_path / "one", 1, lambda *_: None)
    assert {trial.state for trial in trials} == {"complete", "pruned"}
    for trial in trials:
        place = tmp_path / "one" / trial_folder_name(trial.number)
        last = max(place.glob("until-*.json"), key=lambda path: read_result(path).epochs)
        second = place / "fold-1" / "until-100%.json"
        assert second.exists() == (trial.state == "complete")
        if trial.state == "complete":
            results = [read_result(last), read_result(second)]
            assert results[0].history != results[1].history
            assert (trial.best_epoch, trial.score) == best_common_epoch(results, fold_rows, goal)
        else:
            assert trial.score == read_result(last).score
    (kept,) = (tmp_path / "one").rglob("best.*")
    assert kept.parent.name == trial_folder_name(best_trial(trials, goal).number), "the first fold's, of the best"
    assert run_search(config, tmp_path / "two", 2, lambda *_: None)[1] == trials


def test_a_trial_that_nothing_is_compared_with_is_trained_on_one_fold(folded: Callable[[str], Path]) -> None:
    folds = read_folds(folded("digits") / "split" / "valid" / "folds.npz")
    assert count_scored_rows(folds, trials=1) == count_scored_rows(HOLDOUT, trials=6) == ()


def test_a_trial_that_fails_on_its_second_fold_says_where(folded: Callable[[str], Path], tmp_path: Path) -> None:
    job = job_of(folded("digits"), "mlp", "digits")
    space = build_search_space("digits-mlp", "mlp", "classification", {"width": 16}, {})
    config = SearchConfig(
        job, Goal("log_loss", "minimize"), space, 2, 2, epochs(1).length, (1.0,), 5, "digits-mlp", (67, 67)
    )
    write_json(tmp_path / trial_folder_name(0) / "fold-1" / "until-100%.json", vars(TrainingResult(None, reason="why")))
    failed, other = run_search(config, tmp_path, 1, lambda *_: None)[1]
    assert (failed.state, failed.score, failed.reason) == ("failed", None, "on fold 1, why")
    assert other.score is not None


def test_a_split_by_time_and_a_wish_ship_a_model_that_is_trained_on_all_rows(
    folded: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = folded("sunspots")
    job = job_of(folder, "lstm", "sunspots")
    trained = train(job, tmp_path / "time")
    refit = trained.members[-1]
    assert (trained.shipped.ship, trained.shipped.members) == ("refit", ("refit",))
    assert refit.result.score is None
    assert not refit.result.reason
    assert {member.result.best_epoch for member in trained.members} == {refit.result.epochs}, "the epoch of the folds"
    rows = len(load_training_data(replace(job, fold=None)).train[0].inputs[0])
    assert rows == len(read_part(folder / "augmented" / "train", read_schema(job.schema_file)).target[0])
    assert train(job, tmp_path / "asked", "ensemble").shipped.ship == "ensemble"


def test_a_fold_that_fails_is_named(folded: Callable[[str], Path], tmp_path: Path) -> None:
    job = job_of(folded("digits"), "mlp", "digits")
    task = build_task(job.task_settings, read_schema(job.schema_file))
    settings = make_settings("mlp", "classification", {"learning_rate": 1e30})
    plan = Plan(job, settings, epochs(1), 5, 3, None, tmp_path, tmp_path / "trial", workers=1)
    with pytest.raises(UserError, match="training failed"):
        train_contender(plan, member_specs(plan), task, lambda *_: None)


def test_characters_are_fitted_on_the_rows_that_words_are(folded: Callable[[str], Path]) -> None:
    job = job_of(folded("texts"), "gru", "texts")
    schema = read_schema(job.schema_file)
    train = read_part(job.schema_file.parent / "train", schema)
    assert fit_vocabulary(schema, train) == schema
    assert read_job_schema(replace(job, tokens="characters")) == fit_vocabulary(schema, train, "characters")
