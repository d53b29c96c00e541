"""From the network's units to served quantiles: last values, losses and exported graphs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from models.blocks.window_scale import WindowSettings
from models.stems import ColumnSpec, Model, build_stem
from pipelines.exporting import parity
from pipelines.exporting.graphs import (
    ExportModule,
    example_tensors,
    onnx_bytes,
    onnx_graph,
    torchscript_bytes,
    with_metadata,
)
from pipelines.tasks.task import Target
from tests.support.forecasts import H, W, part, task


@pytest.mark.parametrize("loss", ["quantile", "absolute_error"])
def test_targets_go_into_the_networks_units_and_come_back(loss: str) -> None:
    one, data = task(loss=loss), part()
    transform = one.output_transform(data)
    target, windows = torch.from_numpy(data.target), torch.from_numpy(data.inputs[0])
    inner = transform.inverse(target, windows)
    assert inner.shape == (30, H, 2, len(one.quantile_levels))
    assert inner.flatten(1).shape[1] == one.head_width("vector")
    torch.testing.assert_close(transform(inner.flatten(1), windows), target[..., None].expand_as(inner))
    assert inner.std().item() == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(inner.mean((0, 1, 3)), torch.zeros(2), atol=1e-4, rtol=0)


def test_zero_output_forecasts_the_last_value_plus_the_mean_change() -> None:
    one, data = task(), part()
    transform = one.output_transform(data)
    windows = torch.from_numpy(data.inputs[0])
    change = torch.from_numpy(data.target - data.inputs[0][:, -1:, [1, 0]]).mean((0, 1))
    expected = (windows[:, -1, [1, 0]] + change)[:, None, :, None].expand(30, H, 2, len(one.quantile_levels))
    torch.testing.assert_close(
        transform(torch.zeros(30, one.head_width("vector")), windows), expected, rtol=1e-4, atol=1e-3
    )


def test_a_gap_at_the_end_of_a_window_is_bridged() -> None:
    one, data = task(), part()
    transform = one.output_transform(data)
    windows = torch.from_numpy(data.inputs[0].copy())
    windows[0, -3:, 1] = torch.nan  # load: the value before the gap stands
    windows[1, :, 0] = torch.nan  # wind: nothing is known, the mean stands
    found = transform.last_values(windows)
    assert found[0].tolist() == [windows[0, -4, 1].item(), windows[0, -1, 0].item()]
    assert found[1, 1].item() == pytest.approx(data.inputs[0][..., 0].mean(), rel=1e-4)
    assert transform(torch.zeros(30, one.head_width("vector")), windows).isfinite().all()


def test_gaps_do_not_poison_what_is_learned_on_train() -> None:
    data = part()
    data.inputs[0][:, -2:, 1] = np.nan
    transform = task().output_transform(data)
    assert all(values.isfinite().all() for values in transform.state_dict().values())


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


@pytest.mark.parametrize(
    ("loss", "scale"), [("quantile", "train"), ("huber", "level"), ("quantile", "level_and_spread")]
)
def test_the_exported_graphs_answer_as_the_model_does_with_gaps_too(loss: str, scale: str, tmp_path: Path) -> None:
    one, data = task(loss=loss).with_stem_settings(WindowSettings(window_scale=scale)), part()
    data.inputs[0][2, -3:, 1] = np.nan
    data.inputs[0][3, :, 0] = np.nan
    front = build_stem((ColumnSpec("steps", (W, 3), window_scale=one.window_scales().get(0)),), "vector")
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
    predictions = parity.eager_predictions(served, data.inputs)
    assert predictions.shape == (30, H, 2, len(one.quantile_levels))
    assert np.isfinite(predictions).all()
    assert parity.check_parity(served, runtimes, data.inputs, ())["rows"] == 30  # and no Mismatch
