"""Every network over sequences: padding, order of steps, causality, initial weights, padded sequences when exported."""

import io
from typing import Any

import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from models import ARCHITECTURES
from models.blocks.hyperparameters import make_config
from pipelines.exporting.graphs import hide_torchscript_warnings, onnx_bytes, onnx_graph, torchscript_bytes
from tests.support.architecture_cases import make_examples, new_network, random_tensor, ready_network

SEQUENCE_NETWORKS = [name for name, row in ARCHITECTURES.items() if row.input_type == "sequence"]
VARIANTS: dict[str, list[dict[str, Any]]] = {  # besides the defaults
    "rnn": [{"depth": 2, "width": 16, "pooling": "mean", "activation": "relu"}],
    "elman": [{"pooling": "mean"}],
    "jordan": [{"pooling": "mean", "memory": 0.9}],
    "gru": [{"depth": 2, "width": 16, "pooling": "mean"}],
    "birnn": [{"depth": 2, "width": 16}, {"pooling": "mean"}],
    "bilstm": [{"depth": 2, "width": 16}, {"pooling": "mean"}],
    "attention_rnn": [{"decoder_steps": 3}],
    "hierarchical_rnn": [{"segment": 4}, {"segment": 3}],
    "tcn": [{"causal": False, "pooling": "mean"}, {"pooling": "max"}, {"form": "parallel"}],
    "transformer": [{"normalisation": "after", "pooling": "last"}],
}
CASES = [(name, variant) for name in SEQUENCE_NETWORKS for variant in [{}, *VARIANTS.get(name, [])]]
ROWS, STEPS, FEATURES = 5, 9, 4


def full_sequences(steps: int = STEPS, seed: int = 0) -> Tensor:
    return torch.cat([random_tensor(ROWS, steps, FEATURES - 1, seed=seed), torch.ones(ROWS, steps, 1)], 2)


def network_of(name: str, variant: dict[str, Any]) -> Any:
    return ready_network(name, (STEPS, FEATURES), config=make_config(ARCHITECTURES[name].config, variant))


@pytest.mark.parametrize(("name", "variant"), CASES, ids=str)
@settings(max_examples=4)
@given(steps=st.integers(1, STEPS), padding=st.integers(1, 20))
def test_padding_in_front_changes_no_prediction(name: str, variant: dict[str, Any], steps: int, padding: int) -> None:
    if name == "rocket":  # its kernels fit its own length
        steps, padding = max(1, min(steps, STEPS - padding)), STEPS
    network, x = network_of(name, variant), full_sequences(steps, seed=steps)
    longer = F.pad(x, (0, 0, padding, 0))
    shorter = F.pad(x, (0, 0, STEPS - steps, 0)) if name == "rocket" else x
    longer = longer[:, -max(STEPS, steps) :] if name == "rocket" else longer
    torch.testing.assert_close(network(longer), network(shorter), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SEQUENCE_NETWORKS)
def test_the_order_of_steps_changes_the_prediction(name: str) -> None:
    network, x = network_of(name, {}), full_sequences()
    assert not torch.allclose(network(x), network(torch.cat([x[:, 1:], x[:, :1]], 1)), atol=1e-4)


def reach(name: str, variant: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the state of a step in the middle depends, by its gradient, on an earlier and on a later step."""
    network, x = network_of(name, variant), full_sequences().requires_grad_()
    network.states(x)[:, STEPS // 2].square().sum().backward()
    moved = x.grad[:, :, : FEATURES - 1].abs().sum((0, 2)) > 0
    return bool(moved[: STEPS // 2].any()), bool(moved[STEPS // 2 + 1 :].any())


@pytest.mark.parametrize(
    ("name", "variant", "expected"),
    [
        ("elman", {}, (False, False)),  # the copy carries no gradient
        ("rnn", {}, (True, False)),
        ("gru", {}, (True, False)),
        ("tcn", {}, (True, False)),
        ("tcn", {"causal": False}, (True, True)),
        ("birnn", {}, (True, True)),
        ("bilstm", {}, (True, True)),
        ("transformer", {}, (True, True)),
    ],
)
def test_what_a_state_depends_on_is_what_names_the_network(
    name: str, variant: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    assert reach(name, variant) == expected


@pytest.mark.parametrize("name", ["rnn", "gru", "birnn", "bilstm", "elman", "attention_rnn", "hierarchical_rnn"])
def test_recurrent_weights_start_orthogonal_and_gates_that_keep_start_open(name: str) -> None:
    network = new_network(name, (STEPS, FEATURES))
    layers = [module for module in network.modules() if isinstance(module, nn.RNNBase)]
    assert layers
    for layer in layers:
        width = layer.hidden_size
        for key, weights in layer.named_parameters():
            if "weight_hh" in key:
                for gate in weights.split(width):
                    torch.testing.assert_close(gate @ gate.T, torch.eye(width), rtol=0, atol=1e-5)
            else:
                opened = weights[:, -1].reshape(-1, width).mean(1)
                assert opened.tolist() == ([0.0] if len(opened) == 1 else [0, 1, 0, 0][: len(opened)])


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("attention_rnn", {"decoder_steps": 3}),
        ("hierarchical_rnn", {"segment": 4}),
        ("tcn", {"form": "parallel"}),
    ],
)
def test_exported_graphs_read_padded_sequences_alike(name: str, variant: dict[str, Any]) -> None:
    network, x = network_of(name, variant), make_examples((STEPS, FEATURES), 5)
    check_exported(network, x)


def test_an_exported_patch_transformer_reads_padded_series_alike() -> None:
    x = make_examples((STEPS, FEATURES), 5).transpose(1, 2).unsqueeze(3)  # (B, F, T, 1)
    check_exported(ready_network("patch_transformer", (FEATURES, STEPS, 1)), x)


def check_exported(network: nn.Module, x: Tensor) -> None:
    graph = onnx_graph(_Variadic(network).eval(), (x[:3],), ["x"], "y")
    session = onnxruntime.InferenceSession(onnx_bytes(graph))
    with hide_torchscript_warnings():
        script = torch.jit.load(io.BytesIO(torchscript_bytes(network, (x[:3],))))
    for rows in (1, 2, 5):
        eager = network(x[:rows])
        torch.testing.assert_close(script(x[:rows]), eager, rtol=0, atol=1e-6)
        (outputs,) = session.run(None, {"x": x[:rows].numpy()})
        torch.testing.assert_close(torch.from_numpy(outputs), eager.detach(), rtol=0, atol=1e-5)


class _Variadic(nn.Module):
    """As the exporter meets a network: behind any number of columns."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *columns: Tensor) -> Any:
        return self.network(*columns)
