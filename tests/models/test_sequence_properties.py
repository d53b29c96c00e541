"""What names each network over sequences, on small tasks whose answer is known; the benchmark has larger ones."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.sequence_tasks import (
    ADDING_VARIANCE,
    adding_problem,
    mackey_glass,
    marked_symbol,
    narma10,
    normalised_error,
)
from models import ARCHITECTURES, build_network, esn, jordan
from models.blocks.hyperparameters import make_config
from tests.support.architecture_cases import make_examples, random_tensor, ready_network

BATCH = 64


def new_network(name: str, input_shape: tuple[int, ...], outputs: int, **settings: Any) -> Any:
    torch.manual_seed(0)
    return build_network(name, make_config(ARCHITECTURES[name].config, settings), input_shape, outputs)


def train(network: Any, x: Tensor, y: Tensor, loss: Any) -> None:
    """One pass over the examples, with a learning rate that falls to 0."""
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2, weight_decay=0.0)
    batches = list(zip(x.split(BATCH), y.split(BATCH), strict=True))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
    for rows, target in batches:
        optimizer.zero_grad()
        loss(network(rows), target).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    network.eval()


@pytest.mark.parametrize(("name", "remembers"), [("gru", True), ("elman", False)])
def test_gates_remember_what_an_elman_network_is_not_taught_to(name: str, remembers: bool) -> None:
    network = new_network(name, (20, 3), 1, width=32, dropout=0.0)
    train(network, *adding_problem(300 * BATCH, 20, seed=0), F.mse_loss)
    x, y = adding_problem(500, 20, seed=1)
    error = F.mse_loss(network(x), y).item()
    assert error < 0.1 * ADDING_VARIANCE if remembers else error > 0.5 * ADDING_VARIANCE


def test_attention_points_at_the_step_that_is_asked_for() -> None:
    x, y, _ = marked_symbol(150 * BATCH, 12, 4, seed=0)
    network = new_network("attention_rnn", (12, 6), 4, width=16, dropout=0.0)
    train(network, x, y, F.cross_entropy)
    x, y, place = marked_symbol(500, 12, 4, seed=1)
    outputs, weights = network.decode(x)
    assert (outputs.argmax(1) == y).float().mean() > 0.95
    looked_at = weights[:, 0].argmax(1)
    assert ((looked_at - place).abs() <= 1).float().mean() > 0.9, "the annotation beside it knows of it as well"


def test_attention_weights_are_shares_of_the_steps_that_are_there() -> None:
    x = make_examples((12, 4))
    present = x[:, :, -1]
    network = ready_network("attention_rnn", (12, 4), config=ARCHITECTURES["attention_rnn"].config(decoder_steps=4))
    _, weights = network.decode(x)
    assert weights.shape == (24, 4, 12)
    torch.testing.assert_close(weights.sum(2), torch.ones(24, 4))
    assert not (weights * (1 - present)[:, None]).any()


@pytest.mark.parametrize(("decoder_steps", "outputs", "expected"), [(1, 4, (1, 4)), (3, 4, (2, 2)), (12, 4, (4, 1))])
def test_a_decoder_writes_the_outputs_a_few_at_a_time(
    decoder_steps: int, outputs: int, expected: tuple[int, int]
) -> None:
    network = new_network("attention_rnn", (5, 4), outputs, decoder_steps=decoder_steps)
    assert (network.decoder_steps, network.chunk) == expected


def test_a_hierarchical_network_looks_at_steps_of_segments_and_at_segments() -> None:
    network = ready_network("hierarchical_rnn", (12, 4), config=ARCHITECTURES["hierarchical_rnn"].config(segment=5))
    x = make_examples((12, 4))
    _, weights = network.read(x)
    assert weights.steps.shape == (24, 3, 5)
    assert weights.segments.shape == (24, 3)
    torch.testing.assert_close(weights.segments.sum(1), torch.ones(24))
    there = F.pad(x[:, :, -1], (3, 0)).reshape(24, 3, 5).amax(2)  # segments are counted from the end
    assert not (weights.segments * (1 - there)).any()


def test_the_state_of_a_jordan_network_comes_from_its_outputs() -> None:
    network: Any = ready_network("jordan", (12, 4), config=jordan.Config(memory=0.7))
    outputs, states = network.unroll(make_examples((12, 4)))
    expected = torch.zeros_like(outputs[:, 0])
    for step in range(12):
        torch.testing.assert_close(states[:, step], expected)
        expected = 0.7 * expected + torch.tanh(outputs[:, step])
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    assert not network.unroll(make_examples((12, 4)))[1].any(), "no output, no state"


def test_a_patch_transformer_sees_patches_and_where_they_stand() -> None:
    network: Any = ready_network("patch_transformer", (1, 8, 8))
    x = random_tensor(3, 1, 8, 8)
    swapped = torch.cat([x[:, :, 4:], x[:, :, :4]], 2)  # the upper two patches below the lower two
    assert not torch.allclose(network(swapped), network(x), atol=1e-4)
    with torch.no_grad():
        network.positions[:, 1:] = network.positions[:, [3, 4, 1, 2]]
    before = network(swapped)
    with torch.no_grad():
        network.positions[:, 1:] = network.positions[:, [3, 4, 1, 2]]
    torch.testing.assert_close(before, network(x))


def test_a_patch_transformer_does_not_see_patches_of_padding() -> None:
    network: Any = ready_network("patch_transformer", (3, 12, 1))
    x = torch.cat([random_tensor(2, 2, 12, 1), torch.ones(2, 1, 12, 1)], 1)
    x[:, :, :4] = 0
    expected = network(x)
    with torch.no_grad():
        network.positions[:, 1] += 1  # where the padding stands
    assert torch.equal(network(x), expected)
    x[:, 2, 3] = 1
    assert not torch.allclose(network(x), expected, atol=1e-4)


def test_a_reservoir_forgets_how_it_began() -> None:
    """The echo-state property: after the same drive the states are the same, whatever came before."""
    network = new_network("esn", (220, 2), 1, units=50, spectral_radius=0.9, leak=1.0)
    same = torch.cat([random_tensor(1, 200, 1), torch.ones(1, 200, 1)], 2).expand(2, -1, -1)
    different = torch.cat([3 * random_tensor(2, 20, 1, seed=1), torch.ones(2, 20, 1)], 2)
    states = network.reservoir_states(torch.cat([different, same], 1))[:, :50]
    early = network.reservoir_states(different)[:, :50]
    assert (early[0] - early[1]).norm() > 1
    assert (states[0] - states[1]).norm() < 1e-6


def test_an_echo_state_network_follows_narma10() -> None:
    x, y = narma10(1300, 40, seed=1)
    network = new_network("esn", (40, 2), 1, units=200, leak=1.0, penalty=1e-7)
    network.fit(x[:1000], y[:1000], 0)
    assert normalised_error(network(x[1000:]), y[1000:]) < 0.3


def test_an_echo_state_network_is_tenfold_better_than_persistence_on_mackey_glass() -> None:
    x, y, last = mackey_glass(1000, 60, ahead=6, seed=1)
    network: esn.ESN = new_network("esn", (60, 2), 1, units=100, penalty=1e-7)
    network.fit(x[:700], y[:700], 0)
    assert 10 * normalised_error(network(x[700:]), y[700:]) < normalised_error(last[700:], y[700:])
