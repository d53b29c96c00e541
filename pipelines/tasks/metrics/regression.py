"""Metrics of regression under resamples, and the goals row by row.

A goal that is no mean of the rows, such as the root of one, is given as pseudo-values: the goal plus what a row pulls
it by (its influence function). Their mean is the goal exactly, and their spread is its uncertainty, so that contenders
are compared by them as by any mean.

Hampel, "The Influence Curve and Its Role in Robust Estimation", Journal of the American Statistical Association 69,
1974.

Shapes: N rows, R resamples.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks.task import Goal

Floats = NDArray[np.float64]

GOALS = {
    "rmse": Goal("rmse", "minimize"),
    "mae": Goal("mae", "minimize"),
    "median_absolute_error": Goal("median_absolute_error", "minimize"),
    "r2": Goal("r2", "maximize"),
    "squared_error": Goal("rmse", "minimize"),  # the same order of contenders, in the target's own unit
}
MEDIAN_GOALS = ("mae", "median_absolute_error")  # of which the best constant is the median


def rmse_per_row(values: Floats, true: Floats) -> Floats:
    """Pseudo-values of the root mean squared error, (N,)."""
    squared = np.square(true - values)
    rmse = np.sqrt(squared.mean())
    return rmse + (squared - np.square(rmse)) / (2 * rmse) if rmse else squared


def median_per_row(values: Floats, true: Floats) -> Floats:
    """Pseudo-values of the median absolute error, (N,).

    A row pulls the median by half over the density of the errors there, which is estimated from the distance between
    two quantiles around it (Siddiqui 1960); centred, so that the mean is the median also where errors tie.
    """
    errors = np.abs(true - values)
    if np.isnan(errors).any():
        return np.full(len(errors), np.nan)
    reach = min(0.25, 0.5 * len(errors) ** (-1 / 3))
    low, middle, high = np.quantile(errors, [0.5 - reach, 0.5, 0.5 + reach])
    pull = np.where(errors > middle, 0.5, -0.5) * (high - low) / (2 * reach)
    pseudo_values: Floats = middle + pull - pull.mean()
    return pseudo_values


def r2_per_row(values: Floats, true: Floats) -> Floats:
    """Pseudo-values of R², (N,); NaN where all true values are equal."""
    squared, centred = np.square(true - values), np.square(true - true.mean())
    error, variance = squared.mean(), centred.mean()
    if not variance:
        return np.full(len(true), np.nan)
    pseudo_values: Floats = 1 - squared / variance + error * (centred - variance) / variance**2
    return pseudo_values


SCORES_PER_ROW: dict[str, Callable[[Floats, Floats], Floats]] = {
    "rmse": rmse_per_row,
    "mae": lambda values, true: np.abs(true - values),
    "median_absolute_error": median_per_row,
    "r2": r2_per_row,
}  # predicted (N,), true (N,) -> (N,), whose mean is the goal


def median_under_counts(values: Floats, counts: Floats) -> Floats:
    """The median of the rows drawn, (R,).

    Args:
        values: (N,).
        counts: how often every row was drawn, (R, N).
    """
    order = np.argsort(values, kind="stable")
    running = np.cumsum(counts[:, order], axis=1)
    total = running[:, -1]
    lower, upper = (
        values[order[np.argmax(running > place[:, None], axis=1)]]
        for place in (np.floor((total - 1) / 2), np.floor(total / 2))
    )
    middle: Floats = (lower + upper) / 2
    return middle


def interval_score(distance: Floats, radius: float, coverage: float) -> Floats:
    """The interval's width plus a fine for a truth outside: 2 / (1 - coverage) times how far outside; (N,).

    It is least on average for the interval whose ends are the true quantiles.

    Winkler, "A Decision-Theoretic Approach to Interval Estimation", Journal of the American Statistical Association 67,
    1972; Gneiting & Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", ibid. 102, 2007, section 6.2.

    Args:
        distance: of the truth from the interval's centre, (N,).
    """
    score: Floats = 2 * radius + 2 / (1 - coverage) * np.maximum(distance - radius, 0)
    return score


def r2_score(squared: Floats, true: Floats, counts: Floats) -> Floats:
    """1 - squared error / variance, (R,); NaN for a resample in which all true values are equal.

    Args:
        squared: mean squared error of every resample, (R,).
        true: (N,).
        counts: (R, N).
    """
    total = counts.sum(axis=1)
    centred = true - true.mean()  # small numbers, so that their squares lose nothing
    means = counts @ centred / total
    variance = np.array([row @ np.square(centred - mean) for row, mean in zip(counts, means, strict=True)]) / total
    defined = variance > np.finfo(np.float64).eps * np.square(centred).mean()
    r2: Floats = 1 - np.divide(squared, variance, out=np.full_like(squared, np.nan), where=defined)
    return r2
