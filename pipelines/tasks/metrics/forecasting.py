"""Metrics of forecasting: errors that can be compared between variables, and the coverage of the interval.

Errors are made comparable between variables by dividing by the error of the simplest forecast on the train part: by how
much a variable changes from one season to the next, or, without a season, from one step to the next.

Hyndman & Koehler, "Another Look at Measures of Forecast Accuracy", International Journal of Forecasting 22(4), 2006.
https://doi.org/10.1016/j.ijforecast.2006.03.001
NOTE[DIFF] the change is averaged over all windows of the train part, not over each window alone, so that one window in
    which nothing moved does not outweigh all others.

Shapes: N rows, H steps of the horizon, F variables, Q quantile levels.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks.metrics.conformal import COVERAGE_ERROR
from pipelines.tasks.task import Calibration, Goal, Metric

Floats = NDArray[np.float64]


class ForecastReference(NamedTuple):
    """What came true, and the scale of its errors."""

    series: NDArray[Any]  # (N, H, F), in each variable's own unit
    scale: NDArray[Any]  # (N, 1, F): a variable's average change on train, the same in every row


GOALS = {
    "mase": Goal("mase", "minimize"),
    "mae": Goal("mae", "minimize"),
    "pinball": Goal("pinball", "minimize"),
}

METRICS = (
    Metric(
        "mase",
        "MASE",
        "lower",
        "How far off the forecast (its median) is, in average changes of the series on the train part, from one "
        "season to the next or, without a season, from one step to the next: 1 is as far as repeating the last season "
        "(or the last value, for one step) was off there. Averaged over the horizon and the variables.",
    ),
    Metric("mae", "MAE", "lower", "How far off the forecast (its median) is on average, in the variables' own units."),
    Metric(
        "rmse",
        "RMSE",
        "lower",
        "How far off the forecast typically is, with far misses counting more (the root of the mean squared error).",
    ),
    Metric(
        "smape",
        "sMAPE",
        "lower",
        "How far off the forecast (its median) is, as a share of the mean size of forecast and truth: 0 is right, 2 "
        "(200 %) is as wrong as can be. To compare with published figures; of series near 0 it says little.",
    ),
    Metric(
        "pinball",
        "Pinball loss",
        "lower",
        "How good all quantiles are together, in average changes of the series on the train part: quantiles that hold "
        "the truth as often as they say and lie close to it are best.",
    ),
    Metric(
        "wql",
        "Weighted quantile loss",
        "lower",
        "How good all quantiles are together, as a share of the size of what came true (WQL): 0.05 is about 5 % of it.",
    ),
    Metric(
        "coverage",
        "Held by the interval",
        "closer to what is promised",
        "The share of true values inside the interval between the lowest and the highest quantile: of the 0.1 and the "
        "0.9 quantile, it should be close to 80 %. More is no better: the interval is then wider than it says.",
    ),
    COVERAGE_ERROR,
    Metric(
        "interval_width",
        "Width of the interval",
        "lower",
        "How far apart the ends of the interval are, in average changes of the series.",
    ),
    Metric(
        "interval_score",
        "Interval score",
        "lower",
        "The width of the interval, plus a fine for every truth outside: how far, times 2 over the chance of being "
        "outside (Winkler's score); in average changes of the series.",
    ),
)


def median_forecast(quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """Median forecast, (N, H, F)."""
    middle: Floats = quantiles[..., levels.index(0.5)]
    return middle


def symmetric_percentage_errors(forecast: Floats, true: Floats) -> Floats:
    """The error as a share of the mean size of forecast and truth, from 0 to 2, (N, H, F); 0 where both are 0.

    Makridakis, "Accuracy measures: theoretical and practical concerns", International Journal of Forecasting 9, 1993;
    as the M4 competition has it.
    """
    size = (np.abs(forecast) + np.abs(true)) / 2
    share: Floats = np.divide(np.abs(forecast - true), size, out=np.zeros_like(size), where=size > 0)
    return share


def pinball_loss(quantiles: Floats, true: Floats, levels: tuple[float, ...]) -> Floats:
    """Pinball loss, averaged over levels: (N, H, F). At 0.5 it is half of the absolute error."""
    error = true[..., None] - quantiles  # (N, H, F, Q)
    level = np.array(levels)
    loss: Floats = np.maximum(level * error, (level - 1) * error).mean(axis=-1)
    return loss


def weighted_quantile_loss(quantiles: Floats, true: Floats, levels: tuple[float, ...], counts: Floats) -> Floats:
    """WQL, averaged over levels and variables, (R,): twice the sum of pinball losses over the sum of absolute values.

    Gasthaus et al., "Probabilistic Forecasting with Spline Quantile Function RNNs", AISTATS 2019; for every variable on
    its own, and NaN where one is 0 throughout.

    Args:
        quantiles: (N, H, F, Q).
        true: (N, H, F).
        counts: (R, N).
    """
    loss = counts @ pinball_loss(quantiles, true, levels).sum(axis=1)  # (R, F)
    size = counts @ np.abs(true).sum(axis=1)
    mean: Floats = np.divide(2 * loss, size, out=np.full_like(loss, np.nan), where=size > 0).mean(axis=1)
    return mean


SCORES_PER_ROW: dict[str, Callable[[Floats, Floats, Floats, tuple[float, ...]], Floats]] = {
    "mase": lambda quantiles, true, scale, levels: _mean_per_row(
        np.abs(true - median_forecast(quantiles, levels)) / scale
    ),
    "mae": lambda quantiles, true, scale, levels: _mean_per_row(np.abs(true - median_forecast(quantiles, levels))),
    "squared_error": lambda quantiles, true, scale, levels: _mean_per_row(
        np.square(true - median_forecast(quantiles, levels))
    ),
    "smape": lambda quantiles, true, scale, levels: _mean_per_row(
        symmetric_percentage_errors(median_forecast(quantiles, levels), true)
    ),
    "pinball": lambda quantiles, true, scale, levels: _mean_per_row(pinball_loss(quantiles, true, levels) / scale),
}  # quantiles (N, H, F, Q), true series (N, H, F), scale (N, 1, F), levels -> (N,)


def _mean_per_row(values: Floats) -> Floats:
    mean: Floats = values.mean(axis=(1, 2))
    return mean


def interval_bounds(quantiles: Floats, radius: Floats) -> tuple[Floats, Floats]:
    """Interval bounds: the outermost quantiles moved outwards, (N, H, F) each.

    Args:
        quantiles: (N, H, F, Q).
        radius: in each variable's unit, (H, F); below 0 moves inwards, at most to the next quantile.
    """
    inner = min(1, quantiles.shape[-1] - 1)
    low = np.minimum(quantiles[..., 0] - radius, quantiles[..., inner])
    high = np.maximum(quantiles[..., -1] + radius, quantiles[..., -1 - inner])
    return low, high


def interval_scores(low: Floats, high: Floats, true: Floats, coverage: float) -> Floats:
    """Winkler's interval score: width plus 2 / (1 - coverage) times how far the truth is outside; (N, H, F).

    Gneiting & Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", Journal of the American Statistical
    Association 102, 2007, section 6.2.
    """
    outside = np.maximum(low - true, 0) + np.maximum(true - high, 0)
    score: Floats = high - low + 2 / (1 - coverage) * outside
    return score


def radius_key(step: int, column: str) -> str:
    """The name in the calibration of the radius of a variable at a step, counted from 1."""
    return f"radius_{step}_{column}"


def interval_radii(calibration: Calibration, horizon: int, columns: tuple[str, ...], default: float) -> Floats:
    """The radii in a calibration, (H, F).

    Args:
        default: for a step and variable without one.
    """
    steps = range(1, horizon + 1)
    return np.array([[calibration.get(radius_key(step, column), default) for column in columns] for step in steps])


def as_float64(
    predictions: NDArray[Any], reference: ForecastReference, levels: tuple[float, ...]
) -> tuple[Floats, Floats, Floats]:
    """Quantiles (N, H, F, Q), true series (N, H, F) and scale (N, 1, F)."""
    shape = (*reference.series.shape, len(levels))
    assert predictions.shape == shape, f"{predictions.shape} for {shape}"
    quantiles, true, scale = (np.asarray(values, dtype=np.float64) for values in (predictions, *reference))
    return quantiles, true, scale
