"""The best settings, trained from several seeds: how good the network is, and how much of that is luck."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.runtime.files import copy_file
from pipelines.runtime.seeds import derive
from pipelines.runtime.user_error import Failure
from pipelines.runtime.workers import Crash, Workers
from pipelines.tasks import Goal
from pipelines.training.job import Lesson
from pipelines.training.learners import Course
from pipelines.training.trial import IMPORTS, Assignment, Result, carry_out

Watch = Callable[[int, float | None], None]  # (seeds over, best score so far)


class Repeats(NamedTuple):
    results: tuple[Result, ...]  # one per seed, in order; a failed one has no score
    best: int  # the seed with the best validation score


def repeat(
    lesson: Lesson,
    settings: Mapping[str, Any],
    goal: Goal,
    course: Course,
    *,
    seed: int,
    seeds: int,
    folder: Path,
    workers: int,
    watch: Watch,
) -> Repeats:
    """Train `seeds` times; scratch and the weights go to `folder`/seed-<k>.

    Raises:
        Failure: if no seed ends with a score; the first reason is named.
    """
    assignments = [
        Assignment(lesson, settings, derive(seed, "train", number), folder / f"seed-{number}", course)
        for number in range(seeds)
    ]
    ended: list[Result | Crash] = []

    def over(_: int, outcome: Result | Crash) -> None:
        ended.append(outcome)
        scores = [one.score for one in ended if isinstance(one, Result) and one.score is not None]
        watch(len(ended), goal.best(scores))

    watch(0, None)
    with Workers(carry_out, min(workers, seeds), IMPORTS) as pool:
        outcomes = pool.map(assignments, over)
    results = tuple(
        Result(None, reason=outcome.reason) if isinstance(outcome, Crash) else outcome for outcome in outcomes
    )
    best = goal.best([result.score for result in results if result.score is not None])
    if best is None:
        raise Failure(f"training failed from each of {seeds} seeds: {results[0].reason}")
    return Repeats(results, next(number for number, result in enumerate(results) if result.score == best))


def keep_weights(repeats: Repeats, folder: Path, kept: Path) -> None:
    """Copy every seed's best weights from scratch to `kept`/seed-<k>.*"""
    for number, result in enumerate(repeats.results):
        if result.score is None:
            continue
        for path in sorted((folder / f"seed-{number}").glob("best.*")):
            copy_file(path, kept / f"seed-{number}{path.suffix}")


def facts(repeats: Repeats) -> dict[str, Any]:
    """How every seed ended, for model.json."""
    return {
        "best_seed": repeats.best,
        "seeds": [
            {"score": one.score, "epochs": one.epochs, "best_epoch": one.best_epoch, "reason": one.reason}
            for one in repeats.results
        ],
    }
