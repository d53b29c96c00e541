"""Baselines of a forecasting: naive, drift, seasonal naive, exponential smoothing.

The length of a season and the smoothing factors are fitted on the train part; a forecast is made from a window alone.

Shapes: N windows of W steps, H steps of the horizon, F variables, Q quantile levels.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_FIT_WINDOWS = 400  # windows, spread evenly over the train part, that a season or the smoothing is found with
MIN_SEASONAL_CORRELATION = 0.3  # correlation of what is a season apart, from which on it is one
LEVELS = (0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # smoothing factors that are tried
SEASONS = (0.0, 0.1, 0.3, 0.6)
TRENDS = (0.05, 0.1, 0.3)
LARGEST_LOGARITHM = 700.0  # whose exponential is a number
DAMPINGS = (0.8, 0.9, 0.98, 1.0)  # of the trend: Gardner & McKenzie, "Forecasting Trends in Time Series", 1985


def forward_fill(windows: NDArray[np.floating]) -> Floats:
    """Forward fill: missing values (NaN) as the value before, leading ones as the first value, 0 without any."""
    values = np.array(windows, dtype=np.float64)
    for step in range(1, values.shape[1]):
        values[:, step] = np.where(np.isnan(values[:, step]), values[:, step - 1], values[:, step])
    for step in range(values.shape[1] - 2, -1, -1):
        values[:, step] = np.where(np.isnan(values[:, step]), values[:, step + 1], values[:, step])
    return np.nan_to_num(values, copy=False)


def evenly_spaced_rows(rows: int, max_rows: int = MAX_FIT_WINDOWS) -> NDArray[np.int64]:
    """The numbers of at most `max_rows` rows, spread evenly."""
    return np.unique(np.linspace(0, rows - 1, min(rows, max_rows)).astype(np.int64))


def naive_forecast(windows: Floats, horizon: int) -> Floats:
    """Naive forecast, the last value at every step: (N, W, F) -> (N, H, F)."""
    return np.repeat(windows[:, -1:], horizon, axis=1)


def drift_forecast(windows: Floats, horizon: int) -> Floats:
    """Drift: the line through the first and the last value of the window, on: (N, W, F) -> (N, H, F).

    Source: Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, 2021, section 5.2.
    """
    slope = (windows[:, -1:] - windows[:, :1]) / max(1, windows.shape[1] - 1)
    forecast: Floats = windows[:, -1:] + slope * np.arange(1, horizon + 1)[:, None]
    return forecast


def seasonal_naive_forecast(windows: Floats, horizon: int, season: int) -> Floats:
    """Seasonal naive forecast, the last season repeated: (N, W, F) -> (N, H, F)."""
    return windows[:, -season + np.arange(horizon) % season]


def detect_season(series: Floats, max_lag: int) -> int | None:
    """Seasonal period: the steps after which the series repeats, at most `max_lag`; None if it does not.

    A lag of more than half of a series is never taken: the two ends of a detrended series resemble each other in any
    case.

    The shortest lag at which the autocorrelation has a clear peak: of `MIN_SEASONAL_CORRELATION` or more, and higher by
    as much than at some shorter lag. Of several peaks within half a season, as noise makes them, the highest.

    Args:
        series: windows together with what follows, (N, T, F); their trends are taken out.
    """
    max_lag = min(max_lag, series.shape[1] // 2)
    correlations = _autocorrelations(_remove_trend(series), max_lag + 1)
    peaks = [
        lag
        for lag in range(2, max_lag + 1)
        if correlations.get(lag, 0.0)
        >= max(
            MIN_SEASONAL_CORRELATION, min(correlations[before] for before in range(1, lag)) + MIN_SEASONAL_CORRELATION
        )
        and correlations[lag - 1] < correlations[lag] >= correlations.get(lag + 1, -1.0)
    ]
    return max((lag for lag in peaks if lag < 1.5 * peaks[0]), key=correlations.__getitem__) if peaks else None


def _remove_trend(series: Floats) -> Floats:
    """Linear detrending: the residuals of every series around the straight line that fits it best."""
    steps = np.arange(series.shape[1]) - (series.shape[1] - 1) / 2
    centred = series - series.mean(axis=1, keepdims=True)
    slope = np.einsum("t,ntf->nf", steps, centred) / np.square(steps).sum()
    residuals: Floats = centred - slope[:, None] * steps[:, None]
    return residuals


def _autocorrelations(series: Floats, max_lag: int) -> dict[int, float]:
    """Autocorrelation at each lag, over all windows at once, averaged over variables."""
    steps = series.shape[1]
    correlations = {}
    for lag in range(1, min(max_lag, steps - 2) + 1):
        later, earlier = series[:, lag:], series[:, : steps - lag]
        size = np.sqrt(np.square(later).sum(axis=(0, 1)) * np.square(earlier).sum(axis=(0, 1)))  # (F,)
        shared = (later * earlier).sum(axis=(0, 1))
        correlations[lag] = float(np.divide(shared, size, out=np.zeros_like(shared), where=size > 0).mean())
    return correlations


class SmoothingFactors(NamedTuple):
    """Smoothing factors of level, trend and season: 0 never changes, 1 follows at once; (F,) each."""

    level: Floats
    trend: Floats
    season: Floats
    damping: Floats  # what a step leaves of the trend; 1 leaves all
    season_steps: int | None  # of a season; None: there is none
    multiplicative: bool = False  # whether trend and season are factors: the series is smoothed on a logarithmic scale


def holt_winters_forecast(windows: Floats, horizon: int, smoothing: SmoothingFactors) -> Floats:
    """Holt-Winters with a damped trend: (N, W, F) -> (N, H, F).

    The first season is taken as it is (without one, the first value), and every later step corrects level, trend and
    season by its forecast error.

    Source: Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, 2021, sections 8.3 and 8.5.
    https://otexts.com/fpp3/holt-winters.html
    """
    values = np.log(np.maximum(windows, np.finfo(np.float64).tiny)) if smoothing.multiplicative else windows
    length = smoothing.season_steps or 1
    level = values[:, :length].mean(axis=1)  # (N, F)
    trend = np.zeros_like(level)
    seasons = [values[:, step] - level for step in range(length)]  # of the steps to come, by step % length
    for step in range(length, values.shape[1]):
        expected_level = level + smoothing.damping * trend
        error = values[:, step] - expected_level - seasons[step % length]
        level = expected_level + smoothing.level * error
        trend = smoothing.damping * trend + smoothing.level * smoothing.trend * error
        seasons[step % length] = seasons[step % length] + smoothing.season * error
    trend_factors = np.cumsum(smoothing.damping ** np.arange(1, horizon + 1)[:, None], axis=0)  # (H, F)
    ahead = values.shape[1] + np.arange(horizon)
    forecast = np.stack(
        [level + far * trend + seasons[step % length] for far, step in zip(trend_factors, ahead, strict=True)], axis=1
    )
    if not smoothing.multiplicative:
        return forecast
    positive = (windows > 0).all(axis=(1, 2), keepdims=True)  # a window with other values has no logarithm
    additive = holt_winters_forecast(windows, horizon, smoothing._replace(multiplicative=False))
    return np.where(positive, np.exp(np.minimum(forecast, LARGEST_LOGARITHM)), additive)


def fit_smoothing(windows: Floats, futures: Floats, season: int | None) -> SmoothingFactors:
    """The smoothing with the smallest absolute error over the whole horizon, on windows of the train part.

    Tried are all forms: with and without a season and, of series above 0, additive and multiplicative; within a form,
    for every variable, first level and season, then trend and damping, then level and season again. What an automatic
    choice by AIC approximates, the error on what followed, is measured here.

    Args:
        windows: (N, W, F).
        futures: (N, H, F).
        season: is left out if the window is not longer.
    """
    season = season if season is not None and season < windows.shape[1] else None
    forms: list[tuple[int | None, bool]] = [(None, False)] + ([(season, False)] if season else [])
    if windows.min() > 0 and futures.min() > 0:
        forms += [(steps, True) for steps, _ in forms]
    fits = [_fit_form(windows, futures, *form) for form in forms]
    usual = np.maximum(np.abs(futures - windows[:, -1:]).mean(axis=(0, 1)), np.finfo(np.float64).tiny)  # of the naive
    return min(fits, key=lambda fit: float((fit[1] / usual).mean()))[0]


def _fit_form(
    windows: Floats, futures: Floats, season: int | None, multiplicative: bool
) -> tuple[SmoothingFactors, Floats]:
    """The best smoothing factors of a form for every variable, and their absolute errors, (F,)."""
    variables = windows.shape[2]

    def build(factors: dict[str, Floats]) -> SmoothingFactors:
        level, trend, seasonal, damping = (factors[name] for name in ("level", "trend", "season", "damping"))
        return SmoothingFactors(level, trend, seasonal, damping, season, multiplicative)

    starts = {"level": 0.5, "trend": 0.0, "season": 0.0, "damping": 1.0}
    best = {name: np.full(variables, value) for name, value in starts.items()}
    best_error = np.full(variables, np.inf)
    levels_and_seasons = [
        {"level": level, "season": seasonal}
        for level in LEVELS
        for seasonal in (SEASONS if season else (0.0,))
        if level + seasonal <= 1
    ]
    trends = [{"trend": trend, "damping": damping} for trend in TRENDS for damping in DAMPINGS]
    for grid in (levels_and_seasons, trends, levels_and_seasons):
        start = best
        for values in grid:
            tried = start | {name: np.full(variables, value) for name, value in values.items()}
            forecast = holt_winters_forecast(windows, futures.shape[1], build(tried))
            error = np.abs(forecast - futures).mean(axis=(0, 1))
            better = error < best_error
            best_error = np.where(better, error, best_error)
            best = {name: np.where(better, tried[name], best[name]) for name in best}
    return build(best), best_error


def fit_baselines(windows: Floats, futures: Floats, season: int | None) -> dict[str, Callable[[Floats], Floats]]:
    """Every baseline by its name, the most trivial first: windows (n, W, F) -> forecasts (n, H, F).

    Args:
        windows: of the train part, (N, W, F).
        futures: what followed, (N, H, F).
        season: its steps; without one nothing repeats the last season.
    """
    horizon = futures.shape[1]
    smoothing = fit_smoothing(windows, futures, season)
    return {
        "naive": lambda values: naive_forecast(values, horizon),
        "drift": lambda values: drift_forecast(values, horizon),
        **(
            {}
            if season is None
            else {"seasonal naive": lambda values: seasonal_naive_forecast(values, horizon, season)}
        ),
        "exponential smoothing": lambda values: holt_winters_forecast(values, horizon, smoothing),
    }


def add_residual_quantiles(points: Floats, residuals: Floats, levels: tuple[float, ...]) -> Floats:
    """Forecasts with the quantiles of their residuals on the train part: (N, H, F) -> (N, H, F, Q).

    Args:
        residuals: truth minus forecast on windows of the train part, (M, H, F).
        levels: ascending; the forecast itself stands for 0.5, and the others keep to their side of it.
    """
    shifts = np.quantile(residuals, levels, axis=0)  # (Q, H, F)
    below = np.array(levels)[:, None, None] < 0.5
    above = np.array(levels)[:, None, None] > 0.5
    shifts = np.where(below, np.minimum(shifts, 0), np.where(above, np.maximum(shifts, 0), 0))
    return points[..., None] + np.moveaxis(shifts, 0, -1)
