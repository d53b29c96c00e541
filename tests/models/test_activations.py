"""Every activation function of the table: nonlinear, with a gradient."""

import doctest
import math

import pytest
import torch

from models.blocks import activations
from models.blocks.activations import ACTIVATIONS

AT = (-2.0, 0.0, 1.0)
VALUES = {  # at -2, 0 and 1, from the definitions
    "relu": (0.0, 0.0, 1.0),
    "leaky_relu": (-0.02, 0.0, 1.0),
    "elu": (math.exp(-2) - 1, 0.0, 1.0),
    "gelu": (-2 * 0.0227501, 0.0, 0.8413447),  # x times the normal distribution function, from its table
    "silu": (-2 / (1 + math.exp(2)), 0.0, 1 / (1 + math.exp(-1))),
    "sigmoid": (1 / (1 + math.exp(2)), 0.5, 1 / (1 + math.exp(-1))),
    "tanh": tuple(math.tanh(x) for x in AT),
    "scaled_tanh": tuple(1.7159 * math.tanh(2 * x / 3) for x in AT),
    "softmax": tuple(math.exp(x) / sum(math.exp(each) for each in AT) for x in AT),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_the_values_of_its_definition(name: str) -> None:
    assert ACTIVATIONS[name]()(torch.tensor([AT]))[0].tolist() == pytest.approx(VALUES[name], abs=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_nonlinear_with_a_gradient(name: str) -> None:
    x = torch.linspace(-3, 3, 13)[None]
    activation = ACTIVATIONS[name]()
    y = activation(x)
    slopes = torch.autograd.functional.jacobian(lambda row: activation(row[None])[0], x[0]).diagonal()
    assert y.shape == x.shape
    assert slopes[7:].gt(0).all()
    assert (y.diff().diff().abs() > 1e-3).any()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_the_gradient_of_its_values(name: str) -> None:
    x = torch.tensor([[-2.3, -0.4, 0.7, 1.9]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ACTIVATIONS[name](), (x,))


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_extreme_inputs_stay_finite(name: str, size: float) -> None:
    x = torch.tensor([[-size, size]], requires_grad=True)
    y = ACTIVATIONS[name]()(x)
    y.sum().backward()
    assert y.isfinite().all()
    assert x.grad.isfinite().all()


def test_docstring_examples_hold() -> None:
    result = doctest.testmod(activations, extraglobs={"torch": torch})
    assert result.attempted
    assert not result.failed
