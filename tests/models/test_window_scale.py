"""Window scale: windows read relative to their own level and spread, and forecasts given back in them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.blocks import window_scale as window_scale_module
from models.blocks.window_scale import MIN_SPREAD_SHARE, WindowScale, WindowScaleSpec, WindowSettings
from models.stems import ColumnSpec, Model, build_stem
from pipelines.tasks.forecasting import Forecasting
from tests.support.forecasts import H, W, part, task

NAN = float("nan")
OWN_SCALES = ["level", "level_and_spread"]


def scale_fitted_to(windows: np.ndarray, *, has_own_spread: bool = True, variables: tuple[int, ...] = (0,)) -> Any:
    scale = WindowScale(*windows.shape[1:], WindowScaleSpec(variables, has_own_spread))
    scale.fit(windows)
    return scale


def random_windows(rows: int = 20) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 6, 1)).astype(np.float32)


def model_of(one: Forecasting, scale: str) -> Model:
    """A linear model of random weights, its stem and output transform fitted."""
    data = part()
    one = one.with_stem_settings(WindowSettings(window_scale=scale))
    stem = build_stem((ColumnSpec("steps", (W, 3), window_scale=one.window_scales().get(0)),), "vector")
    stem.fit(data.inputs)
    torch.manual_seed(0)
    return Model(stem, nn.Linear(*stem.input_shape, one.head_width("vector")), one.output_transform(data))


def shift_forecast_variables(windows: Tensor, factor: float, shift: float) -> Tensor:
    """Wind and load, which are forecast, in another unit; heat as it is."""
    return torch.cat([windows[..., :2] * factor + shift, windows[..., 2:]], 2)


@pytest.mark.parametrize(("scale", "factor"), [("level", 1.0), ("level_and_spread", 3.0)])
def test_a_forecast_goes_along_with_the_level_and_spread_of_its_window(scale: str, factor: float) -> None:
    windows = torch.from_numpy(part().inputs[0]).double()
    model = model_of(task(), scale).double()
    expected = model(windows) * factor + 500
    torch.testing.assert_close(model(shift_forecast_variables(windows, factor, 500)), expected, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("scale", OWN_SCALES)
def test_the_level_of_what_is_not_forecast_is_read(scale: str) -> None:
    windows = torch.from_numpy(part().inputs[0])
    warmer = windows + torch.tensor([0.0, 0.0, 1.0])
    model = model_of(task(), scale)
    assert (model(warmer) - model(windows)).abs().min() > 0


def test_the_scale_of_a_window_is_its_mean_and_standard_deviation_without_gaps() -> None:
    windows = random_windows()
    windows[0, [0, 3, 5]] = NAN
    scale = scale_fitted_to(windows)
    own = torch.from_numpy(windows)
    np.testing.assert_allclose(scale.levels(own).flatten(), np.nanmean(windows, axis=(1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(scale.spreads(own).flatten(), np.nanstd(windows, axis=(1, 2)), rtol=1e-4)
    assert torch.equal(scale.scale(own).isnan(), own.isnan())


def test_a_window_without_a_value_has_the_usual_level_and_spread_of_train() -> None:
    windows = random_windows() + 7
    scale = scale_fitted_to(windows)
    nothing = torch.full((1, 6, 1), NAN)
    assert scale.levels(nothing).item() == pytest.approx(windows.mean(), rel=1e-5)
    assert scale.spreads(nothing).item() == pytest.approx(np.sqrt(windows.var(axis=1).mean()), rel=1e-5)


def test_a_window_in_which_nothing_moves_is_not_blown_up() -> None:
    windows = random_windows()
    scale = scale_fitted_to(windows)
    still = torch.full((1, 6, 1), 4.0)
    still[0, -1] += 1e-6
    assert scale.spreads(still).item() == pytest.approx(
        MIN_SPREAD_SHARE * np.sqrt(windows.var(axis=1).mean()), rel=1e-5
    )
    assert scale.scale(still).abs().max() < 1e-3


def test_a_series_that_never_moves_is_read_as_zeros() -> None:
    still = np.full((5, 6, 1), 3e8, dtype=np.float32)
    assert not scale_fitted_to(still).scale(torch.from_numpy(still)).any()


def test_a_small_change_of_a_large_value_is_seen() -> None:
    """Squares and sums of such numbers would lose it in float32."""
    windows = (random_windows() + 1e6).astype(np.float32)
    scale = scale_fitted_to(windows)
    own = torch.from_numpy(windows)
    np.testing.assert_allclose(scale.spreads(own).flatten(), windows.astype(np.float64).std(axis=(1, 2)), rtol=1e-3)


def test_many_windows_are_measured_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scale_fitted_to(random_windows())
    monkeypatch.setattr(window_scale_module, "CHUNK_WINDOWS", 7)
    torch.testing.assert_close(dict(scale_fitted_to(random_windows()).state_dict()), dict(whole.state_dict()))


@pytest.mark.parametrize("scale", OWN_SCALES)
@pytest.mark.parametrize("loss", ["quantile", "absolute_error"])
def test_targets_in_a_windows_own_scale_come_back(loss: str, scale: str) -> None:
    one, data = task(loss=loss).with_stem_settings(WindowSettings(window_scale=scale)), part()
    transform = one.output_transform(data)
    target, windows = torch.from_numpy(data.target), torch.from_numpy(data.inputs[0])
    inner = transform.inverse(target, windows)
    assert inner.shape == (30, H, 2, len(one.quantile_levels))
    torch.testing.assert_close(transform(inner.flatten(1), windows), target[..., None].expand_as(inner))
    assert inner.std().item() == pytest.approx(1, abs=0.02)
