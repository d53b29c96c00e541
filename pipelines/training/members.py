"""Members: the trainings of a contender's best settings. What ships is one of them, or the average of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from models import ARCHITECTURES
from pipelines.runtime.cluster import TaskNeeds, open_workers
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import Crash
from pipelines.tasks import Goal
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.job import TrainingJob
from pipelines.training.learners import TrainingResult
from pipelines.training.trial import PRELOADED_MODULES, TrialSpec, read_result, run_trial

ProgressCallback = Callable[[int, float | None], None]  # (trainings over, best score so far)


NO_LIMIT = 2**63  # steps
REFIT = "refit"  # the member that was trained on all rows but the test's; it has no score, as nothing was held out


class Member(NamedTuple):
    """One training of the best settings; its weights' files are called like it."""

    name: str  # seed-0, fold-0, or trial for the best trial
    result: TrainingResult  # a failed one has no score
    folder: Path  # with its weights in best.*


def seed_specs(
    job: TrainingJob, settings: ContenderSettings[Any], budget: Budget, *, seed: int, seeds: int, folder: Path
) -> dict[str, TrialSpec]:
    """A training for each of so many seeds, by its member's name; one where the seed makes no difference.

    Args:
        folder: scratch of member m goes to `folder`/m.
    """
    count = seeds if ARCHITECTURES[job.architecture].uses_seed else 1
    return {
        name: TrialSpec(job, settings, derive_seed(seed, "train", number), folder / name, budget)
        for number, name in ((number, f"seed-{number}") for number in range(count))
    }


def fold_specs(
    job: TrainingJob, settings: ContenderSettings[Any], budget: Budget, *, seed: int, names: Sequence[str], folder: Path
) -> dict[str, TrialSpec]:
    """A training for each fold, by its member's name."""
    return {
        name: TrialSpec(replace(job, fold=fold), settings, derive_seed(seed, "train", fold), folder / name, budget)
        for fold, name in enumerate(names)
    }


def refit_spec(
    job: TrainingJob, settings: ContenderSettings[Any], members: Sequence[Member], *, seed: int, folder: Path
) -> dict[str, TrialSpec]:
    """A training on all rows, for as many epochs as the members took to be best in the mean."""
    epochs = max(1, round(mean(member.result.best_epoch for member in members)))
    length = BudgetSettings(epochs=epochs, min_steps=1, max_steps=NO_LIMIT)
    budget = Budget(length, keep_last=True)
    spec = TrialSpec(replace(job, fold=None), settings, derive_seed(seed, "train", "refit"), folder / REFIT, budget)
    return {REFIT: spec}


def train_members(
    specs: Mapping[str, TrialSpec], goal: Goal, *, folder: Path, workers: int, on_progress: ProgressCallback
) -> tuple[Member, ...]:
    """Train all members, in the order of `specs`; their scratch is below `folder`.

    Raises:
        UserError: if none ends with a score; the first reason is named.
    """
    finished: list[TrainingResult | Crash] = []

    def on_training_end(_: int, outcome: TrainingResult | Crash) -> None:
        finished.append(outcome)
        scores = [one.score for one in finished if isinstance(one, TrainingResult) and one.score is not None]
        on_progress(len(finished), goal.best_score(scores))

    on_progress(0, None)
    jobs = [spec.job for spec in specs.values()]
    needs = TaskNeeds(jobs[0].device, jobs[0].files, folder)
    with open_workers(run_trial, min(workers, len(specs)), PRELOADED_MODULES, needs) as pool:
        outcomes = pool.map(list(specs.values()), on_training_end)
    results = [
        TrainingResult(None, reason=outcome.reason) if isinstance(outcome, Crash) else outcome for outcome in outcomes
    ]
    if all(result.score is None for result in results):
        raise UserError(f"training failed in each of {len(results)} attempts: {results[0].reason}")
    return tuple(Member(name, result, spec.folder) for (name, spec), result in zip(specs.items(), results, strict=True))


def trial_members(architecture: str, folder: Path) -> tuple[Member, ...]:
    """The best trial of the search, a candidate like every seed; none where a seed makes no difference.

    Args:
        folder: as the search left it, `tune_folder.write_best_trial`.
    """
    if not ARCHITECTURES[architecture].uses_seed:
        return ()
    return (Member("trial", read_result(folder / "result.json"), folder),)


def best_member(members: Sequence[Member], goal: Goal) -> Member:
    """The one with the best score on validation, the first among equals."""
    scored = {member.result.score: member for member in reversed(members) if member.result.score is not None}
    score = goal.best_score(scored)
    assert score is not None, "members of which all failed have been refused"
    return scored[score]
