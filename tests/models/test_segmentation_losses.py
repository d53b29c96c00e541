"""Losses of pixels and of areas: their formulas, and finite gradients everywhere."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.blocks.class_losses import cross_entropy, focal_loss
from models.blocks.losses import (
    balanced_pixel_cross_entropy,
    binary_cross_entropy,
    dice_loss,
    jaccard_loss,
    pixel_cross_entropy,
    pixel_focal_loss,
)

AREA_LOSSES = pytest.mark.parametrize("loss_function", [dice_loss, jaccard_loss])
PIXEL_LOSSES = pytest.mark.parametrize(
    "loss_function",
    [pixel_cross_entropy, balanced_pixel_cross_entropy, pixel_focal_loss, dice_loss, jaccard_loss],
)
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def certain_logits(codes: torch.Tensor, classes: int, logit: float = 100.0) -> torch.Tensor:
    """Logits (B, K, H, W) that leave no doubt."""
    return torch.nn.functional.one_hot(codes, classes).movedim(-1, 1) * (2 * logit) - logit


@st.composite
def masks(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (B, K, H, W) and classes (B, H, W) of which some need not occur."""
    classes, shape = draw(st.integers(2, 5)), draw(st.tuples(*[st.integers(1, 4)] * 3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    batch, height, width = shape
    logits = torch.randn(batch, classes, height, width, generator=generator) * draw(st.sampled_from([0.1, 1.0, 10.0]))
    return logits, torch.randint(draw(st.integers(1, classes)), shape, generator=generator)


@AREA_LOSSES
@given(problem=masks())
def test_loss_of_equal_areas_is_zero(loss_function: Loss, problem: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, codes = problem
    assert loss_function(certain_logits(codes, logits.shape[1]), codes).item() == 0


@AREA_LOSSES
def test_loss_of_disjoint_areas_is_nearly_one(loss_function: Loss) -> None:
    labels = (torch.arange(32 * 32).reshape(1, 32, 32) % 2).long()
    loss = loss_function(certain_logits(1 - labels, 2), labels).item()
    assert loss == pytest.approx(1 - 1 / (1024 + 1))  # each class: 512 answered, 512 others true, and the 1 pixel added


@pytest.mark.parametrize(
    ("loss_function", "expected"), [(dice_loss, 1 - (2 * 2 + 1) / (4 + 4 + 1)), (jaccard_loss, 1 - (2 + 1) / (6 + 1))]
)
def test_half_an_overlap_is_counted_by_hand(loss_function: Loss, expected: float) -> None:
    # class 1 is true in pixels 0 to 3 of 8 and answered in 2 to 5: 2 shared, 4 and 4 large, 6 in either; so is class 0
    labels = torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]).reshape(1, 1, 8)
    answer = torch.tensor([0, 0, 1, 1, 1, 1, 0, 0]).reshape(1, 1, 8)
    assert loss_function(certain_logits(answer, 2), labels).item() == pytest.approx(expected, abs=1e-6)


@given(problem=masks())
def test_the_areas_are_the_formulas_of_the_papers(problem: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, codes = problem
    p = np.exp(logits.double().numpy())
    p /= p.sum(axis=1, keepdims=True)
    losses: dict[Loss, list[float]] = {dice_loss: [], jaccard_loss: []}
    for code in range(p.shape[1]):
        own, true = p[:, code], (codes == code).double().numpy()
        losses[dice_loss].append(1 - (2 * (own * true).sum() + 1) / ((own**2).sum() + (true**2).sum() + 1))
        losses[jaccard_loss].append(1 - ((own * true).sum() + 1) / ((own + true - own * true).sum() + 1))
    for loss_function, found in losses.items():
        assert loss_function(logits, codes).item() == pytest.approx(np.mean(found), abs=1e-5)


@given(problem=masks())
def test_the_cross_entropy_of_pixels_is_that_of_rows(problem: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, codes = problem
    rows = cross_entropy(logits.movedim(1, -1).flatten(0, 2), codes.flatten())
    assert pixel_cross_entropy(logits, codes).item() == pytest.approx(rows.item(), rel=1e-5, abs=1e-7)


@given(problem=masks())
def test_the_focal_loss_of_pixels_is_that_of_rows(problem: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, codes = problem
    rows = focal_loss(logits.movedim(1, -1).flatten(0, 2), codes.flatten())
    assert pixel_focal_loss(logits, codes).item() == pytest.approx(rows.item(), rel=1e-5, abs=1e-7)


@PIXEL_LOSSES
def test_every_loss_of_pixels_has_the_gradient_of_its_values(loss_function: Loss) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 3, 2, 2, generator=generator, dtype=torch.float64).requires_grad_()
    codes = torch.tensor([[[0, 1], [2, 1]]])  # in float32 inside, hence the tolerances
    check = torch.autograd.gradcheck
    assert check(lambda x: loss_function(x, codes).double(), (logits,), eps=1e-2, atol=3e-3, rtol=1e-2)


@given(problem=masks())
def test_balanced_every_class_counts_the_same(problem: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, codes = problem
    rows, flat = logits.movedim(1, -1).flatten(0, 2), codes.flatten()
    means = [cross_entropy(rows[flat == code], flat[flat == code]).item() for code in flat.unique()]
    assert balanced_pixel_cross_entropy(logits, codes).item() == pytest.approx(np.mean(means), rel=1e-5, abs=1e-7)


@PIXEL_LOSSES
@pytest.mark.parametrize("logit", [0.0, 1e-30, 100.0, 1e4, -1e4])
def test_gradient_is_finite_at_extremes(loss_function: Loss, logit: float) -> None:
    labels = torch.zeros(2, 4, 4).long()  # class 1 never occurs
    logits = certain_logits(labels, 3, logit).requires_grad_()
    loss = loss_function(logits, labels)
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(logits.grad).all()


@AREA_LOSSES
def test_gradient_of_an_undecided_prediction_points_to_the_target(loss_function: Loss) -> None:
    logits, labels = torch.zeros(1, 2, 3, 3, requires_grad=True), torch.ones(1, 3, 3).long()
    loss_function(logits, labels).backward()
    assert (logits.grad[:, 1] < 0).all()


@pytest.mark.parametrize("logit", [0.0, 100.0, -1e4, 1e30])
@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
def test_the_binary_cross_entropy_has_a_finite_slope(logit: float, target: float) -> None:
    logits = torch.full((2, 3), logit, requires_grad=True)
    binary_cross_entropy(logits, torch.full((2, 3), target)).backward()
    assert torch.isfinite(logits.grad).all()


@PIXEL_LOSSES
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 4, 5), (1, 4, 4), (2, 3, 4, 4)])
def test_masks_of_another_shape_are_refused(loss_function: Loss, shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=rf"^{loss_function.__name__} needs outputs \(B, K, H, W\) and target \(B, H, W\), got"
    ):
        loss_function(torch.zeros(2, 3, 4, 4), torch.zeros(shape).long())
