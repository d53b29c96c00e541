"""The search in limited time: the clock decides how many trials there are, and nothing else."""

from pathlib import Path

import pytest

from pipelines.tasks import Goal
from pipelines.training.budget import BudgetSettings
from pipelines.training.finished_trials import Trial, best_trial, trial_folder_name
from pipelines.training.importances import setting_importances
from pipelines.training.job import TrainingJob
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space
from pipelines.training.timed_search import count_trials_in_time
from tests.support.problems import training_job_of


def plan_of(job: TrainingJob, stop_after: int | None = None) -> SearchConfig:
    space = build_search_space("digits-mlp", job.architecture, "classification", {"width": 16}, {})
    return SearchConfig(
        job, Goal("log_loss", "minimize"), space, 6, 3, BudgetSettings(epochs=4, min_steps=1), (0.25, 0.5, 1.0),
        seed=5, contender="digits-mlp", stop_after=stop_after,
    )  # fmt: skip


def run(plan: SearchConfig, folder: Path) -> list[Trial]:
    return run_search(plan, folder, 2, lambda *_: None)[1]


@pytest.fixture(scope="module")
def reference(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    """A search without limits."""
    return run(plan_of(training_job_of(digits_folder, "mlp")), tmp_path_factory.mktemp("reference"))


def test_without_any_time_a_search_ends_as_soon_as_it_has_a_score(job: TrainingJob, tmp_path: Path) -> None:
    plan = plan_of(job)
    assert 1 <= count_trials_in_time(plan, tmp_path, 2, lambda *_: None, seconds=0.0) <= plan.generation_size


def test_with_time_to_spare_all_trials_are_over(job: TrainingJob, tmp_path: Path, reference: list[Trial]) -> None:
    assert count_trials_in_time(plan_of(job), tmp_path, 2, lambda *_: None, seconds=1e6) == len(reference)


@pytest.mark.parametrize("stop_after", [1, 2, 4, 5])
def test_a_stopped_search_has_the_first_trials_of_a_whole_one(
    stop_after: int, job: TrainingJob, tmp_path: Path, reference: list[Trial]
) -> None:
    def is_time_up() -> bool:
        return len(list(tmp_path.glob("trial-*/until-25%.json"))) >= stop_after

    _, explored = run_search(plan_of(job), tmp_path, 2, lambda *_: None, is_time_up)
    study, trials = run_search(plan_of(job, len(explored)), tmp_path, 1, lambda *_: None)
    assert trials == explored == reference[: len(explored)]
    assert len(study.trials) == len(trials), "nothing is left of those that the clock cut off"
    assert setting_importances(study) == {}
    best = best_trial(trials, plan_of(job).goal)
    assert list((tmp_path / trial_folder_name(best.number)).glob("best.*")), "its weights are kept"


def test_a_later_search_goes_on_from_the_trials_that_are_there(
    job: TrainingJob, tmp_path: Path, reference: list[Trial]
) -> None:
    count_trials_in_time(plan_of(job), tmp_path, 2, lambda *_: None, seconds=0.0)
    first = tmp_path / trial_folder_name(0) / "until-100%.json"
    written_at = first.stat().st_mtime_ns
    assert run(plan_of(job), tmp_path) == reference
    assert first.stat().st_mtime_ns == written_at


def test_trials_of_an_earlier_run_are_not_left_out(job: TrainingJob, tmp_path: Path, reference: list[Trial]) -> None:
    run(plan_of(job), tmp_path)
    assert count_trials_in_time(plan_of(job), tmp_path, 2, lambda *_: None, seconds=0.0) == len(reference)
