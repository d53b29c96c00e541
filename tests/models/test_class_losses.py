"""Losses of classification, against PyTorch's own and by hand; class weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from torch import Tensor, nn

from models.blocks.class_losses import (
    LOSSES,
    cross_entropy,
    focal_loss,
    hinge_loss,
    kullback_leibler,
    one_vs_rest_cross_entropy,
)
from models.outputs.output_transform import Identity
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.tasks.classification import Classification, ClassificationSettings, balanced_class_weights
from pipelines.tasks.task import AnyTarget, Target

ROWS, CLASSES = 40, 5
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 0.1, 7.0])  # of each class


def random_logits(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(ROWS, CLASSES, generator=generator), torch.randint(CLASSES, (ROWS,), generator=generator)


def schema(classes: int) -> Schema:
    labels = tuple(f"class {code}" for code in range(classes))
    return Schema(
        inputs=(Field(name="x", kind="number", dtype="float32", shape=()),),
        target=Field(name="label", kind="category", dtype="int64", shape=(), categories=labels),
        title="Stand-in",
        origin="made here",
        licence="none",
    )


def task(loss: str = "cross_entropy", weights: str = "none") -> Classification:
    return Classification(schema(CLASSES), ClassificationSettings.model_validate({"loss": loss, "weights": weights}))


def part(codes: list[int] | np.ndarray) -> Part:
    return Part((np.zeros(len(codes), dtype=np.float32),), np.asarray(codes, dtype=np.int64))


def tensors(target: AnyTarget) -> AnyTarget:
    return type(target)(*map(torch.from_numpy, target))


def test_cross_entropy_of_one_row_is_its_formula() -> None:
    # -log(e^2 / (e^2 + e^0 + e^-1)), by hand
    loss = cross_entropy(torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(0.169846, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_a_batch_is_the_mean_of_its_rows(name: str) -> None:
    outputs, target = random_logits()
    rows = [LOSSES[name](outputs[row : row + 1], target[row : row + 1], None) for row in range(ROWS)]
    torch.testing.assert_close(LOSSES[name](outputs, target, None), torch.stack(rows).mean())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("outputs", "target"), [((4, 3), (4, 1)), ((4, 3), (3,)), ((4,), (4,)), ((4, 3, 2), (4,))])
def test_shapes_that_do_not_match_are_refused_with_both(
    name: str, outputs: tuple[int, ...], target: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"\(B, O\) and target \(B,\)") as caught:
        LOSSES[name](torch.zeros(outputs), torch.zeros(target, dtype=torch.int64), None)
    assert f"{outputs} and {target}" in str(caught.value)


def test_weighted_cross_entropy_is_pytorchs_sum_over_the_number_of_rows() -> None:
    outputs, target = random_logits()
    expected = F.cross_entropy(outputs, target, weight=WEIGHTS, reduction="sum") / ROWS
    torch.testing.assert_close(cross_entropy(outputs, target, WEIGHTS[target]), expected)


def test_one_vs_rest_cross_entropy_equals_pytorchs_binary_cross_entropy() -> None:
    outputs, target = random_logits()
    right = F.one_hot(target, CLASSES).float()
    rows = F.binary_cross_entropy(outputs.softmax(1), right, reduction="none").sum(1)
    torch.testing.assert_close(one_vs_rest_cross_entropy(outputs, target, None), rows.mean())
    torch.testing.assert_close(
        one_vs_rest_cross_entropy(outputs, target, WEIGHTS[target]), (rows * WEIGHTS[target]).mean()
    )


def test_hinge_loss_equals_a_plain_loop() -> None:
    outputs, target = random_logits()
    lacks = []
    for scores, right in zip(outputs.tolist(), target.tolist(), strict=True):
        best_other = max(score for code, score in enumerate(scores) if code != right)
        lacks.append(max(0.0, 1 + best_other - scores[right]))
    assert hinge_loss(outputs, target, None).item() == pytest.approx(np.mean(lacks), rel=1e-6)
    weighed = np.mean([lack * WEIGHTS[code].item() for lack, code in zip(lacks, target.tolist(), strict=True)])
    assert hinge_loss(outputs, target, WEIGHTS[target]).item() == pytest.approx(weighed, rel=1e-6)


def test_focal_loss_equals_a_plain_loop() -> None:
    outputs, target = random_logits()
    shares = outputs.double().softmax(1)[torch.arange(ROWS), target]
    losses = [-((1 - p) ** 2) * np.log(p) for p in shares.tolist()]
    assert focal_loss(outputs, target).item() == pytest.approx(np.mean(losses), rel=1e-5)
    weighed = np.mean([loss * WEIGHTS[code].item() for loss, code in zip(losses, target.tolist(), strict=True)])
    assert focal_loss(outputs, target, WEIGHTS[target]).item() == pytest.approx(weighed, rel=1e-5)


def test_the_divergence_from_soft_targets_is_scipys() -> None:
    outputs, _ = random_logits()
    shares = random_logits(1)[0].softmax(1)
    rows = torch.from_numpy(entropy(shares.double().numpy(), outputs.double().softmax(1).numpy(), axis=1)).float()
    torch.testing.assert_close(kullback_leibler(outputs, shares), rows.mean(), rtol=1e-4, atol=1e-6)
    weights = torch.linspace(0, 2, ROWS)
    torch.testing.assert_close(
        kullback_leibler(outputs, shares, weights), (rows * weights).mean(), rtol=1e-4, atol=1e-6
    )


def test_the_divergence_from_one_class_is_its_cross_entropy() -> None:
    outputs, target = random_logits()
    certain = F.one_hot(target, CLASSES).float()
    torch.testing.assert_close(kullback_leibler(outputs, certain), cross_entropy(outputs, target))


@pytest.mark.parametrize(("outputs", "target"), [((4, 3), (4,)), ((4, 3), (4, 2)), ((4, 3, 2), (4, 3, 2))])
def test_shares_of_another_shape_are_refused(outputs: tuple[int, ...], target: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"kullback_leibler needs outputs \(B, O\) and shares \(B, O\)"):
        kullback_leibler(torch.zeros(outputs), torch.zeros(target))


def test_smoothed_targets_give_the_label_smoothing_of_pytorch() -> None:
    outputs, target = random_logits()
    outputs.requires_grad_()
    classification = task()
    soft = classification.soft_target(Target(target), 0.2)
    torch.testing.assert_close(soft.values.sum(1), torch.ones(ROWS))
    (ours,) = torch.autograd.grad(classification.loss(nn.Identity(), (outputs,), soft), outputs)
    (theirs,) = torch.autograd.grad(F.cross_entropy(outputs, target, label_smoothing=0.2), outputs)
    torch.testing.assert_close(ours, theirs)  # the losses differ by the targets' entropy, which has no gradient


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_the_gradient_of_its_values(name: str) -> None:
    outputs, target = random_logits()
    few, codes = outputs[:3].double().requires_grad_(), target[:3]  # in float32 inside, hence the tolerances
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, codes).double(), (few,), eps=1e-2, atol=3e-3, rtol=1e-2)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_of_one_change_nothing(name: str) -> None:
    outputs, target = random_logits()
    torch.testing.assert_close(LOSSES[name](outputs, target, torch.ones(ROWS)), LOSSES[name](outputs, target, None))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0, 1e4])
def test_confident_wrong_predictions_have_a_finite_gradient(name: str, size: float) -> None:
    outputs = torch.zeros(4, CLASSES)
    outputs[:, 0] = size
    outputs.requires_grad_()
    loss = LOSSES[name](outputs, torch.tensor([0, 1, 2, 3]), None)
    loss.backward()
    assert loss.isfinite()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_outputs_are_summed_in_full(name: str) -> None:
    outputs, target = random_logits()
    assert LOSSES[name](outputs.bfloat16(), target, None).dtype == torch.float32


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_every_loss_trains_a_network(name: str, weights: str) -> None:
    classification = task(name, weights)
    outputs, _ = random_logits()
    codes = outputs.argmax(1)  # linearly separable
    target = tensors(classification.target(part(codes.numpy())))
    torch.manual_seed(0)
    network = nn.Linear(CLASSES, classification.head_width("vector"))
    optimizer = torch.optim.Adam(network.parameters(), 0.05)
    for _ in range(200):
        optimizer.zero_grad()
        classification.loss(network, (outputs,), target).backward()
        optimizer.step()
    assert (network(outputs).argmax(1) == codes).float().mean() > 0.9


@given(st.lists(st.integers(0, CLASSES - 1), min_size=1, max_size=60))
def test_balanced_classes_weigh_the_same_however_few_their_rows(codes: list[int]) -> None:
    """As scikit-learn's compute_class_weight: N / (K n)."""
    target, weights = task(weights="balanced").target(part(codes))
    assert target.tolist() == codes
    for code in set(codes):
        share = sum(weight for weight, one in zip(weights.tolist(), codes, strict=True) if one == code)
        assert share == pytest.approx(len(codes) / CLASSES, rel=1e-5)


def test_the_balanced_loss_is_the_mean_over_classes_of_their_own_losses() -> None:
    outputs, target = random_logits(3)
    classification = task(weights="balanced")
    balanced = tensors(classification.target(part(target.numpy())))
    means = [F.cross_entropy(outputs[target == code], target[target == code]) for code in range(CLASSES)]
    torch.testing.assert_close(classification.loss(nn.Identity(), (outputs,), balanced), torch.stack(means).mean())


def test_a_class_without_a_row_divides_nothing_by_zero() -> None:
    assert balanced_class_weights(np.array([0, 0, 0, 1]), 3).tolist() == pytest.approx([4 / 9] * 3 + [4 / 3])


@pytest.mark.parametrize(("name", "weights"), [("cross_entropy", "none"), ("hinge", "balanced")])
def test_logits_that_know_the_shares_of_the_classes_stay_as_they_are(name: str, weights: str) -> None:
    assert isinstance(task(name, weights).output_transform(part([0])), Identity)


def test_balanced_logits_are_put_back_to_the_shares_of_the_train_part() -> None:
    shift = task(weights="balanced").output_transform(part([0] * 6 + [1] * 2))
    outputs = torch.zeros(1, CLASSES)
    filled = np.array([6, 2] + [1] * (CLASSES - 2))  # a class without a row counts as one
    np.testing.assert_allclose(shift(outputs).softmax(1)[0], filled / filled.sum(), rtol=1e-6)
    assert shift.inverse(torch.tensor([1]), outputs).tolist() == [1]


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_balanced_weights_and_the_shift_give_the_shares_that_no_weights_give(name: str) -> None:
    codes = [0] * 30 + [1] * 10 + [2] * (CLASSES + 3)
    classification, outputs = task(name, "balanced"), torch.zeros(CLASSES, requires_grad=True)
    target, shift = tensors(classification.target(part(codes))), classification.output_transform(part(codes))
    optimizer = torch.optim.LBFGS([outputs], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = classification.loss(nn.Identity(), (outputs.expand(len(codes), -1),), target)
        loss.backward()
        return loss

    optimizer.step(closure)
    served = shift(outputs.detach()[None]).softmax(1)[0]
    np.testing.assert_allclose(served[:3], np.bincount(codes)[:3] / len(codes), atol=0.03)
