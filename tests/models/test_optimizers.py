"""Every optimizer of the table: it descends, uses its two settings, and takes the steps of its paper."""

import doctest

import pytest
import torch
from torch import nn

from models.blocks import muon
from models.blocks.optimizers import LEARNING_RATE_SCALES, OPTIMIZERS

FIRST_STEPS = {  # of a weight of 2 with a gradient of 4, at a learning rate of 0.1 and a weight decay of 0.5
    # AdamW's algorithm 2: m / (1 - b1) = g, v / (1 - b2) = g^2, so lr (g / (|g| + eps) + decay w)
    "adamw": 0.1 * (1 + 0.5 * 2),
    # Nesterov momentum 0.9: the velocity is g, and the step g + 0.9 g, with g = gradient + decay w
    "sgd": 0.1 * 1.9 * (4 + 0.5 * 2),
    # g / sqrt(0.01 g^2): the running mean square keeps 0.99
    "rmsprop": 0.1 * 10,
    # as AdamW's, of g = gradient + decay w
    "adam": 0.1,
    "momentum": 0.1 * (4 + 0.5 * 2),
    # g / sqrt(g^2)
    "adagrad": 0.1,
    # sqrt(1e-6) / sqrt(0.1 g^2 + 1e-6) g: the running mean square keeps 0.9, and no step has been taken yet
    "adadelta": 0.1 * (1e-6 / (0.1 * 5**2 + 1e-6)) ** 0.5 * 5,
    # of a vector AdamW's
    "muon": 0.1 * (1 + 0.5 * 2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_reduces_the_loss(name: str) -> None:
    weight = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = OPTIMIZERS[name]([weight], 0.05 * LEARNING_RATE_SCALES.factor(name), 0.0)
    for _ in range(200):
        loss = (weight**2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (weight**2).sum() < 0.05


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_uses_learning_rate_and_weight_decay(name: str) -> None:
    optimizer = OPTIMIZERS[name]([nn.Parameter(torch.ones(2))], 0.25, 0.125)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.25, 0.125)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_pulls_every_weight_towards_0(name: str) -> None:
    weight = nn.Parameter(torch.full((3,), 2.0))
    optimizer = OPTIMIZERS[name]([weight], 0.1, 0.5)
    weight.grad = torch.zeros(3)
    optimizer.step()
    assert (weight < 2).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_the_same_steps_twice_and_after_a_restart(name: str) -> None:
    def run(restart_at: int | None) -> torch.Tensor:
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(37, 5))
        x = torch.randn(11, 37)
        optimizer = OPTIMIZERS[name]([weight], 0.01, 0.1)
        for step in range(8):
            if step == restart_at:
                kept = optimizer.state_dict()
                optimizer = OPTIMIZERS[name]([weight], 0.01, 0.1)
                optimizer.load_state_dict(kept)
            optimizer.zero_grad()
            (x @ weight).tanh().square().sum().backward()
            optimizer.step()
        return weight.detach()

    assert torch.equal(run(None), run(None))
    assert torch.equal(run(None), run(restart_at=4))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_the_first_step_of_its_paper(name: str) -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    weight.grad = torch.tensor([4.0])
    OPTIMIZERS[name]([weight], 0.1, 0.5).step()
    assert 2 - weight.item() == pytest.approx(FIRST_STEPS[name], rel=1e-3)  # of 2 in float32


def test_momentum_keeps_nine_tenths_of_the_last_step() -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = OPTIMIZERS["momentum"]([weight], 0.1, 0.0)
    weight.grad = torch.tensor([1.0])
    optimizer.step()
    optimizer.step()
    assert weight.item() == pytest.approx(2 - 0.1 - 0.1 * 1.9)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_muon_takes_pytorchs_steps(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(shape)) for _ in range(2))
    muon_steps = OPTIMIZERS["muon"]([ours], 0.1, 0.5)
    reference = torch.optim.Muon([theirs], 0.1, 0.5, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        muon_steps.step()
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=0.0, atol=0.03)  # theirs iterates in bfloat16, steps are of 0.04
    assert (ours - 1).abs().mean() > 0.1


def test_muon_learns_filters_as_matrices_and_the_rest_as_adamw() -> None:
    torch.manual_seed(0)
    filters, bias, other_bias = (nn.Parameter(torch.zeros(size)) for size in ((8, 3, 2, 2), (8,), (8,)))
    filters.grad, bias.grad = torch.randn(8, 3, 2, 2), torch.randn(8)
    other_bias.grad = bias.grad.clone()
    OPTIMIZERS["muon"]([filters, bias], 0.1, 0.0).step()
    OPTIMIZERS["adamw"]([other_bias], 0.1, 0.0).step()
    torch.testing.assert_close(bias, other_bias)
    values = torch.linalg.svdvals(filters.detach().flatten(1)) / (0.1 * 0.2 * 12**0.5)
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_docstring_examples_hold() -> None:
    result = doctest.testmod(muon, extraglobs={"torch": torch})
    assert result.attempted
    assert not result.failed
