"""The tables that learning picks from: optimizers, losses, activations."""

import doctest
import importlib

import pytest
import torch
from torch import nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.losses import LOSSES, cross_entropy
from models.blocks.optimizers import OPTIMIZERS


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_reduces_the_loss(name):
    weight = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = OPTIMIZERS[name]([weight], 0.05, 0.0)
    for _ in range(200):
        loss = (weight**2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (weight**2).sum() < 0.05


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_uses_learning_rate_and_weight_decay(name):
    optimizer = OPTIMIZERS[name]([nn.Parameter(torch.ones(2))], 0.25, 0.125)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.25, 0.125)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_pulls_every_weight_towards_0(name):
    weight = nn.Parameter(torch.full((3,), 2.0))
    optimizer = OPTIMIZERS[name]([weight], 0.1, 0.5)
    weight.grad = torch.zeros(3)
    optimizer.step()
    assert (weight < 2).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_the_same_steps_twice_and_after_a_restart(name):
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


def test_adamw_takes_the_step_of_the_paper():
    # Algorithm 2, first step: m/(1-b1) = g, v/(1-b2) = g^2, so w - lr * (g / (|g| + eps) + decay * w)
    weight = nn.Parameter(torch.tensor([2.0]))
    weight.grad = torch.tensor([4.0])
    OPTIMIZERS["adamw"]([weight], 0.1, 0.5).step()
    assert weight.item() == pytest.approx(2 - 0.1 * (1 + 0.5 * 2), abs=1e-6)


def test_sgd_takes_the_step_of_the_paper():
    # Nesterov momentum 0.9, first step: the velocity is g, and the step g + 0.9 g, with g = gradient + decay * w
    weight = nn.Parameter(torch.tensor([2.0]))
    weight.grad = torch.tensor([4.0])
    OPTIMIZERS["sgd"]([weight], 0.1, 0.5).step()
    assert weight.item() == pytest.approx(2 - 0.1 * 1.9 * (4 + 0.5 * 2), abs=1e-6)


def test_cross_entropy_of_one_row_is_its_formula():
    # -log(e^2 / (e^2 + e^0 + e^-1)), by hand
    loss = cross_entropy(torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(0.169846, abs=1e-6)


def test_cross_entropy_of_a_batch_is_the_mean_of_its_rows():
    outputs, target = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
    rows = [cross_entropy(outputs[i : i + 1], target[i : i + 1]) for i in range(6)]
    torch.testing.assert_close(cross_entropy(outputs, target), torch.stack(rows).mean())


@pytest.mark.parametrize(("outputs", "target"), [((4, 3), (4, 1)), ((4, 3), (3,)), ((4,), (4,)), ((4, 3, 2), (4,))])
def test_shapes_that_do_not_match_are_refused_with_both(outputs, target):
    with pytest.raises(ValueError, match=r"\(B, O\) and target \(B,\)") as refusal:
        cross_entropy(torch.zeros(outputs), torch.zeros(target, dtype=torch.int64))
    assert f"{outputs} and {target}" in str(refusal.value)


def test_cross_entropy_is_computed_in_float32_whatever_the_network_used():
    assert cross_entropy(torch.zeros(2, 3, dtype=torch.bfloat16), torch.tensor([0, 1])).dtype == torch.float32


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_nonlinear_with_a_gradient(name):
    x = torch.linspace(-3, 3, 13, requires_grad=True)
    y = ACTIVATIONS[name]()(x)
    y.sum().backward()
    assert y.shape == x.shape
    assert x.grad[7:].gt(0).all()
    assert (y.detach().diff().diff().abs() > 1e-3).any()


@pytest.mark.parametrize("name", ["activations", "losses"])
def test_docstring_examples_hold(name):
    module = importlib.import_module(f"models.blocks.{name}")
    done = doctest.testmod(module, extraglobs={"torch": torch})
    assert done.attempted
    assert not done.failed


def test_every_loss_of_the_table_is_a_function_with_a_source():
    assert all("Source:" in loss.__doc__ for loss in LOSSES.values())
