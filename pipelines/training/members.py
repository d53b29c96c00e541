"""Members: the trainings of a contender's best settings. What ships is one of them, or the average of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from models import ARCHITECTURES
from pipelines.runtime.cluster import TaskNeeds, open_workers
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import Crash
from pipelines.tasks import Goal
from pipelines.training.budget import Budget
from pipelines.training.common_epoch import best_common_epoch
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.job import TrainingJob
from pipelines.training.learners import TrainingResult
from pipelines.training.trial import TrialSpec, preloaded_modules, read_result, run_trial

ProgressCallback = Callable[[int, float | None], None]  # (trainings over, best score so far)


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
    job: TrainingJob,
    settings: ContenderSettings[Any],
    budget: Budget,
    members: Sequence[Member],
    *,
    seed: int,
    folder: Path,
) -> dict[str, TrialSpec]:
    """A training on all rows, until the epoch that the folds keep."""
    kept = budget._replace(keep_epoch=members[0].result.best_epoch)
    spec = TrialSpec(replace(job, fold=None), settings, derive_seed(seed, "train", "refit"), folder / REFIT, kept)
    return {REFIT: spec}


def common_epoch_specs(
    specs: Mapping[str, TrialSpec], members: Sequence[Member], rows: Sequence[int], goal: Goal
) -> dict[str, TrialSpec]:
    """Trainings of the folds that were best at another epoch than all of them in the mean, until that one.

    An epoch that every fold chose by the rows that it answers for would flatter its answers. A training that is done
    again goes along the same schedule, from the same seed.
    """
    epoch, _ = best_common_epoch([member.result for member in members], rows, goal)
    return {
        member.name: replace(spec, folder=spec.folder / f"epoch-{epoch}", budget=spec.budget._replace(keep_epoch=epoch))
        for member, spec in zip(members, specs.values(), strict=True)
        if member.result.best_epoch != epoch
    }


def replace_trained_again(members: Sequence[Member], again: Sequence[Member]) -> tuple[Member, ...]:
    """Members of which some were trained again, with all epochs that were tried, as learning curves show them."""
    found = {member.name: member for member in members}
    for member in again:
        first = found[member.name].result
        found[member.name] = member._replace(result=replace(member.result, epochs=first.epochs, history=first.history))
    return tuple(found.values())


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
    imports = preloaded_modules(jobs[0].architecture)
    with open_workers(run_trial, min(workers, len(specs)), imports, needs) as pool:
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
