"""Networks that read sequences: padding, order of steps, the LSTM's gates and the ESN's reservoir."""

import io
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from models import esn, lstm
from models.blocks.hyperparameters import Hyperparameters
from pipelines.exporting.graphs import hide_torchscript_warnings, onnx_bytes, onnx_graph, torchscript_bytes
from tests.support.architecture_cases import (
    HEAD_WIDTH,
    make_examples,
    new_network,
    number_targets,
    random_tensor,
    ready_network,
)


class WithColumns(nn.Module):
    """As the exporter meets a network: behind any number of columns."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *columns: Tensor) -> Any:
        return self.network(*columns)


def full_sequences(rows: int = 5, steps: int = 12, seed: int = 0) -> Tensor:
    return torch.cat([random_tensor(rows, steps, 3, seed=seed), torch.ones(rows, steps, 1)], 2)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("esn", esn.Config(units=20)),
        ("lstm", lstm.Config()),
        ("lstm", lstm.Config(depth=2, width=16, bidirectional=True, pooling="last")),
    ],
)
def test_exported_graphs_read_padded_sequences_as_the_network_does(name: str, config: Hyperparameters) -> None:
    network, x = ready_network(name, (12, 4), config=config), make_examples((12, 4), 5)
    session = onnxruntime.InferenceSession(onnx_bytes(onnx_graph(WithColumns(network).eval(), (x[:3],), ["x"], "y")))
    with hide_torchscript_warnings():
        script = torch.jit.load(io.BytesIO(torchscript_bytes(network, (x[:3],))))
    for rows in (1, 2, 5):
        eager = network(x[:rows])
        torch.testing.assert_close(script(x[:rows]), eager, rtol=0, atol=1e-6)
        (outputs,) = session.run(None, {"x": x[:rows].numpy()})
        torch.testing.assert_close(torch.from_numpy(outputs), eager, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("esn", esn.Config(units=50)),
        ("lstm", lstm.Config(pooling="mean")),
        ("lstm", lstm.Config(pooling="last")),
        ("lstm", lstm.Config(pooling="last", bidirectional=True, depth=2, width=16)),
        ("lstm", lstm.Config(pooling="mean", bidirectional=True, depth=3, width=16)),
    ],
)
@settings(max_examples=6)
@given(steps=st.integers(1, 9), padding=st.integers(1, 30))
def test_padding_in_front_does_not_change_the_prediction(
    name: str, config: Hyperparameters, steps: int, padding: int
) -> None:
    network = ready_network(name, (9, 4), config=config)
    x = full_sequences(5, steps, seed=steps)
    padded = F.pad(x, (0, 0, padding, 0))
    torch.testing.assert_close(network(padded), network(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "esn"])
def test_the_order_of_steps_matters(name: str) -> None:
    network = ready_network(name, (12, 4))
    x = full_sequences()
    assert not torch.allclose(network(x), network(x.flip(1)), atol=1e-3)


def test_last_pooling_of_an_lstm_is_the_hidden_state_of_pytorch() -> None:
    network = ready_network("lstm", (12, 4), config=lstm.Config(pooling="last", bidirectional=True, width=16))
    x = full_sequences()
    _, (hidden, _) = network.layers[0](x)  # (D, B, U)
    torch.testing.assert_close(network(x), network.head(torch.cat([hidden[0], hidden[1]], 1)))


def test_forget_gates_are_open_at_the_start() -> None:
    network: Any = new_network("lstm", (12, 4))
    weights = network.layers[0].weight_ih_l0
    assert weights[64:128, -1].eq(1).all()
    assert weights[:64, -1].eq(0).all()


@pytest.mark.parametrize("units", [1, 10, 100])
def test_a_reservoir_has_the_spectral_radius_asked_for(units: int) -> None:
    network: Any = new_network("esn", (12, 4), config=esn.Config(units=units, spectral_radius=0.7))
    radius = np.abs(np.linalg.eigvals(network.reservoir.double().numpy())).max()
    np.testing.assert_allclose(radius, 0.7, rtol=1e-3)
    assert (network.reservoir != 0).sum(1).max() <= 10


def test_another_seed_draws_another_reservoir() -> None:
    one, other = (ready_network("esn", (12, 4), seed=seed) for seed in (3, 4))
    assert not torch.equal(one.reservoir, other.reservoir)
    assert not torch.equal(one.weights_in, other.weights_in)


def test_the_readout_of_an_esn_is_the_ridge_regression_of_scikit_learn() -> None:
    from sklearn.linear_model import Ridge

    x = make_examples((12, 4), 48)
    y = number_targets(x)
    network = ready_network("esn", (12, 4), config=esn.Config(units=30, penalty=1e-3))
    network.fit(x, y, 0)
    reference = Ridge(alpha=48 * 1e-3).fit(network.reservoir_states(x).double().numpy(), y.double().numpy())
    np.testing.assert_allclose(network.readout, reference.coef_, atol=1e-5)
    np.testing.assert_allclose(network.bias, reference.intercept_, atol=1e-5)


def test_esn_logit_scale_minimises_the_leave_one_out_loss() -> None:
    x, y = make_examples((12, 4), 40), torch.arange(40) % HEAD_WIDTH
    x[:, -1, 0] += 2.0 * y  # something to see
    config = esn.Config(units=10, penalty=1e-2)
    network: Any = new_network("esn", (12, 4), config=config)
    network.fit(x, y, seed=0)
    scores = torch.empty(40, HEAD_WIDTH)
    for row in range(40):  # the penalty is per example: 39 examples with 40 / 39 of it are left with the same sum
        others = torch.arange(40) != row
        left: Any = new_network("esn", (12, 4), config=esn.Config(units=10, penalty=1e-2 * 40 / 39))
        left.fit(x[others], F.one_hot(y[others], HEAD_WIDTH).float(), seed=0)
        scores[row] = left(x[row : row + 1])[0]
    losses = [F.cross_entropy(factor * scores, y).item() for factor in esn.LOGIT_SCALES]
    unscaled: Any = new_network("esn", (12, 4), config=config)
    unscaled.fit(x, F.one_hot(y, HEAD_WIDTH).float(), seed=0)
    best = esn.LOGIT_SCALES[int(np.argmin(losses))]
    torch.testing.assert_close(network.readout, unscaled.readout * best)


def test_an_esn_fitted_in_chunks_predicts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = make_examples((12, 4))
    expected = ready_network("esn", (12, 4))(x)
    monkeypatch.setattr(esn, "CHUNK_EXAMPLES", 7)
    torch.testing.assert_close(ready_network("esn", (12, 4))(x), expected, rtol=0, atol=1e-4)
