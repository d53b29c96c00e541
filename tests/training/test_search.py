"""The search: the same trials for any number of workers, killed or not; failures are rows, not crashes."""

import os
import re
import signal
import time
from pathlib import Path

import optuna
import pytest

from models.blocks.hyperparameters import Choice, Range
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import FORKSERVER
from pipelines.tasks import Goal
from pipelines.training.budget import BudgetSettings
from pipelines.training.finished_trials import Trial, best_trial
from pipelines.training.importances import setting_importances
from pipelines.training.job import TrainingJob
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space
from pipelines.training.trial import read_result
from pipelines.training.tune_folder import write_best_trial
from tests.support.killed_search import search_in_a_group
from tests.support.problems import training_job_of

GOAL = Goal("log_loss", "minimize")
LENGTH = BudgetSettings(epochs=4, min_steps=1)


def plan_of(
    job: TrainingJob, trials: int = 6, fix: dict[str, object] | None = None, contender: str = "digits-mlp"
) -> SearchConfig:
    found = build_search_space("digits-mlp", job.architecture, "classification", {"width": 16, **(fix or {})}, {})
    return SearchConfig(job, GOAL, found, trials, 3, LENGTH, (0.25, 0.5, 1.0), seed=5, contender=contender)


def run(plan: SearchConfig, folder: Path, workers: int = 1) -> list[Trial]:
    return run_search(plan, folder, workers, lambda *_: None)[1]


@pytest.fixture(scope="module")
def reference_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reference")


@pytest.fixture(scope="module")
def reference(digits_folder: Path, reference_folder: Path) -> list[Trial]:
    """An uninterrupted search with one worker."""
    return run(plan_of(training_job_of(digits_folder, "mlp")), reference_folder)


def test_the_first_trial_is_the_defaults(job: TrainingJob, reference: list[Trial]) -> None:
    plan = plan_of(job)
    assert (
        reference[0].settings
        == plan.space.first_values
        == {name: value for name, value in plan.space.add_fixed({}).to_json().items() if name in plan.space.domains}
    )
    assert "width" not in reference[0].settings, "what is fixed is not searched"


def test_the_other_first_trials_are_spread_over_the_space(reference: list[Trial]) -> None:
    second, third = (trial.settings["dropout"] for trial in reference[1:3])
    assert (second < 0.25) != (third < 0.25), "in different halves of [0, 0.5]"


def test_the_same_architecture_under_two_names_tries_other_settings(
    job: TrainingJob, reference: list[Trial], tmp_path: Path
) -> None:
    other = run(plan_of(job, trials=3, contender="digits-other"), tmp_path)
    assert other[0].settings == reference[0].settings, "the defaults are everyone's first trial"
    assert other[0].score != reference[0].score, "from other weights, in another order"
    assert all(one.settings != another.settings for one, another in zip(other[1:], reference[1:3], strict=True))


def test_every_trial_stays_within_its_ranges(job: TrainingJob, reference: list[Trial]) -> None:
    for trial in reference:
        for name, extent in plan_of(job).space.domains.items():
            value = trial.settings[name]
            if isinstance(extent, Choice):
                assert value in extent.options
            else:
                assert isinstance(extent, Range)
                factor = extent.scaled_by.factor(trial.settings["optimizer"]) if extent.scaled_by else 1
                assert extent.low * factor <= value <= extent.high * factor


def test_some_trials_are_pruned_and_at_least_one_goes_all_the_way(reference: list[Trial]) -> None:
    assert {trial.state for trial in reference} == {"complete", "pruned"}
    assert all(trial.epochs < 4 for trial in reference if trial.state == "pruned")
    assert all(trial.epochs == 4 for trial in reference if trial.state == "complete")


def test_two_workers_find_what_one_finds(job: TrainingJob, reference: list[Trial], tmp_path: Path) -> None:
    assert run(plan_of(job), tmp_path, workers=2) == reference


def test_a_search_killed_at_any_moment_goes_on_without_repeating_a_trial(
    job: TrainingJob, reference: list[Trial], tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    written: dict[Path, int] = {}
    for least in (1, 4, 8):  # kill when so many results are there
        process = FORKSERVER.Process(target=search_in_a_group, args=(plan_of(job), scratch, 2))
        process.start()
        while process.is_alive() and len(list(scratch.glob("trial-*/until-*.json"))) < least:
            time.sleep(0.01)
        assert len(list(scratch.glob("trial-*/until-*.json"))) >= least, "it ended before it did anything"
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        for path in scratch.glob("trial-*/until-*.json"):
            assert written.setdefault(path, path.stat().st_mtime_ns) == path.stat().st_mtime_ns, "trained again"
    assert run(plan_of(job), scratch) == reference
    assert not list(scratch.glob("trial-*/checkpoint.*")), "nothing goes on from there"
    best = best_trial(reference, GOAL)
    (kept,) = scratch.glob("trial-*/best.*")
    write_best_trial(scratch, best, best.settings, tmp_path / "written")
    assert (tmp_path / "written" / "best.safetensors").read_bytes() == kept.read_bytes()
    result = read_result(tmp_path / "written" / "result.json")
    assert (result.score, result.epochs, result.best_epoch) == (best.score, best.epochs, best.best_epoch)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in written.items())


def test_the_study_is_one_that_optuna_can_open(reference: list[Trial], reference_folder: Path) -> None:
    journal = optuna.storages.journal.JournalFileBackend(str(reference_folder / "journal.log"))
    study = optuna.load_study(study_name="mlp", storage=optuna.storages.JournalStorage(journal))
    assert [trial.state.name.lower() for trial in study.trials] == [
        {"failed": "fail"}.get(trial.state, trial.state) for trial in reference
    ]
    assert study.best_value == best_trial(reference, GOAL).score


def test_importances_need_enough_trials_and_name_every_setting_searched(job: TrainingJob, tmp_path: Path) -> None:
    few, _ = run_search(plan_of(job, trials=3), tmp_path / "few", 1, lambda *_: None)
    assert setting_importances(few) == {}
    plan = plan_of(job, trials=9)
    study, _ = run_search(plan, tmp_path / "enough", 1, lambda *_: None)
    shares = setting_importances(study)
    assert set(shares) == set(plan.space.domains)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert sum(shares.values()) == pytest.approx(1)
    assert setting_importances(study) == shares


def test_a_trial_that_fails_is_a_row_with_its_reason_and_the_search_goes_on(job: TrainingJob, tmp_path: Path) -> None:
    plan = plan_of(job, fix={"optimizer": "sgd"})
    plan.space.domains["learning_rate"] = Range(1e-2, 1e30, log=True, integer=False)  # most of it diverges
    first_values = {**plan.space.first_values, "learning_rate": 1e-2}
    trials = run(plan._replace(space=plan.space._replace(first_values=first_values)), tmp_path)
    assert len(trials) == 6
    failed = [trial for trial in trials if trial.state == "failed"]
    assert failed
    assert all(
        trial.score is None and re.match(r"the (training loss|validation log_loss) became ", trial.reason)
        for trial in failed
    )
    assert best_trial(trials, GOAL).state == "complete"


def test_a_search_in_which_all_trials_fail_says_why(job: TrainingJob, tmp_path: Path) -> None:
    plan = plan_of(job, trials=2, fix={"optimizer": "sgd", "learning_rate": 1.0e30})
    with pytest.raises(UserError, match=r"all 2 trials failed\. trial 0: the training loss became"):
        run(plan, tmp_path)


def test_the_best_is_complete_even_if_a_pruned_one_looked_better() -> None:
    rows = [
        Trial(0, "failed", None, 0, 0, "reason", {}),
        Trial(1, "pruned", 0.1, 1, 1, "", {}),
        Trial(2, "complete", 0.3, 4, 4, "", {}),
        Trial(3, "complete", 0.3, 4, 4, "", {}),
    ]
    assert best_trial(rows, GOAL).number == 2
    assert best_trial(rows[:2], GOAL).number == 1, "for want of a complete one"
    assert best_trial(rows, Goal("accuracy", "maximize")).number == 2
