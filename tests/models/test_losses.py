"""The losses of numbers equal their definitions, and refuse shapes that would be stretched over each other."""

import doctest
import inspect
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.blocks import class_losses, losses
from models.blocks.losses import LOSSES, quantile_loss

NUMBERS = st.floats(-100, 100, width=32)
PAIRS = arrays(np.float32, (2, 5, 3), elements=NUMBERS)
POINT = {
    "squared_error": lambda miss: miss**2,
    "absolute_error": abs,
    "huber": lambda miss: miss**2 / 2 if abs(miss) <= 1 else abs(miss) - 0.5,  # Huber 1964
}


@pytest.mark.parametrize("name", POINT)
@given(pair=PAIRS)
def test_a_loss_is_the_mean_of_its_definition(name: str, pair: np.ndarray) -> None:
    outputs, target = torch.from_numpy(pair)
    expected = np.mean([POINT[name](float(miss)) for miss in (pair[0].astype(float) - pair[1]).ravel()])
    assert LOSSES[name](outputs, target).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(pair=PAIRS, level=st.floats(0.01, 0.99))
def test_the_pinball_loss_is_scikit_learns(pair: np.ndarray, level: float) -> None:
    from sklearn.metrics import mean_pinball_loss

    outputs, target = torch.from_numpy(pair)
    expected = mean_pinball_loss(pair[1].ravel(), pair[0].ravel(), alpha=level)
    assert quantile_loss(outputs[..., None], target, (level,)).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(pair=PAIRS)
def test_the_pinball_loss_of_the_median_is_half_the_absolute_error(pair: np.ndarray) -> None:
    outputs, target = torch.from_numpy(pair)
    half = LOSSES["absolute_error"](outputs, target).item() / 2
    assert quantile_loss(outputs[..., None], target, (0.5,)).item() == pytest.approx(half, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_the_constant_with_the_smallest_pinball_loss_is_the_quantile(level: float) -> None:
    target = torch.randn(999, generator=torch.Generator().manual_seed(0))
    tried = torch.linspace(-2, 2, 401)
    losses = [quantile_loss(value.expand(999, 1), target, (level,)).item() for value in tried]
    assert tried[int(np.argmin(losses))].item() == pytest.approx(target.quantile(level).item(), abs=0.02)


@pytest.mark.parametrize("name", POINT)
def test_low_precision_outputs_are_compared_in_full_precision(name: str) -> None:
    loss = LOSSES[name](torch.zeros(2, 3, dtype=torch.bfloat16), torch.ones(2, 3))
    assert loss.dtype == torch.float32


@pytest.mark.parametrize("name", POINT)
def test_numbers_that_would_be_stretched_over_each_other_are_refused(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"{LOSSES[name].__name__} needs outputs and target of one shape, got \(4, 1\) and \(4,\)"
    ):
        LOSSES[name](torch.zeros(4, 1), torch.zeros(4))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_the_gradient_of_its_values(name: str) -> None:
    outputs = torch.tensor([[0.3, -0.6, 2.5], [-3.0, 0.9, 0.1]], dtype=torch.float64, requires_grad=True)
    check = torch.autograd.gradcheck  # in float32 inside, hence the tolerances
    assert check(lambda x: LOSSES[name](x, torch.zeros(2, 3)).double(), (outputs,), eps=1e-2, atol=3e-3, rtol=1e-2)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [1e4, 1e15])
def test_extreme_outputs_have_a_finite_loss_and_gradient(name: str, size: float) -> None:
    outputs = torch.tensor([size, -size], requires_grad=True)
    loss = LOSSES[name](outputs, torch.zeros(2))
    loss.backward()
    assert loss.isfinite()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()


def test_quantiles_that_do_not_fit_their_levels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"quantile_loss needs outputs \(B, ..., 2\)"):
        quantile_loss(torch.zeros(4, 3), torch.zeros(4), (0.1, 0.9))


@pytest.mark.parametrize("module", [losses, class_losses])
def test_docstring_examples_hold_and_every_loss_names_its_source(module: ModuleType) -> None:
    result = doctest.testmod(module, extraglobs={"torch": torch})
    assert result.attempted
    assert not result.failed
    public = [value for key, value in vars(module).items() if inspect.isfunction(value) and not key.startswith("_")]
    assert all("Source:" in inspect.getdoc(loss) for loss in public)
