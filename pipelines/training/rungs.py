"""Rungs of a search: how far every trial has come when it is compared with the others.

A trial is trained on the first fold, or beside the holdout, until some shares of the budget. Where there are folds, the
better ones are then trained on the next fold as well, and compared by the mean of all that they were trained on: few
rows are answered without a mistake by many settings, and the best of them is the one that is most certain.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.data.folds import Folds
from pipelines.tasks import Goal
from pipelines.training.common_epoch import best_common_epoch
from pipelines.training.learners import TrainingResult

SCORED_FOLDS = 2  # that the best trials are trained on


class Rung(NamedTuple):
    share: float  # of the budget
    fold: int = 0  # what is held out; 0 of a holdout


def plan_rungs(shares: Sequence[float], folds: int) -> tuple[Rung, ...]:
    """The rungs of a trial that goes all the way.

    >>> plan_rungs((0.5, 1.0), folds=2)
    (Rung(share=0.5, fold=0), Rung(share=1.0, fold=0), Rung(share=1.0, fold=1))

    Args:
        shares: of the budget after which trials are compared; the last is 1.
        folds: that a trial is trained on; 0 of a holdout.
    """
    return (*(Rung(share) for share in shares), *(Rung(1.0, fold) for fold in range(1, folds)))


def count_scored_rows(folds: Folds, trials: int) -> tuple[int, ...]:
    """How many rows each fold holds out that trials are compared on; none of a holdout, or with nothing to compare."""
    scored = min(folds.number, SCORED_FOLDS) if trials > 1 else 0
    return tuple(len(folds.held_out(fold)) for fold in range(scored))


def score_trial(results: Sequence[TrainingResult], fold_rows: Sequence[int], goal: Goal) -> TrainingResult:
    """What is said of a trial: the result on the one fold it was trained on, or the mean of several.

    Args:
        results: one per fold, the first one's first.
        fold_rows: how many rows each fold holds out.
    """
    if len(results) == 1:
        return results[0]
    epoch, score = best_common_epoch(results, fold_rows[: len(results)], goal)
    return TrainingResult(score, results[0].epochs, epoch)
