"""Non-inferiority: has validation shown that an entry is as good as the best, that it is behind, or neither?

An entry is as good within the margin if the one-sided 95 % bound of its paired loss against the best is at most the
margin: the chance of saying so of one that is worse than that is 5 %. That a difference is not significant says nothing
of the kind: with few rows nothing is.

Piaggio et al., "Reporting of Noninferiority and Equivalence Randomized Trials", JAMA 308(24), 2012.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

from pipelines.evaluation.leaderboard import Verdict
from pipelines.evaluation.significance import ALPHA, Comparison
from pipelines.tasks import Goal

TOO_CLOSE = 1e-100  # a distance whose square is 0
MAX_MORE_ROWS = 10_000_000  # beyond, the difference is too small to be told by collecting more
POWER = 0.8  # the chance of a verdict that the number of rows to tell stands for
POWER_QUANTILE = NormalDist().inv_cdf(POWER)
ONE_SIDED_QUANTILE = NormalDist().inv_cdf(1 - ALPHA)


class PairedLoss(NamedTuple):
    """What an entry loses against the best on validation; positive where it is worse, in units of the goal.

    The fields are numbers; in a simulation, arrays of them.
    """

    mean: float  # over the rows
    standard_error: float  # of that mean
    bound: float  # the loss is below it with 95 % confidence, one-sided
    p_value: float  # of no difference, two-sided, corrected for all pairs
    rows: int
    reason: str = ""  # why the rows are too few to tell; then all but the mean and the rows is NaN
    training_error: float = 0.0  # the part of the standard error that more rows would not lessen


def measure_paired_loss(comparison: Comparison, goal: Goal, rows: int) -> PairedLoss:
    """What a comparison with the best says of a loss."""
    low, high = comparison.interval_90  # either end of which is a one-sided bound
    is_minimised = goal.direction == "minimize"
    return PairedLoss(
        mean=comparison.difference if is_minimised else -comparison.difference,
        standard_error=(high - low) / 2 / ONE_SIDED_QUANTILE,
        bound=high if is_minimised else -low,
        p_value=comparison.p_value,
        rows=rows,
        reason=comparison.reason,
        training_error=comparison.training_error,
    )


def find_margin(share: float, best_score: float, baseline_score: float, goal: Goal) -> float:
    """The margin in units of the goal: a share of the best's gain over the best baseline; 0 where it gains nothing."""
    gain = baseline_score - best_score if goal.direction == "minimize" else best_score - baseline_score
    return share * gain if gain > 0 else 0.0


def find_verdict(loss: PairedLoss, margin: float) -> Verdict:
    """What validation has shown; a difference within the margin is no reason to call an entry behind."""
    if loss.bound <= margin:
        return "as good within the margin"
    return "behind" if loss.p_value < ALPHA and loss.mean > 0 else "undecided"


def count_more_rows(loss: PairedLoss, margin: float, comparisons: int = 1) -> int | None:
    """About how many more validation rows would tell, with a chance of 80 %, if the loss stays as it is.

    They tell that the loss is below the margin or that it is above 0, whichever takes fewer.

    Args:
        comparisons: among which the p-value is corrected.

    Returns:
        Two significant digits, rounded up; None if no number of rows that could be had would tell, or if these are too
        few to say how many would.
    """
    if loss.reason:
        return None
    fixed = loss.training_error**2
    variance = max(loss.standard_error**2 - fixed, 0) * loss.rows  # of one row, or of as much as one of a cluster tells
    needed = []
    if loss.mean < margin - TOO_CLOSE:
        needed.append(count_rows(variance, margin - loss.mean, ONE_SIDED_QUANTILE, fixed))
    if loss.mean > TOO_CLOSE:
        needed.append(count_rows(variance, loss.mean, NormalDist().inv_cdf(1 - ALPHA / 2 / comparisons), fixed))
    more = min(needed, default=math.inf) - loss.rows
    return _round_up(max(more, 1)) if more <= MAX_MORE_ROWS else None


def count_rows(
    variance: float, distance: float, quantile: float = NormalDist().inv_cdf(1 - ALPHA / 2), fixed: float = 0.0
) -> float:
    """How many rows tell a mean from a value at that distance, with a power of 80 %.

    Args:
        variance: of one row.
        quantile: of the standard normal, at the level of the test; by default two-sided, 5 %.
        fixed: the variance of the mean that stays however many rows there are.

    Returns:
        Infinity where no number of rows tells.

    >>> [round(count_rows(0.1 - gap**2, gap)) for gap in (0.05, 0.02, 0.01)]  # accuracies of which 10 % of rows differ
    [306, 1954, 7841]
    """
    affordable = distance**2 / (quantile + POWER_QUANTILE) ** 2 - fixed
    return variance / affordable if affordable > 0 else math.inf


def _round_up(value: float) -> int:
    unit = int(10 ** max(0, math.floor(math.log10(value)) - 1))
    return math.ceil(value / unit) * unit
