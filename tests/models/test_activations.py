"""Every activation function of the table: nonlinear, with a gradient."""

import doctest

import pytest
import torch

from models.blocks import activations
from models.blocks.activations import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_nonlinear_with_a_gradient(name: str) -> None:
    x = torch.linspace(-3, 3, 13, requires_grad=True)
    y = ACTIVATIONS[name]()(x)
    y.sum().backward()
    assert y.shape == x.shape
    assert x.grad[7:].gt(0).all()
    assert (y.detach().diff().diff().abs() > 1e-3).any()


def test_docstring_examples_hold() -> None:
    result = doctest.testmod(activations, extraglobs={"torch": torch})
    assert result.attempted
    assert not result.failed
