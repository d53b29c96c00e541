"""Every optimizer of the table: it descends, uses its two settings, and takes the steps of its paper."""

import pytest
import torch
from torch import nn

from models.blocks.optimizers import OPTIMIZERS


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_reduces_the_loss(name: str) -> None:
    weight = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = OPTIMIZERS[name]([weight], 0.05, 0.0)
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


def test_adamw_takes_the_step_of_the_paper() -> None:
    # Algorithm 2, first step: m/(1-b1) = g, v/(1-b2) = g^2, so w - lr * (g / (|g| + eps) + decay * w)
    weight = nn.Parameter(torch.tensor([2.0]))
    weight.grad = torch.tensor([4.0])
    OPTIMIZERS["adamw"]([weight], 0.1, 0.5).step()
    assert weight.item() == pytest.approx(2 - 0.1 * (1 + 0.5 * 2), abs=1e-6)


def test_sgd_takes_the_step_of_the_paper() -> None:
    # Nesterov momentum 0.9, first step: the velocity is g, and the step g + 0.9 g, with g = gradient + decay * w
    weight = nn.Parameter(torch.tensor([2.0]))
    weight.grad = torch.tensor([4.0])
    OPTIMIZERS["sgd"]([weight], 0.1, 0.5).step()
    assert weight.item() == pytest.approx(2 - 0.1 * 1.9 * (4 + 0.5 * 2), abs=1e-6)
