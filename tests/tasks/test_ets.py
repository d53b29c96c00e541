"""AutoETS: its filter, its choice of a form, and its way along the rows of a part."""

import numpy as np
import pytest

from pipelines.tasks.baselines.ets import FORMS, Factors, Form, StateSpace, estimate_first_states, fit_ets
from pipelines.tasks.baselines.ets_forecasts import find_strides, fit_rows, forecast_rows

SEASON = 6


def seasonal_series(steps: int = 300, *, growth: float = 0.05, multiplicative: bool = False) -> np.ndarray:
    time = np.arange(steps)
    wave, noise = np.sin(2 * np.pi * time / SEASON), np.random.default_rng(0).normal(size=steps)
    level = 20 + growth * time
    return level * (1 + 0.4 * wave + 0.02 * noise) if multiplicative else level + 5 * wave + 0.5 * noise


def cut(series: np.ndarray, stride: int, window: int = 15, horizon: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a series, (N, W, 1) and (N, H, 1)."""
    starts = range(0, len(series) - window - horizon + 1, stride)
    rows = np.stack([series[start : start + window + horizon] for start in starts])[..., None]
    return rows[:, :window], rows[:, window:]


def expected_steps(form: Form, series: np.ndarray) -> tuple[list[float], StateSpace]:
    """What a filter of fixed factors expects of every step, and where it stands then."""
    one = np.ones((1, 1))
    damping = 0.9 if form.is_damped else 1.0
    states = estimate_first_states(series[:, None], form, SEASON)
    space = StateSpace(form, Factors(0.3 * one, 0.1 * one, 0.2 * one, damping * one), states)
    return [space.step(np.full((1, 1), value)).item() for value in series], space


@pytest.mark.parametrize("form", [form for form in FORMS if form.season != "multiplicative"], ids=str)
def test_the_filter_equals_that_of_statsmodels(form: Form) -> None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    series = seasonal_series(60)
    states = estimate_first_states(series[:, None], form, SEASON)
    seasonal = form.season == "additive"
    theirs = ETSModel(
        series,
        trend="add" if form.has_trend else None,
        damped_trend=form.is_damped,
        seasonal="add" if seasonal else None,
        seasonal_periods=SEASON if seasonal else None,
        initialization_method="known",
        initial_level=states.level.item(),
        initial_trend=states.trend.item() if form.has_trend else None,
        initial_seasonal=states.seasons[:, 0, 0] if seasonal else None,
    )
    factors = {"smoothing_level": 0.3, "smoothing_trend": 0.1, "smoothing_seasonal": 0.2, "damping_trend": 0.9}
    fitted = theirs.smooth([factors[name] for name in theirs.param_names if name in factors])
    expected, space = expected_steps(form, series)
    np.testing.assert_allclose(expected, fitted.fittedvalues, rtol=1e-8)
    np.testing.assert_allclose(space.forecast(9)[:, 0, 0], fitted.forecast(9), rtol=1e-8)


@pytest.mark.parametrize("form", [form for form in FORMS if form.season == "multiplicative"], ids=str)
def test_the_filter_of_a_multiplicative_season_is_hyndmans(form: Form) -> None:
    """Table 2.3 of the book, relative errors; statsmodels moves the season by the level after the step instead."""
    series = seasonal_series(60)
    states = estimate_first_states(series[:, None], form, SEASON)
    level, trend, seasons = states.level.item(), states.trend.item(), states.seasons[:, 0, 0].tolist()
    damping, follows = 0.9 if form.is_damped else 1.0, 0.1 * form.has_trend
    textbook = []
    for step, value in enumerate(series):
        base, season = level + damping * trend, seasons[step % SEASON]
        textbook.append(base * season)
        error = value / (base * season) - 1
        level, trend = base * (1 + 0.3 * error), damping * trend + follows * base * error
        seasons[step % SEASON] = season * (1 + 0.2 * error)
    np.testing.assert_allclose(expected_steps(form, series)[0], textbook, rtol=1e-12)


@pytest.mark.parametrize("multiplicative", [False, True])
def test_the_form_is_the_seriess_own(multiplicative: bool) -> None:
    (fitted,) = fit_ets(seasonal_series(multiplicative=multiplicative, growth=0.2)[:, None], SEASON)
    assert fitted.form.season == ("multiplicative" if multiplicative else "additive")
    assert fitted.form.has_trend


def test_a_random_walk_is_followed_at_once_without_trend_or_season() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=300))[:, None]
    (fitted,) = fit_ets(walk, SEASON)
    assert fitted.form == Form(False, False, "none")
    assert fitted.factors.level.item() > 0.8


def test_the_fit_is_about_as_likely_as_that_of_statsmodels() -> None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    series = seasonal_series()
    (fitted,) = fit_ets(series[:, None], SEASON)
    theirs = ETSModel(
        series, error="add", trend="add", seasonal="add", seasonal_periods=SEASON, initialization_method="heuristic"
    ).fit(disp=False)
    assert fitted.aic < theirs.aicc + 5


def test_a_series_at_zero_and_a_constant_one_have_a_fit() -> None:
    both = np.stack([np.zeros(50), np.full(50, 7.0)], axis=1)
    for fitted, value in zip(fit_ets(both, SEASON), (0.0, 7.0), strict=True):
        forecast = StateSpace(fitted.form, fitted.factors, fitted.states).forecast(5)
        np.testing.assert_allclose(forecast.ravel(), value, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 4, 11])
def test_rows_that_follow_each_other_are_found_by_what_they_share(stride: int) -> None:
    windows, futures = cut(seasonal_series(), stride)
    assert set(find_strides(windows, futures)) == {stride}
    broken = np.delete(windows, 3, axis=0), np.delete(futures, 3, axis=0)
    assert find_strides(*broken)[2] == (2 * stride if 2 * stride <= 11 else 0)


@pytest.mark.parametrize("stride", [1, 4])
def test_a_part_that_begins_anywhere_is_forecast_in_its_own_phase(stride: int) -> None:
    series = seasonal_series(500)
    fitted = fit_rows(*cut(series[:300], 1), SEASON)
    for begin in (341, 344):
        windows, futures = cut(series[begin:], stride)
        error = np.abs(forecast_rows(fitted, windows, futures) - futures).mean()
        assert error < 0.7  # the noise alone is 0.4 off on average, the last season repeated 0.6


def test_no_forecast_knows_what_came_after_its_origin() -> None:
    fitted = fit_rows(*cut(seasonal_series(), 1), SEASON)
    windows, futures = cut(seasonal_series(80), 4)
    before = forecast_rows(fitted, windows, futures)
    changed = futures.copy()
    changed[7] += 100
    assert np.array_equal(forecast_rows(fitted, windows, changed)[:8], before[:8])
    apart = forecast_rows(fitted, windows[[7]], futures[[7]])
    assert np.abs(apart - before[7]).max() < 2, "a row alone is forecast much as one in a chain"
