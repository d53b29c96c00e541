"""Finished trials of a search: the rows of trials.csv, the best of them, and where each left its scratch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipelines.tasks import Goal


class Trial(NamedTuple):
    """A row of trials.csv."""

    number: int
    state: str  # complete, pruned or failed
    score: float | None
    epochs: int  # on the first fold, where there are folds
    best_epoch: int  # counted from 1; of several folds, in their mean
    reason: str  # of a failure
    settings: dict[str, Any]  # what was searched


def best_trial(rows: Sequence[Trial], goal: Goal) -> Trial:
    """The complete trial with the best score, the earliest among equals.

    If none is complete (those that were let through failed later), the best of the pruned ones.
    """
    scored: dict[float, Trial] = {}
    for state in ("pruned", "complete"):
        scored_in_state = {row.score: row for row in reversed(rows) if row.state == state and row.score is not None}
        scored = scored_in_state or scored
    score = goal.best_score(scored)
    assert score is not None, "a search without a single score has failed before"
    return scored[score]


def trial_folder_name(number: int) -> str:
    """The folder of a trial in the scratch of its search."""
    return f"trial-{number:04d}"
