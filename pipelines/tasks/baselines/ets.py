"""AutoETS: exponential smoothing in state-space form, its form chosen by AIC on the train part.

Nine forms (no, a straight or a damped trend; no, an additive or a multiplicative season), with additive or
multiplicative errors. Their smoothing factors are those of the greatest likelihood of what came one step later, found
among points that are the same on every run; the form is that with the smallest corrected AIC. It is fitted once, to the
end of the train part; a part's forecasts go on from row to row where rows follow each other in time.

Hyndman, Koehler, Ord & Snyder, "Forecasting with Exponential Smoothing: The State Space Approach", 2008, chapters 2 and
7. https://doi.org/10.1007/978-3-540-71918-2
NOTE[DIFF] the first states are estimated from the first seasons, outside the likelihood; they count in the AIC.
NOTE[DIFF] additive errors with a multiplicative season are left out, as in R's forecast::ets: they are not stable.

Shapes: T steps, S series side by side, P settings or first states side by side, M steps of a season.
"""

from typing import Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Season = Literal["none", "additive", "multiplicative"]

FIRST_SEASONS = 4  # from which the first states are estimated
FIRST_STEPS = 10  # likewise, where there is no season
FIRST_POINTS, NEXT_POINTS = 128, 24  # settings tried at first, and around the best of those
RADII = (0.15, 0.04)  # of the points around it, in shares of every range
DAMPINGS = (0.8, 0.98)  # the range that is tried, as in forecast::ets
SMALLEST = 1e-8


class Form(NamedTuple):
    """A row of Hyndman's table of forms; errors change the likelihood and no forecast."""

    has_trend: bool
    is_damped: bool
    season: Season

    def parameter_count(self, season_steps: int) -> int:
        """Smoothing factors, first states and the error's variance."""
        return 3 + 2 * self.has_trend + self.is_damped + (season_steps if self.season != "none" else 0)


TRENDS = ((False, False), (True, False), (True, True))  # has one, is damped
SEASONS: tuple[Season, ...] = ("none", "additive", "multiplicative")
FORMS = [Form(*trend, season) for trend in TRENDS for season in SEASONS]


class Factors(NamedTuple):
    """The part of an error by which level, trend and season move, and what a step leaves of the trend; (S, P) each."""

    level: Floats
    trend: Floats
    season: Floats
    damping: Floats


class States(NamedTuple):
    """Level and trend, (S, P) each, and the seasons of the steps to come, (M, S, P), the next one first."""

    level: Floats
    trend: Floats
    seasons: Floats


@final
class StateSpace:
    """Filter of a form: expects a step, learns what came, and forecasts from where it stands."""

    def __init__(self, form: Form, factors: Factors, states: States) -> None:
        self.form, self.factors = form, factors
        self.level, self.trend, seasons = states
        self.seasons = list(seasons)
        self.place = 0  # of the next step among the seasons

    def step(self, values: Floats) -> Floats:
        """What was expected of a step, (S, P), before its values (S, 1) are learned."""
        base = self.level + self.factors.damping * self.trend
        season = self.seasons[self.place]
        if self.form.season == "multiplicative":
            base, season = _keep_off_zero(base), _keep_off_zero(season)
            expected = base * season
            level_error, season_error = (values - expected) / season, (values - expected) / base
        else:
            expected = base + season
            level_error = season_error = values - expected
        self.level = base + self.factors.level * level_error
        if self.form.has_trend:
            self.trend = self.factors.damping * self.trend + self.factors.trend * level_error
        if self.form.season != "none":
            self.seasons[self.place] = season + self.factors.season * season_error
        self.place = (self.place + 1) % len(self.seasons)
        return expected

    def forecast(self, horizon: int) -> Floats:
        """The next steps, (horizon, S, P)."""
        ahead = np.arange(1, horizon + 1)[:, None, None]
        base = self.level + np.cumsum(self.factors.damping**ahead, axis=0) * self.trend
        seasons = np.stack([self.seasons[(self.place + step) % len(self.seasons)] for step in range(horizon)])
        forecast: Floats = base * seasons if self.form.season == "multiplicative" else base + seasons
        return forecast

    def states(self) -> States:
        """Where it stands."""
        return States(self.level, self.trend, np.stack(self.seasons[self.place :] + self.seasons[: self.place]))


class FittedETS(NamedTuple):
    """The chosen form of one series, its factors, (1, 1) each, and its states at the end of what it was fitted to."""

    form: Form
    factors: Factors
    states: States
    aic: float  # corrected for few steps


def fit_ets(series: Floats, season_steps: int | None) -> list[FittedETS]:
    """Fit every form to each of some series, (T, S), and keep the one with the smallest corrected AIC.

    Args:
        season_steps: without them, or with less than two seasons of steps, only forms without a season are tried.
    """
    period = season_steps if season_steps and len(series) >= 2 * season_steps else 1
    best: list[FittedETS | None] = [None] * series.shape[1]
    for form in FORMS:
        if period == 1 and form.season != "none":
            continue
        first = estimate_first_states(series, form, period)
        for place, (factors, aic) in enumerate(_fit_factors(series, form, first, period)):
            incumbent = best[place]
            if incumbent is None or aic < incumbent.aic:
                best[place] = FittedETS(form, factors, _select(first, place), aic)
    return [_run_to_the_end(series[:, [place]], one) for place, one in enumerate(best) if one is not None]


def estimate_first_states(series: Floats, form: Form, period: int) -> States:
    """States before the first step: a straight line through the first seasons, and their mean deviations from it."""
    seasonal = form.season != "none"
    count = min(FIRST_SEASONS, len(series) // period) * period if seasonal else min(FIRST_STEPS, len(series))
    first = series[:count]
    time = np.arange(count)[:, None] - (count - 1) / 2
    smooth = first.reshape(-1, period, series.shape[1]).mean(axis=1) if seasonal else first  # a season tilts no line
    ahead = np.arange(len(smooth))[:, None] - (len(smooth) - 1) / 2
    run = max(1.0, float(np.square(ahead).sum())) * (period if seasonal else 1)
    slope = (ahead * smooth).sum(axis=0) / run * form.has_trend  # (S,)
    line = first.mean(axis=0) + slope * time
    if form.season == "multiplicative":
        seasons = (first / _keep_off_zero(line)).reshape(-1, period, series.shape[1]).mean(axis=0)
        seasons = seasons / _keep_off_zero(seasons.mean(axis=0))
    elif seasonal:
        seasons = (first - line).reshape(-1, period, series.shape[1]).mean(axis=0)
        seasons = seasons - seasons.mean(axis=0)
    else:
        seasons = np.zeros((1, series.shape[1]))
    return States((line[0] - slope)[:, None], slope[:, None], seasons[:, :, None])


def _fit_factors(series: Floats, form: Form, first: States, period: int) -> list[tuple[Factors, float]]:
    """For each series the factors with the smallest corrected AIC, (1, 1) each, whichever kind of errors has it."""
    generator = np.random.default_rng(0)
    count = series.shape[1]
    points = np.broadcast_to(generator.random((FIRST_POINTS, 4)), (count, FIRST_POINTS, 4))
    aics = _corrected_aics(series, form, _to_factors(form, points), first, period)  # (2, S, P)
    for radius in RADII:
        centres = np.take_along_axis(points, aics.argmin(axis=2).T[:, :, None], axis=1)  # (S, 2, 4)
        around = centres[:, :, None] + radius * (2 * generator.random((NEXT_POINTS, 4)) - 1)
        points = np.concatenate([centres, around.reshape(count, -1, 4).clip(0, 1)], axis=1)
        aics = _corrected_aics(series, form, _to_factors(form, points), first, period)
    best = aics.min(axis=0)  # (S, P)
    places = best.argmin(axis=1)
    factors = _to_factors(form, points)
    return [
        (Factors(*(values[[one], [place]][:, None] for values in factors)), float(best[one, place]))
        for one, place in enumerate(places)
    ]


def _to_factors(form: Form, points: Floats) -> Factors:
    """Points of the unit cube, (S, P, 4), as factors of the usual region: trend below level, season below the rest."""
    level = 1e-4 + (1 - 2e-4) * points[..., 0]
    trend = level * np.square(points[..., 1]) * form.has_trend
    season = (1 - level) * np.square(points[..., 2]) * (form.season != "none")
    low, high = DAMPINGS
    damping = low + (high - low) * points[..., 3] if form.is_damped else np.ones_like(level)
    return Factors(level, trend, season, damping)


def _corrected_aics(series: Floats, form: Form, factors: Factors, first: States, period: int) -> Floats:
    """AICc with additive and with multiplicative errors, (2, S, P); infinite where a form does not go with a series."""
    steps, shape = len(series), factors.level.shape
    space = StateSpace(form, factors, first)
    squares, relative_squares, logarithms = np.zeros((3, *shape))
    for row in series:
        expected = space.step(row[:, None])
        error = np.square(row[:, None] - expected)
        size = np.maximum(np.abs(expected), SMALLEST)
        squares += error
        relative_squares += error / np.square(size)
        logarithms += np.log(size)
    parameters = form.parameter_count(period)
    penalty = 2 * parameters * steps / (steps - parameters - 1) if steps > parameters + 1 else np.inf
    additive, relative = (
        steps * np.log(2 * np.pi * np.maximum(total, SMALLEST**2) / steps) + steps + penalty
        for total in (squares, relative_squares)
    )
    positive = (series.min(axis=0) > 0)[:, None]
    relative = np.where(positive, relative + 2 * logarithms, np.inf)
    if form.season == "multiplicative":
        additive = np.full_like(additive, np.inf)
    found = np.stack([additive, relative])
    return np.where(np.isfinite(found), found, np.inf)


def _run_to_the_end(series: Floats, fitted: FittedETS) -> FittedETS:
    space = StateSpace(fitted.form, fitted.factors, fitted.states)
    for row in series:
        space.step(row[:, None])
    return fitted._replace(states=space.states())


def _select(states: States, place: int) -> States:
    return States(states.level[[place]], states.trend[[place]], states.seasons[:, [place]])


def _keep_off_zero(values: Floats) -> Floats:
    away: Floats = np.where(np.abs(values) < SMALLEST, SMALLEST, values)
    return away
