"""Scores, intervals and refusals of a forecasting."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn import metrics as reference

from pipelines.data.schema import Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks import score
from pipelines.tasks.forecasting import Forecasting, ForecastingSettings
from pipelines.tasks.metrics.forecasting import (
    GOALS,
    METRICS,
    SCORES_PER_ROW,
    ForecastReference,
    interval_scores,
    pinball_loss,
    symmetric_percentage_errors,
)
from tests.support.forecasts import FORECAST, H, W, part, predicted, schema, task
from tests.support.references import rows_of


@pytest.mark.parametrize("loss", ["quantile", "huber"])
def test_the_errors_equal_scikit_learns(loss: str) -> None:
    one, data = task(loss=loss), part()
    predictions, true_values = predicted(data, len(one.quantile_levels)), one.reference(data)
    found = score(one, predictions, true_values, one.calibrate(predictions, true_values))
    true, middle = data.target.reshape(30, -1), predictions[..., one.quantile_levels.index(0.5)].reshape(30, -1)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(true, middle), rel=1e-12)
    assert found["rmse"] == pytest.approx(reference.mean_squared_error(true, middle) ** 0.5, rel=1e-12)


def test_the_pinball_loss_equals_scikit_learns() -> None:
    one, data = task(), part()
    predictions = predicted(data)
    expected = [
        reference.mean_pinball_loss(data.target.ravel(), predictions[..., place].ravel(), alpha=level)
        for place, level in enumerate(one.quantile_levels)
    ]
    assert pinball_loss(predictions, data.target, one.quantile_levels).mean() == pytest.approx(
        np.mean(expected), rel=1e-12
    )


@pytest.mark.parametrize("lag", [3, 5, W])
def test_an_error_of_one_season_of_the_train_part_has_a_mase_of_1(lag: int) -> None:
    """Hyndman & Koehler 2006, section 3, and M4: scaled by the seasonal naive forecast of the train part."""
    one, train, data = task(season=lag), part(seed=3), part()
    series = np.concatenate([train.inputs[0][..., [1, 0]], train.target], axis=1).astype(float)
    usual = np.abs(series[:, lag:] - series[:, :-lag]).mean(axis=(0, 1))
    predictions = np.repeat((data.target + usual)[..., None], 9, axis=-1)
    assert score(one, predictions, one.reference(data, train), {})["mase"] == pytest.approx(1, rel=1e-6)


def test_a_series_without_a_season_is_scaled_by_its_steps() -> None:
    one, train = task(), part()
    generator = np.random.default_rng(5)
    train.inputs[0][:], train.target[:] = generator.normal(size=(30, W, 3)), generator.normal(size=(30, H, 2))
    series = np.concatenate([train.inputs[0][..., [1, 0]], train.target], axis=1).astype(float)
    assert one.find_season(train) is None
    scale = one.reference(part(), train).scale[0, 0]
    np.testing.assert_allclose(scale, np.abs(np.diff(series, axis=1)).mean(axis=(0, 1)), rtol=1e-6)


def test_gaps_and_variables_that_never_move_leave_errors_finite() -> None:
    one, data = task(), part()
    data.inputs[0][:, 3:5, 0] = np.nan
    data.inputs[0][..., 1] = 7
    scores = score(one, predicted(data), one.reference(data), {})
    assert all(np.isfinite(value) for value in scores.values())


@pytest.mark.parametrize("loss", ["quantile", "squared_error"])
def test_unit_weights_give_the_plain_score(loss: str) -> None:
    one, data = task(loss=loss), part()
    predictions, true_values = predicted(data, len(one.quantile_levels)), one.reference(data)
    calibration = one.calibrate(predictions, true_values)
    found = one.bootstrap_scores(predictions, true_values, np.ones((2, 30)), calibration)
    for name, value in score(one, predictions, true_values, calibration).items():
        assert found[name] == pytest.approx([value, value], rel=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_resample_scores_as_the_rows_it_drew(seed: int) -> None:
    one, data = task(), part()
    predictions, true_values = predicted(data), one.reference(data)
    weights = np.random.default_rng(seed).multinomial(30, np.full(30, 1 / 30), size=2)
    found = one.bootstrap_scores(predictions, true_values, weights, {})
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(30), counts)
        expected = score(one, predictions[drawn], rows_of(true_values, drawn), {})
        assert {name: pytest.approx(found[name][resample], rel=1e-12) for name in expected} == expected


@pytest.mark.parametrize("goal", GOALS)
def test_the_goal_is_the_mean_over_examples(goal: str) -> None:
    one, data = task(goal), part()
    predictions, true_values = predicted(data), one.reference(data)
    assert one.objective_per_row(predictions, true_values).mean() == pytest.approx(
        score(one, predictions, true_values, {})[goal], rel=1e-12
    )


def test_answers_that_are_not_numbers_have_no_score_and_raise_no_warning() -> None:
    one, data = task(), part()
    scores = score(one, predicted(data) * np.nan, one.reference(data), {})
    assert set(scores) == {metric.name for metric in METRICS}
    assert all(np.isnan(value) for value in scores.values())


@pytest.mark.parametrize("loss", ["quantile", "squared_error"])
def test_intervals_hold_the_truth_of_new_windows_as_often_as_they_promise(loss: str) -> None:
    """Romano et al. 2019, theorem 1: between 0.8 and 0.8 + 1 / (n + 1) on average, however bad the quantiles are."""
    one, rows = task(loss=loss), 1199
    generator = np.random.default_rng(0)
    true_values = ForecastReference(generator.standard_t(2, (2 * rows, H, 2)), np.ones((2 * rows, 1, 2)))
    predictions = np.sort(generator.normal(0, 0.1, (2 * rows, H, 2, len(one.quantile_levels))), axis=-1)
    calibration = one.calibrate(predictions[:rows], rows_of(true_values, slice(rows)))
    assert calibration["coverage"] == 0.8
    found = score(one, predictions[rows:], rows_of(true_values, slice(rows, None)), calibration)
    assert found["coverage"] == pytest.approx(0.8, abs=0.02)


def test_every_step_and_variable_has_a_radius_of_its_own() -> None:
    calibration = task().calibrate(predicted(part()), task().reference(part()))
    assert set(calibration) == {"coverage", *(f"radius_{step}_{name}" for step in range(1, H + 1) for name in FORECAST)}


def test_too_wide_quantiles_are_narrowed_but_never_past_the_median() -> None:
    one, data = task(levels=[0.1, 0.5, 0.9]), part()
    middle = data.target.astype(float)
    predictions = np.stack([middle - 1000, middle, middle + 1000], axis=-1)
    true_values = one.reference(data)
    low, high = one.interval_bounds(predictions, one.calibrate(predictions, true_values))
    np.testing.assert_allclose(low, middle)
    np.testing.assert_allclose(high, middle)


def test_the_weighted_quantile_loss_is_gluonts_formula_for_each_variable() -> None:
    one, data = task(), part()
    predictions, true = predicted(data), data.target.astype(float)
    expected = []
    for variable in range(2):
        sums = [
            2 * np.sum(np.abs((forecast - true[..., variable]) * ((true[..., variable] <= forecast) - level)))
            for level, forecast in zip(
                one.quantile_levels, np.moveaxis(predictions[:, :, variable], -1, 0), strict=True
            )
        ]
        expected.append(np.mean(sums) / np.abs(true[..., variable]).sum())
    assert score(one, predictions, one.reference(data), {})["wql"] == pytest.approx(np.mean(expected))


def test_the_interval_score_is_winklers() -> None:
    """By hand: an interval from 2 to 6 that promises 80 %; 1.5 below it costs 4 + 10 * 1.5."""
    true = np.array([4.0, 0.5, 6.1])
    found = interval_scores(np.full(3, 2.0), np.full(3, 6.0), true, 0.8)
    assert found == pytest.approx([4, 19, 5])


def test_a_wider_interval_holds_more_and_scores_worse() -> None:
    one, data = task(levels=[0.1, 0.5, 0.9]), part()
    true_values, middle = one.reference(data), data.target.astype(float)
    narrow, wide = (
        score(one, np.stack([middle - size, middle, middle + size], axis=-1), true_values, {}) for size in (1, 50)
    )
    assert wide["coverage"] == narrow["coverage"] == 1
    assert wide["coverage_error"] == narrow["coverage_error"] == pytest.approx(0.2)  # 80 % were promised
    assert wide["interval_width"] == pytest.approx(50 * narrow["interval_width"])
    assert wide["interval_score"] == pytest.approx(wide["interval_width"])


def test_single_numbers_without_a_decision_have_no_coverage() -> None:
    one, data = task(loss="huber"), part()
    assert np.isnan(score(one, predicted(data, 1), one.reference(data), {})["coverage"])


@pytest.mark.parametrize(
    ("described", "settings", "goal", "sentence"),
    [
        (schema(), {}, "rmse", r"goal of a forecasting must be one of mase, mae, pinball; found 'rmse'"),
        (schema(target=("load", "sun")), {}, None, r"the past of every variable of the target, load, sun; .* 'window'"),
        (schema(), {"season": 13}, None, r"task.season must not be longer than the window, 12 steps; found 13"),
    ],
)
def test_unforecastable_targets_are_refused(
    described: Schema, settings: dict[str, Any], goal: str | None, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        Forecasting(described, ForecastingSettings(**settings), goal)


@pytest.mark.parametrize("levels", [[0.5, 0.1, 0.9], [0.1, 0.9], [0.1, 0.5, 0.8], [0.0, 0.5, 1.0], [0.5]])
def test_levels_that_make_no_interval_are_refused(levels: list[float]) -> None:
    with pytest.raises(ValidationError, match=r"levels must rise between 0 and 1, with 0.5 in the middle"):
        ForecastingSettings(levels=levels)


def test_levels_go_with_the_quantile_loss_alone() -> None:
    with pytest.raises(ValidationError, match="levels go with loss quantile alone, found loss huber"):
        ForecastingSettings(loss="huber", levels=[0.1, 0.5, 0.9])


def test_settings_from_a_file_can_be_hashed() -> None:
    assert hash(ForecastingSettings(levels=[0.05, 0.5, 0.95])) == hash(ForecastingSettings(levels=(0.05, 0.5, 0.95)))


def test_the_table_of_errors_holds_every_goal() -> None:
    assert set(GOALS) <= set(SCORES_PER_ROW)


def test_smape_equals_that_of_the_m4_competition() -> None:
    """200 % times the error over the sum of both sizes; here as a share, as every other of the scores."""
    true, forecast = np.array([100.0, 80.0, 0.0, 0.0]), np.array([120.0, 80.0, 5.0, 0.0])
    expected = [2 * 20 / 220, 0, 2, 0]
    assert symmetric_percentage_errors(forecast, true).tolist() == pytest.approx(expected)


def test_quantiles_are_of_nine_levels_unless_the_settings_say_otherwise() -> None:
    assert task().quantile_levels == pytest.approx(np.arange(1, 10) / 10, abs=1e-15)
    assert task().nominal_coverage == 0.8
