"""Baselines of a forecasting: the last value, the last season and exponential smoothing."""

import numpy as np
import pytest

from pipelines.tasks.baselines import forecasting as forecasting_baselines
from tests.support.forecasts import H, part, task


def test_the_naive_forecast_is_the_last_value() -> None:
    windows = np.array([[[1.0], [5.0], [3.0]]])
    assert forecasting_baselines.naive_forecast(windows, 2)[..., 0].tolist() == [[3, 3]]


def test_the_drift_forecast_goes_on_along_the_line_from_first_to_last() -> None:
    windows = np.array([[[1.0], [9.0], [3.0]]])
    assert forecasting_baselines.drift_forecast(windows, 3)[..., 0].tolist() == [[4, 5, 6]]


def windows_of(values: np.ndarray, length: int = 40, horizon: int = 8) -> tuple[np.ndarray, np.ndarray]:
    starts = range(0, len(values) - length - horizon, 3)
    whole = np.stack([values[row : row + length + horizon] for row in starts])[..., None]
    return whole[:, :length], whole[:, length:]


@pytest.mark.parametrize(
    ("kind", "multiplicative", "season", "damping"),
    [("growth", True, None, 1.0), ("seasonal growth", True, 7, 1.0), ("noise around a level", False, None, None)],
)
def test_the_form_of_the_smoothing_is_the_seriess_own(
    kind: str, multiplicative: bool, season: int | None, damping: float | None
) -> None:
    time, generator = np.arange(300), np.random.default_rng(0)
    values = {
        "growth": np.exp(0.03 * time),
        "seasonal growth": np.exp(0.02 * time + np.sin(2 * np.pi * time / 7)),
        "noise around a level": -5 + generator.normal(size=300),
    }[kind]
    found = forecasting_baselines.fit_smoothing(*windows_of(values), season=7)
    assert (found.multiplicative, found.season_steps) == (multiplicative, season)
    if damping:
        assert found.damping.tolist() == [damping]
    else:
        assert found.level.max() <= 0.1


@pytest.mark.parametrize(("season", "expected"), [(2, [5, 3, 5]), (3, [1, 5, 3]), (1, [3, 3, 3])])
def test_the_seasonal_naive_forecast_repeats_the_last_season(season: int, expected: list[float]) -> None:
    windows = np.array([[[1.0], [5.0], [3.0]]])
    assert forecasting_baselines.seasonal_naive_forecast(windows, 3, season)[..., 0].tolist() == [expected]


@pytest.mark.parametrize("season", [None, 5])
def test_exponential_smoothing_equals_statsmodels(season: int | None) -> None:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    series = part(rows=1).inputs[0].astype(float)[..., 1:2]
    length = season or 1
    start = series[0, :length, 0].mean()
    seasonal = {
        "seasonal": "add",
        "seasonal_periods": 5,
        "initial_seasonal": series[0, :5, 0] - start,
    }
    theirs = ExponentialSmoothing(
        series[0, length:, 0],
        trend="add",
        damped_trend=True,
        initialization_method="known",
        initial_level=start,
        initial_trend=0.0,
        **(seasonal if season else {}),
    ).fit(
        smoothing_level=0.3,
        smoothing_trend=0.1,
        smoothing_seasonal=0.2 if season else None,
        damping_trend=0.9,
        optimized=False,
    )
    ones = np.ones(1)
    factors = forecasting_baselines.SmoothingFactors(
        0.3 * ones, 0.1 * ones, (0.2 if season else 0) * ones, 0.9 * ones, season
    )
    ours = forecasting_baselines.holt_winters_forecast(series, H, factors)
    np.testing.assert_allclose(ours[0, :, 0], theirs.forecast(H), rtol=1e-10)


@pytest.mark.parametrize("season", [3, 7, 12])
def test_a_season_is_found_in_noise_and_trend(season: int) -> None:
    time = np.arange(300)
    values = np.random.default_rng(season).normal(size=300) + 0.05 * time + 3 * np.sin(2 * np.pi * time / season)
    windows = np.stack([values[row : row + 40] for row in range(0, 260, 3)])[..., None]
    assert forecasting_baselines.detect_season(windows, 24) == season


@pytest.mark.parametrize("kind", ["noise", "constant"])
def test_a_series_without_a_season_has_none(kind: str) -> None:
    values = np.random.default_rng(0).normal(size=300) * (kind == "noise")
    windows = np.stack([values[row : row + 40] for row in range(0, 260, 3)])[..., None]
    assert forecasting_baselines.detect_season(windows, 24) is None


def test_gaps_are_forward_filled_and_leading_gaps_backward_filled() -> None:
    nan = np.nan
    windows = np.array([[[nan], [2.0], [nan], [4.0], [nan]], [[nan]] * 5])
    assert forecasting_baselines.forward_fill(windows)[..., 0].tolist() == [[2, 2, 2, 4, 4], [0, 0, 0, 0, 0]]


def test_every_baseline_answers_quantiles_in_order_around_its_own_forecast() -> None:
    one, train, test = task(season=5), part(), part(8, seed=2)
    found = one.baselines(train, test)
    assert list(found) == [
        "naive (baseline)",
        "drift (baseline)",
        "seasonal naive (baseline)",
        "exponential smoothing (baseline)",
        "AutoETS (baseline)",
    ]
    windows = test.inputs[0][..., [1, 0]].astype(float)
    np.testing.assert_allclose(found["naive (baseline)"][..., 4], forecasting_baselines.naive_forecast(windows, H))
    np.testing.assert_allclose(
        found["seasonal naive (baseline)"][..., 4], forecasting_baselines.seasonal_naive_forecast(windows, H, 5)
    )
    for predictions in found.values():
        assert predictions.shape == (8, H, 2, 9)
        assert (np.diff(predictions, axis=-1) >= 0).all()


def test_seasonal_baselines_beat_the_others_on_seasonal_data() -> None:
    one, train, test = task(), part(), part(20, seed=2)
    off = {  # load, which has a season of 5 steps
        name: np.abs(test.target[..., 0] - predictions[:, :, 0, 4]).mean()
        for name, predictions in one.baselines(train, test).items()
    }
    assert off["seasonal naive (baseline)"] < 0.5 * off["naive (baseline)"]
    assert off["exponential smoothing (baseline)"] < 0.5 * off["naive (baseline)"]
