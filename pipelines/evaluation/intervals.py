"""Intervals of shares and of means, from units that are independent of each other or follow each other in time.

Shapes: G units, K columns, R resamples, T steps of a series.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.units import Floats, resample_counts

LEVEL = 0.95
COSINES = 4  # of the long-run variance: few, so that it is hardly biased where errors drift; its t has as many degrees
MIN_FREEDOM = 4.0  # of a variance: with fewer, one row that is far off would hide any difference
MIN_ERROR = 0.5  # of the standard error found: a resample without the rows that are far off has hardly one of its own
DEGENERATE = 1e-12  # of a variance: a resample whose own is so small holds one value alone


class Interval(NamedTuple):
    """Both ends are NaN where there is no interval to show."""

    low: float
    high: float


UNDEFINED = Interval(float("nan"), float("nan"))


class Means(NamedTuple):
    """Means of K columns, with their standard errors and the degrees of freedom of those."""

    mean: Floats  # (K,)
    error: Floats  # (K,)
    freedom: Floats  # (K,)


def t_quantile(probability: float, freedom: Floats | float) -> Floats:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, probability))


def clopper_pearson(hits: float, trials: float, level: float = LEVEL) -> Interval:
    """The exact interval of a share; neither number need be whole.

    Source: Clopper & Pearson, "The Use of Confidence or Fiducial Limits", Biometrika 26(4), 1934.
    """
    from scipy.special import betaincinv

    tail, misses = (1 - level) / 2, max(trials - hits, 0.0)
    few = 1e-9 * trials
    low = 0.0 if hits <= few else float(betaincinv(hits, misses + 1, tail))
    high = 1.0 if misses <= few else float(betaincinv(hits + 1, misses, 1 - tail))
    return Interval(low, high)


def share_interval(share: float, error: float, trials: float, freedom: float, level: float = LEVEL) -> Interval:
    """The exact interval of a share of as many trials on their own as have its standard error.

    Args:
        share: from 0 to 1.
        error: its standard error.
        trials: how many there were; more are never counted.
        freedom: of the error, which is an estimate itself.

    Source: Korn & Graubard, "Confidence Intervals for Proportions With Small Expected Number of Positive Counts
    Estimated From Survey Data", Survey Methodology 24(2), 1998.
    """
    if not np.isfinite([share, error]).all():
        return UNDEFINED
    tail = (1 + level) / 2
    penalty = float(t_quantile(tail, 1e9) / t_quantile(tail, freedom)) ** 2
    effective = trials if error == 0 else min(trials, share * (1 - share) / error**2 * penalty)
    return clopper_pearson(share * effective, effective, level)


def percentile_interval(values: Floats, level: float = LEVEL, units: int | None = None) -> Interval:
    """The middle `level` of the values that are defined; a little more where there are few units.

    Source: Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69(4), 2015,
    section 4.3: the percentiles that make the interval of a mean of normal numbers as wide as Student's.
    """
    from scipy.special import ndtr

    defined = values[~np.isnan(values)]
    if not len(defined):
        return UNDEFINED
    tail = (1 - level) / 2
    if units is not None and units > 1:
        tail = float(ndtr(np.sqrt(units / (units - 1)) * t_quantile(tail, units - 1)))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))


def distance_interval(interval: Interval, point: float) -> Interval:
    """The interval of how far a number is from a point, whose own interval is given: from 0 where it holds the point.

    >>> distance_interval(Interval(0.75, 1.0), 0.875), distance_interval(Interval(0.75, 0.875), 1.0)
    (Interval(low=0.0, high=0.125), Interval(low=0.125, high=0.25))
    """
    ends = sorted(abs(end - point) for end in interval)
    return Interval(0.0 if interval.low <= point <= interval.high else ends[0], ends[1])


def estimate_means(sums: Floats, sizes: Floats) -> Means:
    """Means over rows of which each unit holds some: (G, K) sums and (G,) sizes.

    The degrees of freedom are those of a chi-squared variable that varies as much as the variance found does, judged by
    the fourth powers: few where a few units make up most of the variance (Satterthwaite, Biometrics Bulletin 2(6),
    1946).
    """
    count, total = len(sizes), sizes.sum()
    mean = sums.sum(axis=0) / total
    squares = np.square(sums - mean * sizes[:, None])
    second, fourth = squares.sum(axis=0), np.square(squares).sum(axis=0)
    error = np.sqrt(second * count / max(count - 1, 1)) / total
    spread = np.divide(fourth, second**2, out=np.full_like(fourth, 3 / count), where=second > 0) - 1 / count
    freedom = np.clip(2 / np.maximum(spread, 1e-12), min(MIN_FREEDOM, max(count - 1, 1)), max(count - 1, 1))
    return Means(mean, error, freedom)


def studentised_draws(sums: Floats, sizes: Floats, seed: int, resamples: int) -> Floats:
    """The bootstrap's t statistics, (R, K): how many of its own standard errors each resample's mean is off.

    Where a few rows make up most of the error, resamples without them have next to none, and would be off by any number
    of it; so none is taken to have less than half of the error found. NaN for a resample that holds one value alone.
    """
    count = len(sizes)
    centred = sums - sums.sum(axis=0) / sizes.sum() * sizes[:, None]
    squares, products = centred**2, centred * sizes[:, None]
    least = DEGENERATE * squares.sum(axis=0)
    found = np.sqrt(squares.sum(axis=0) * count / max(count - 1, 1)) / sizes.sum()
    drawn = []
    for counts in resample_counts(count, seed, resamples):
        times = counts.astype(np.float64)
        total = (times @ sizes)[:, None]
        off = times @ centred / total
        second = times @ squares - 2 * off * (times @ products) + off**2 * (times @ sizes**2)[:, None]
        error = np.sqrt(np.where(second > least, second, np.nan) * count / max(count - 1, 1)) / total
        drawn.append(off / np.maximum(error, MIN_ERROR * found))
    return np.concatenate(drawn)


def mean_intervals(means: Means, draws: Floats, level: float = LEVEL) -> list[Interval]:
    """The interval of every column: Student's, extended by the bootstrap's where the units are skewed.

    Args:
        means: of K columns.
        draws: what `studentised_draws` found, (R, K).

    Source: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, section 12.5 (the bootstrap-t interval).
    """
    found = []
    tail = (1 + level) / 2
    student = t_quantile(tail, means.freedom)
    stretch = student / t_quantile(tail, 1e9)
    for column, (mean, error) in enumerate(zip(means.mean, means.error, strict=True)):
        if not np.isfinite(mean + error):
            found.append(UNDEFINED)
            continue
        defined = draws[~np.isnan(draws[:, column]), column]
        low, high = np.quantile(defined, [1 - tail, tail]) if len(defined) else (0.0, 0.0)
        below = max(student[column], high * stretch[column])
        above = max(student[column], -low * stretch[column])
        found.append(Interval(float(mean - below * error), float(mean + above * error)))
    return found


def series_means(values: Floats) -> Means:
    """Means of series that may drift, (T, K) in the order of time.

    The long-run variance is the mean of the squared weights of the slowest few cosines, which makes the mean's t
    statistic Student's with as many degrees of freedom.

    Source: Lazarus, Lewis, Stock & Watson, "HAR Inference: Recommendations for Practice", Journal of Business &
    Economic Statistics 36(4), 2018: the equal-weighted cosine estimate.
    """
    steps = len(values)
    mean = values.mean(axis=0)
    times = (np.arange(steps) + 0.5) / steps
    cosines = np.sqrt(2 / steps) * np.cos(np.pi * np.outer(np.arange(1, COSINES + 1), times))
    variance = np.square(cosines @ (values - mean)).mean(axis=0)
    return Means(mean, np.sqrt(variance / steps), np.full(mean.shape, float(COSINES)))


def student_intervals(means: Means, level: float = LEVEL) -> list[Interval]:
    """The interval of every column, by its t statistic."""
    half = t_quantile((1 + level) / 2, means.freedom) * means.error
    return [Interval(float(low), float(high)) for low, high in zip(means.mean - half, means.mean + half, strict=True)]


def two_sided_p(means: Means) -> NDArray[np.float64]:
    """How often a t statistic is at least so far from 0, (K,); 1 where all differences are 0."""
    from scipy.special import stdtr

    statistic = np.divide(np.abs(means.mean), means.error, out=np.zeros_like(means.mean), where=means.error > 0)
    found: Floats = np.where(
        (means.error == 0) & (means.mean != 0), 0.0, np.minimum(1, 2 * stdtr(means.freedom, -statistic))
    )
    return found
