"""The epoch that several trainings of the same settings keep, each on a fold of its own."""

from collections.abc import Sequence

from pipelines.tasks import Goal
from pipelines.training.learners import TrainingResult


def best_common_epoch(results: Sequence[TrainingResult], rows: Sequence[int], goal: Goal) -> tuple[int, float]:
    """The epoch that is best in the mean of the folds, by the rows that each holds out, and that mean.

    No later one than the fold that ended first came to: it ended as it got worse, and how much more nobody measured.
    """
    curves = [[measured[f"valid_{goal.name}"] for measured in result.history] for result in results]
    total = sum(rows)
    means = [
        sum(score * weight for score, weight in zip(at, rows, strict=True)) / total for at in zip(*curves, strict=False)
    ]
    best = goal.best_score(means)
    assert best is not None, "folds of which one failed have been refused"
    return means.index(best) + 1, best
