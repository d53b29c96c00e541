"""Significance: paired tests of all pairs of contenders at once, and intervals of their differences.

All contenders have predictions for the same rows. If two were equally good, then which of them got the better score on
a row would be random. So the signs of the differences are flipped at random, ten thousand times, whole clusters of rows
together (Fisher's paired randomisation test). On accuracy this is the randomised form of McNemar's test, which
Dietterich ("Approximate Statistical Tests for Comparing Supervised Classification Learning Algorithms", Neural
Computation 10(7), 1998) recommends for models that were trained once.

Flipped signs are a fair game where differences are as often below as above 0 by as much. Where they are skewed, as
those of a log loss can be, a few rows rule and equals are called different too often. So a second test has to agree:
the bootstrap of the t statistic, which knows of skewness, with Student's correction for a variance that a few rows make
up. The larger of the two p-values counts.

The best of several contenders was chosen by the same rows, so that the pairs which count are all pairs, not those with
the best alone. Their p-values are raised together: as often as flips, or draws, make any of the pairs that remain look
as different (Westfall & Young's step-down). For forecasts of one series, whose errors drift, the t statistic has a
long-run variance and the correction is Holm's.

Where contenders were trained several times, or on folds, the error of their trainings is added to that of the rows:
statistics shrink to the quantile of the normal distribution that is as far out as their t with both errors is in
Student's.

Fisher, "The Design of Experiments", 1935, section 21. Phipson & Smyth, "Permutation P-values Should Never Be Zero",
2010. Westfall & Young, "Resampling-Based Multiple Testing", 1993, algorithm 2.8. Holm, "A Simple Sequentially Rejective
Multiple Test Procedure", 1979.

Shapes: N rows, G units, C contenders, P pairs, R resamples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence
from pipelines.evaluation.intervals import (
    UNDEFINED,
    Interval,
    Means,
    estimate_means,
    mean_intervals,
    series_means,
    student_intervals,
    studentised_draws,
    two_sided_p,
)
from pipelines.evaluation.training_error import (
    Compared,
    TrainingError,
    add_training_error,
    measure_fold_errors,
    pair_errors,
)
from pipelines.evaluation.units import Floats, explain_too_few, find_units, merge_units, sign_blocks

ALPHA = 0.05  # below it, a difference is called a difference
SIGN_FLIPS = 9_999  # and the observed assignment is the ten thousandth
TINY = 1e-300  # a probability that no logarithm refuses
RELATIVE_TOLERANCE = 1e-9  # relative; two sums of the same numbers in another order count as equal


class Comparison(NamedTuple):
    """A contender's mean goal minus the control's, on the same rows."""

    difference: float
    interval: Interval
    p_value: float  # corrected for all pairs; NaN where the rows are too few to tell
    interval_90: Interval = UNDEFINED  # either end is a one-sided 95 % bound of the difference
    reason: str = ""  # why the rows are too few to tell; empty where they are not
    training_error: float = 0.0  # the part of the difference's standard error that more rows would not lessen

    @property
    def is_tied(self) -> bool:
        """Whether it was not shown to be different."""
        return not self.p_value < ALPHA


def compare_with_control(
    control: Floats,
    others: list[Floats],
    seed: int,
    dependence: Dependence = ALONE,
    flips: int = SIGN_FLIPS,
) -> list[Comparison]:
    """Compare each of `others` with the control; all are goals per example, (N,), of the same rows.

    The p-values are corrected for all pairs of the control and the others. Each is taken as it is, without the error of
    its training.
    """
    return compare_contenders(Compared(control), [Compared(other) for other in others], seed, dependence, flips)


def compare_contenders(
    control: Compared,
    others: Sequence[Compared],
    seed: int,
    dependence: Dependence = ALONE,
    flips: int = SIGN_FLIPS,
    folds: NDArray[np.int64] | None = None,
) -> list[Comparison]:
    """The same over rows and trainings.

    Args:
        folds: of each row, the fold whose models answered it, (N,); None where one model answered all.
    """
    if not others:
        return []
    contenders = [control, *others]
    objectives = np.stack([one.rows for one in contenders], axis=1)  # (N, C)
    differences = objectives[:, 1:] - objectives[:, :1]
    if reason := explain_too_few(dependence, len(objectives)) or _explain_undefined(objectives):
        return [Comparison(float(mean), UNDEFINED, float("nan"), reason=reason) for mean in differences.mean(axis=0)]
    first, second = np.triu_indices(len(contenders), k=1)  # the pairs with the control come first
    objectives = objectives - objectives.mean(axis=1, keepdims=True)  # how hard a row is cancels in every pair
    pairs = objectives[:, second] - objectives[:, first]  # (N, P)
    if folds is None:
        training = pair_errors([one.training for one in contenders], first, second)
    else:
        training = measure_fold_errors(pairs, folds)
    if dependence.kind == "series":
        p_values, intervals, intervals_90 = _compare_series(pairs[_time_order(dependence)], training)
    else:
        units = merge_units(find_units(dependence, len(objectives)), seed)
        p_values, intervals, intervals_90 = _compare_units(units.sum_rows(pairs), units.sizes, training, seed, flips)
    errors = np.sqrt(training.variance)
    return [
        Comparison(
            float(differences[:, c].mean()), intervals[c], float(p_values[c]), intervals_90[c],
            training_error=float(errors[c]),
        )
        for c in range(len(others))
    ]  # fmt: skip


_CorrectedPairs = tuple[Floats, list[Interval], list[Interval]]


def _compare_units(sums: Floats, sizes: Floats, training: TrainingError, seed: int, flips: int) -> _CorrectedPairs:
    """Corrected p-values and both intervals of pairs, from sums of units (G, P) and their sizes (G,)."""
    means, draws = estimate_means(sums, sizes), studentised_draws(sums, sizes, seed, flips)
    means = add_training_error(means, training)
    observed, flipped = sign_flip_statistics(sums, seed, flips)
    shrunk = np.where(np.asarray(training.variance) > 0, np.minimum(observed, np.abs(_as_normal(means))), observed)
    p_values = np.maximum(step_down(shrunk, flipped), step_down(*_tail_ranks(means, draws)))
    return p_values, mean_intervals(means, draws, 0.95), mean_intervals(means, draws, 0.90)


def _compare_series(pairs: Floats, training: TrainingError) -> _CorrectedPairs:
    means = add_training_error(series_means(pairs), training)
    return holm(two_sided_p(means)), student_intervals(means, 0.95), student_intervals(means, 0.90)


def _time_order(dependence: Dependence) -> NDArray[np.intp]:
    assert dependence.units is not None, "a series is in the order of something"
    return np.argsort(dependence.units, kind="stable")


def _explain_undefined(objectives: Floats) -> str:
    return "" if np.isfinite(objectives).all() else "the goal of a contender is not a number on some rows"


def sign_flip_test(differences: Floats, seed: int, flips: int = SIGN_FLIPS) -> Floats:
    """Two-sided p-values (P,) of the hypotheses that each column of differences (G, P) is symmetric about 0.

    They are not corrected for their number.
    """
    observed, flipped = sign_flip_statistics(differences, seed, flips)
    p_values: Floats = (1 + (flipped >= observed).sum(axis=0)) / (1 + flips)
    return p_values


def sign_flip_statistics(sums: Floats, seed: int, flips: int) -> tuple[Floats, Floats]:
    """How far from 0 each column of sums (G, P) is, and how far when signs are flipped: (P,), (R, P).

    In units of the root of the sum of squares, which no flip changes: a rising function of the t statistic, so that
    pairs can be compared with each other.
    """
    scale = np.sqrt(np.square(sums).sum(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    observed = np.abs(sums.sum(axis=0)) / scale * (1 - RELATIVE_TOLERANCE)
    flipped = np.concatenate([np.abs(signs @ sums) / scale for signs in sign_blocks(len(sums), seed, flips)])
    return observed, flipped


def _as_normal(means: Means) -> Floats:
    """The quantiles of the normal distribution that are as far out as the means' t statistics in Student's, (P,)."""
    from scipy.special import ndtri, stdtr

    statistic = np.divide(means.mean, means.error, out=np.zeros_like(means.mean), where=means.error > 0)
    statistic[(means.error == 0) & (means.mean != 0)] = np.inf  # the same difference in every row
    statistic = np.copysign(statistic, means.mean)
    tail = stdtr(means.freedom, -np.abs(statistic))
    quantiles: Floats = np.copysign(-ndtri(np.maximum(tail, TINY)), statistic)
    return quantiles


def _tail_ranks(means: Means, draws: Floats) -> tuple[Floats, Floats]:
    """How far out each mean's t statistic is among the bootstrap's, and how far out each of these is: (P,), (R, P).

    From 0 in the middle to 1 at either end, as skewed t statistics have another scale at each.
    """
    resamples, statistic = len(draws), _as_normal(means)
    filled = np.where(np.isnan(draws), 0.0, draws)
    ranked = np.sort(filled, axis=0)
    observed = np.empty(len(statistic))
    outer = np.empty_like(filled)
    for pair, value in enumerate(statistic):
        below = np.searchsorted(ranked[:, pair], value, side="left")
        upto = np.searchsorted(ranked[:, pair], value, side="right")
        observed[pair] = 1 - 2 * min(upto, resamples - below) / resamples
        lower = np.searchsorted(ranked[:, pair], filled[:, pair], side="right")
        upper = resamples - np.searchsorted(ranked[:, pair], filled[:, pair], side="left")
        outer[:, pair] = 1 - 2 * np.minimum(lower, upper) / resamples
    return observed, outer


def step_down(observed: Floats, resampled: Floats) -> Floats:
    """P-values corrected for the number of pairs: (P,), (R, P) -> (P,).

    The pair that stands out most is judged by the largest of all pairs in every resample, the next by the largest of
    the pairs that remain, and so on.
    """
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(resampled[:, order[::-1]], axis=1)[:, ::-1]  # of a pair and those behind it
    p_values = (1 + (largest >= observed[order]).sum(axis=0)) / (1 + len(resampled))
    corrected = np.empty(len(observed))
    corrected[order] = np.maximum.accumulate(p_values)
    return corrected


def holm(p_values: Floats) -> Floats:
    """Holm's correction: p-values raised so that the family-wise error rate is held.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted
