"""Forecasts: quantiles in order, intervals that hold, and baselines that are what their names say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError
from sklearn import metrics as reference
from torch import nn

from models.stems import ColumnSpec, Model, build_stem
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.evaluation.leaderboard import Estimate, LeaderboardRow
from pipelines.exporting import parity
from pipelines.exporting.graphs import (
    ExportModule,
    example_tensors,
    onnx_bytes,
    onnx_graph,
    torchscript_bytes,
    with_metadata,
)
from pipelines.reporting.views import forecasting
from pipelines.reporting.views.view import EvaluationData
from pipelines.runtime.user_error import UserError
from pipelines.tasks import score
from pipelines.tasks.baselines import forecasting as forecasting_baselines
from pipelines.tasks.forecasting import Forecasting, ForecastingSettings
from pipelines.tasks.metrics.forecasting import (
    GOALS,
    METRICS,
    SCORES_PER_ROW,
    ForecastReference,
    pinball_loss,
)
from pipelines.tasks.task import Target
from tests.support.references import rows_of

W, H = 12, 4
SEEN, FORETOLD = ("wind", "load", "heat"), ("load", "wind")  # in another order, and one that is not foretold


def steps(name: str, length: int, columns: tuple[str, ...], **more: Any) -> Field:
    return Field(name=name, kind="steps", dtype="float32", shape=(length, len(columns)), columns=columns, **more)


def schema(window: tuple[str, ...] = SEEN, target: tuple[str, ...] = FORETOLD, horizon: int = H) -> Schema:
    return Schema(
        inputs=(steps("window", W, window),),
        target=steps("future", horizon, target, step="1 h", unit="MW"),
        title="Stand-in",
        origin="made here",
        licence="none",
    )


def task(goal: str | None = None, **settings: Any) -> Forecasting:
    return Forecasting(schema(), ForecastingSettings(**settings), goal)


def part(rows: int = 30, seed: int = 0, horizon: int = H) -> Part:
    """Windows of three drifting variables, each of its own size, the second with a season of 5 steps."""
    generator = np.random.default_rng(seed)
    series = np.cumsum(generator.normal(size=(rows + W + horizon, 3)), axis=0) * (1, 10, 0.1)
    series[:, 1] += 200 * np.sin(np.arange(len(series)) * 2 * np.pi / 5)
    windows = np.stack([series[row : row + W] for row in range(rows)])
    futures = np.stack([series[row + W : row + W + horizon][:, [1, 0]] for row in range(rows)])
    return Part((windows.astype(np.float32),), futures.astype(np.float32))


def replied(to: Part, levels: int = 3, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(*to.target.shape, levels))
    return np.sort(to.target[..., None] + noise * 3, axis=-1)


# Scores


@pytest.mark.parametrize("loss", ["quantile", "huber"])
def test_the_errors_equal_scikit_learns(loss: str) -> None:
    one, data = task(loss=loss), part()
    replies, truth = replied(data, len(one.quantile_levels)), one.reference(data)
    found = score(one, replies, truth, one.calibrate(replies, truth))
    true, middle = data.target.reshape(30, -1), replies[..., one.quantile_levels.index(0.5)].reshape(30, -1)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(true, middle), rel=1e-12)
    assert found["rmse"] == pytest.approx(reference.mean_squared_error(true, middle) ** 0.5, rel=1e-12)


def test_the_pinball_loss_equals_scikit_learns() -> None:
    one, data = task(), part()
    replies = replied(data)
    expected = [
        reference.mean_pinball_loss(data.target.ravel(), replies[..., place].ravel(), alpha=level)
        for place, level in enumerate(one.quantile_levels)
    ]
    assert pinball_loss(replies, data.target, one.quantile_levels).mean() == pytest.approx(np.mean(expected), rel=1e-12)


def test_an_error_of_one_step_of_the_series_has_a_mase_of_1() -> None:
    """Hyndman & Koehler 2006, equation 3, with the windows of the part as the sample."""
    one, data = task(), part()
    usual = np.abs(np.diff(data.inputs[0][..., [1, 0]].astype(float), axis=1)).mean(axis=(0, 1))
    replies = np.repeat((data.target + usual)[..., None], 3, axis=-1)
    assert score(one, replies, one.reference(data), {})["mase"] == pytest.approx(1, rel=1e-6)


def test_gaps_and_variables_that_never_move_leave_errors_finite() -> None:
    one, data = task(), part()
    data.inputs[0][:, 3:5, 0] = np.nan
    data.inputs[0][..., 1] = 7
    scores = score(one, replied(data), one.reference(data), {})
    assert all(np.isfinite(value) for value in scores.values())


@pytest.mark.parametrize("loss", ["quantile", "squared_error"])
def test_unit_weights_give_the_plain_score(loss: str) -> None:
    one, data = task(loss=loss), part()
    replies, truth = replied(data, len(one.quantile_levels)), one.reference(data)
    decided = one.calibrate(replies, truth)
    found = one.bootstrap_scores(replies, truth, np.ones((2, 30)), decided)
    for name, value in score(one, replies, truth, decided).items():
        assert found[name] == pytest.approx([value, value], rel=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_resample_scores_as_the_rows_it_drew(seed: int) -> None:
    one, data = task(), part()
    replies, truth = replied(data), one.reference(data)
    weights = np.random.default_rng(seed).multinomial(30, np.full(30, 1 / 30), size=2)
    found = one.bootstrap_scores(replies, truth, weights, {})
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(30), counts)
        expected = score(one, replies[drawn], rows_of(truth, drawn), {})
        assert {name: pytest.approx(found[name][resample], rel=1e-12) for name in expected} == expected


@pytest.mark.parametrize("goal", GOALS)
def test_the_goal_is_the_mean_over_examples(goal: str) -> None:
    one, data = task(goal), part()
    replies, truth = replied(data), one.reference(data)
    assert one.objective_per_row(replies, truth).mean() == pytest.approx(
        score(one, replies, truth, {})[goal], rel=1e-12
    )


def test_answers_that_are_not_numbers_have_no_score_and_raise_no_warning() -> None:
    one, data = task(), part()
    scores = score(one, replied(data) * np.nan, one.reference(data), {})
    assert set(scores) == {metric.name for metric in METRICS}
    assert all(np.isnan(value) for value in scores.values())


# Intervals


@pytest.mark.parametrize("loss", ["quantile", "squared_error"])
def test_intervals_hold_the_truth_of_new_windows_as_often_as_they_promise(loss: str) -> None:
    """Romano et al. 2019, theorem 1: between 0.8 and 0.8 + 1 / (n + 1) on average, however bad the quantiles are."""
    one, rows = task(loss=loss), 1199
    generator = np.random.default_rng(0)
    truth = ForecastReference(generator.standard_t(2, (2 * rows, H, 2)), np.ones((2 * rows, 1, 2)))
    replies = np.sort(generator.normal(0, 0.1, (2 * rows, H, 2, len(one.quantile_levels))), axis=-1)
    decided = one.calibrate(replies[:rows], rows_of(truth, slice(rows)))
    assert decided["coverage"] == 0.8
    found = score(one, replies[rows:], rows_of(truth, slice(rows, None)), decided)
    assert found["coverage"] == pytest.approx(0.8, abs=0.02)


def test_every_step_and_variable_has_a_radius_of_its_own() -> None:
    decided = task().calibrate(replied(part()), task().reference(part()))
    assert set(decided) == {"coverage", *(f"radius_{step}_{name}" for step in range(1, H + 1) for name in FORETOLD)}


def test_too_wide_quantiles_are_narrowed_but_never_past_the_median() -> None:
    one, data = task(), part()
    middle = data.target.astype(float)
    replies = np.stack([middle - 1000, middle, middle + 1000], axis=-1)
    truth = one.reference(data)
    low, high = one.interval_bounds(replies, one.calibrate(replies, truth))
    np.testing.assert_allclose(low, middle)
    np.testing.assert_allclose(high, middle)


def test_single_numbers_without_a_decision_have_no_coverage() -> None:
    one, data = task(loss="huber"), part()
    assert np.isnan(score(one, replied(data, 1), one.reference(data), {})["coverage"])


# The finish


@pytest.mark.parametrize("loss", ["quantile", "absolute_error"])
def test_targets_go_into_the_networks_units_and_come_back(loss: str) -> None:
    one, data = task(loss=loss), part()
    finish = one.output_transform(data)
    target, windows = torch.from_numpy(data.target), torch.from_numpy(data.inputs[0])
    inner = finish.inverse(target, windows)
    assert inner.shape == (30, H, 2, len(one.quantile_levels))
    assert inner.flatten(1).shape[1] == one.head_width("vector")
    torch.testing.assert_close(finish(inner.flatten(1), windows), target[..., None].expand_as(inner))
    assert inner.std().item() == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(inner.mean((0, 1, 3)), torch.zeros(2), atol=1e-4, rtol=0)


def test_zero_output_forecasts_the_last_value_plus_the_mean_change() -> None:
    one, data = task(), part()
    finish = one.output_transform(data)
    windows = torch.from_numpy(data.inputs[0])
    change = torch.from_numpy(data.target - data.inputs[0][:, -1:, [1, 0]]).mean((0, 1))
    expected = (windows[:, -1, [1, 0]] + change)[:, None, :, None].expand(30, H, 2, 3)
    torch.testing.assert_close(
        finish(torch.zeros(30, one.head_width("vector")), windows), expected, rtol=1e-4, atol=1e-3
    )


def test_a_gap_at_the_end_of_a_window_is_bridged() -> None:
    one, data = task(), part()
    finish = one.output_transform(data)
    windows = torch.from_numpy(data.inputs[0].copy())
    windows[0, -3:, 1] = torch.nan  # load: the value before the gap stands
    windows[1, :, 0] = torch.nan  # wind: nothing is known, the mean stands
    found = finish.last_values(windows)
    assert found[0].tolist() == [windows[0, -4, 1].item(), windows[0, -1, 0].item()]
    assert found[1, 1].item() == pytest.approx(data.inputs[0][..., 0].mean(), rel=1e-4)
    assert finish(torch.zeros(30, one.head_width("vector")), windows).isfinite().all()


def test_gaps_do_not_poison_what_is_learned_on_train() -> None:
    data = part()
    data.inputs[0][:, -2:, 1] = np.nan
    finish = task().output_transform(data)
    assert all(values.isfinite().all() for values in finish.state_dict().values())


@given(values=arrays(np.float32, (2, H, 2, 3), elements=st.floats(-100, 100, width=32)))
def test_served_quantiles_are_in_order_and_the_same_numbers(values: np.ndarray) -> None:
    ordered = task().postprocess()(torch.from_numpy(values)).numpy()
    assert (np.diff(ordered, axis=-1) >= 0).all()
    np.testing.assert_array_equal(ordered, np.sort(values, axis=-1))


@pytest.mark.parametrize("loss", ["quantile", "squared_error", "huber", "absolute_error"])
def test_every_loss_is_least_at_the_truth(loss: str) -> None:
    one, data = task(loss=loss), part()
    inner = one.output_transform(data).inverse(torch.from_numpy(data.target), torch.from_numpy(data.inputs[0]))
    assert one.loss(nn.Identity(), (inner.flatten(1),), Target(inner)).item() == pytest.approx(0, abs=1e-6)
    assert one.loss(nn.Identity(), (inner.flatten(1) + 0.5,), Target(inner)).item() > 0


@pytest.mark.parametrize("loss", ["quantile", "huber"])
def test_the_exported_graphs_answer_as_the_model_does_with_gaps_too(loss: str, tmp_path: Path) -> None:
    one, data = task(loss=loss), part()
    data.inputs[0][2, -3:, 1] = np.nan
    data.inputs[0][3, :, 0] = np.nan
    front = build_stem((ColumnSpec("steps", (W, 3)),), "vector")
    front.fit(data.inputs)
    torch.manual_seed(0)
    model = Model(front, nn.Linear(*front.input_shape, one.head_width("vector")), one.output_transform(data))
    served = ExportModule(model, one.postprocess())
    example = example_tensors((data.inputs[0],))
    graph = with_metadata(onnx_graph(served, example, ["window"], one.output_name), {})
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(graph))
    (tmp_path / "model.pt").write_bytes(torchscript_bytes(served, example))
    runtimes = {
        "onnx": parity.onnx_runtime(tmp_path / "model.onnx"),
        "torchscript": parity.torchscript_runtime(tmp_path / "model.pt"),
    }
    replies = parity.eager_predictions(served, data.inputs)
    assert replies.shape == (30, H, 2, len(one.quantile_levels))
    assert np.isfinite(replies).all()
    assert parity.check_parity(served, runtimes, data.inputs, ())["rows"] == 30  # and no Mismatch


# Baselines


def test_the_naive_forecast_is_the_last_value() -> None:
    windows = np.array([[[1.0], [5.0], [3.0]]])
    assert forecasting_baselines.naive_forecast(windows, 2)[..., 0].tolist() == [[3, 3]]


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
        damping_trend=forecasting_baselines.TREND_DAMPING,
        optimized=False,
    )
    ones = np.ones(1)
    ours = forecasting_baselines.holt_winters_forecast(
        series, H, forecasting_baselines.SmoothingFactors(0.3 * ones, 0.1 * ones, (0.2 if season else 0) * ones, season)
    )
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
    assert list(found) == ["naive (baseline)", "seasonal naive (baseline)", "exponential smoothing (baseline)"]
    windows = test.inputs[0][..., [1, 0]].astype(float)
    np.testing.assert_allclose(found["naive (baseline)"][..., 1], forecasting_baselines.naive_forecast(windows, H))
    np.testing.assert_allclose(
        found["seasonal naive (baseline)"][..., 1], forecasting_baselines.seasonal_naive_forecast(windows, H, 5)
    )
    for replies in found.values():
        assert replies.shape == (8, H, 2, 3)
        assert (np.diff(replies, axis=-1) >= 0).all()


def test_seasonal_baselines_beat_the_others_on_seasonal_data() -> None:
    one, train, test = task(), part(), part(20, seed=2)
    off = {  # load, which has a season of 5 steps
        name: np.abs(test.target[..., 0] - replies[:, :, 0, 1]).mean()
        for name, replies in one.baselines(train, test).items()
    }
    assert off["seasonal naive (baseline)"] < 0.5 * off["naive (baseline)"]
    assert off["exponential smoothing (baseline)"] < 0.5 * off["naive (baseline)"]


# Refusals


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


# The report


@pytest.mark.parametrize(("rows", "horizon", "loss"), [(30, H, "quantile"), (2, H, "huber"), (70, 1, "quantile")])
def test_the_pictures_of_a_forecast_are_the_same_every_time(rows: int, horizon: int, loss: str, tmp_path: Path) -> None:
    described = schema(horizon=horizon)
    one, train, test = (
        Forecasting(described, ForecastingSettings(loss=loss)),
        part(40, 3, horizon),
        part(rows, 0, horizon),
    )
    replies, truth = replied(test, len(one.quantile_levels)), one.reference(test)
    view = EvaluationData(
        described, one, test, replies, truth, one.calibrate(replies, truth), one.baselines(train, test)
    )
    for folder in (tmp_path / "one", tmp_path / "two"):
        (folder / "pictures").mkdir(parents=True)
        (folder / "tables").mkdir()
        forecasting.write_view(folder, view)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / at).rglob("*.*")} for at in ("one", "two"))
    assert first == second
    assert set(first) == {*forecasting.CAPTIONS, "horizon.csv", "origins.csv"}
    assert len(first["horizon.csv"].splitlines()) == horizon + 1
    assert len(first["origins.csv"].splitlines()) == rows + 1


def test_the_headline_says_how_far_off_the_forecasts_are() -> None:
    nan = float("nan")
    test = {metric.name: Estimate(0.8, 0.7, 0.9) for metric in METRICS} | {"mae": Estimate(44.1, 38.2, 50.3)}
    row = LeaderboardRow(1, "one", "mlp", "best", 0.1, nan, nan, test, Estimate(nan, nan, nan), nan, 10, 20)
    said = forecasting.headline(row, 89, schema())
    assert "On 89 windows" in said
    assert (
        "forecasts of the next 4 steps were off by 0.800 average changes from one step to the next (44.10 MW)" in said
    )


def test_the_table_of_errors_holds_every_goal() -> None:
    assert set(GOALS) <= set(SCORES_PER_ROW)
