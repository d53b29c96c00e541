"""Training of the best settings from several seeds; the differences between them are luck."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.runtime.cluster import TaskNeeds, open_workers
from pipelines.runtime.files import copy_file
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import Crash
from pipelines.tasks import Goal
from pipelines.training.budget import Budget
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.job import TrainingJob
from pipelines.training.learners import TrainingResult
from pipelines.training.trial import PRELOADED_MODULES, TrialSpec, run_trial

ProgressCallback = Callable[[int, float | None], None]  # (seeds over, best score so far)


class SeedRuns(NamedTuple):
    results: tuple[TrainingResult, ...]  # one per seed, in order; a failed one has no score
    best_seed: int  # the seed with the best validation score


def train_seeds(
    job: TrainingJob,
    settings: ContenderSettings[Any],
    goal: Goal,
    budget: Budget,
    *,
    seed: int,
    seeds: int,
    folder: Path,
    workers: int,
    on_progress: ProgressCallback,
) -> SeedRuns:
    """Train `seeds` times; scratch and the weights go to `folder`/seed-<k>.

    Raises:
        UserError: if no seed ends with a score; the first reason is named.
    """
    specs = [
        TrialSpec(job, settings, derive_seed(seed, "train", number), folder / f"seed-{number}", budget)
        for number in range(seeds)
    ]
    finished: list[TrainingResult | Crash] = []

    def on_seed_end(_: int, outcome: TrainingResult | Crash) -> None:
        finished.append(outcome)
        scores = [one.score for one in finished if isinstance(one, TrainingResult) and one.score is not None]
        on_progress(len(finished), goal.best_score(scores))

    on_progress(0, None)
    needs = TaskNeeds(job.device, job.files, folder)
    with open_workers(run_trial, min(workers, seeds), PRELOADED_MODULES, needs) as pool:
        outcomes = pool.map(specs, on_seed_end)
    results = tuple(
        TrainingResult(None, reason=outcome.reason) if isinstance(outcome, Crash) else outcome for outcome in outcomes
    )
    best_score = goal.best_score([result.score for result in results if result.score is not None])
    if best_score is None:
        raise UserError(f"training failed from each of {seeds} seeds: {results[0].reason}")
    return SeedRuns(results, next(number for number, result in enumerate(results) if result.score == best_score))


def copy_best_weights(runs: SeedRuns, folder: Path, destination: Path) -> None:
    """Copy every seed's best weights from scratch to `destination`/seed-<k>.*"""
    for number, result in enumerate(runs.results):
        if result.score is None:
            continue
        for path in sorted((folder / f"seed-{number}").glob("best.*")):
            copy_file(path, destination / f"seed-{number}{path.suffix}")


def seed_summary(runs: SeedRuns) -> dict[str, Any]:
    """How every seed ended, for model.json."""
    return {
        "best_seed": runs.best_seed,
        "seeds": [
            {"score": one.score, "epochs": one.epochs, "best_epoch": one.best_epoch, "reason": one.reason}
            for one in runs.results
        ],
    }
