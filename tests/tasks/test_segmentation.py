"""The scores of a segmentation are scikit-learn's where it has them, and counted by hand where it has not."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference
from torch import nn

from models.blocks.losses import PIXEL_LOSSES
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks import score
from pipelines.tasks.metrics import segmentation as segmentation_metrics
from pipelines.tasks.segmentation import GOALS, MaskReference, Segmentation, SegmentationSettings
from pipelines.tasks.task import Target

LABELS = ("sky", "sea", "ship", "sand", "sun")


def schema(classes: int, size: tuple[int, int] = (6, 8), **changes: Any) -> Schema:
    target = {"name": "mask", "kind": "mask", "dtype": "uint8", "shape": size, "categories": LABELS[:classes]}
    image = Field(name="image", kind="image", dtype="uint8", shape=changes.pop("image", size))
    return Schema(
        inputs=changes.pop("inputs", (image,)),
        target=Field(**(target | changes)),
        title="Stand-in",
        origin="made here",
        licence="none",
    )


def segmentation(
    classes: int, size: tuple[int, int] = (6, 8), goal: str | None = None, **settings: Any
) -> Segmentation:
    return Segmentation(schema(classes, size), SegmentationSettings(**settings), goal)


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (N, K, H, W), right about half of the time, and truth (N, H, W) that need not hold every class."""
    classes, images = draw(st.integers(2, 5)), draw(st.integers(1, 5))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    true_values = generator.integers(0, draw(st.integers(1, classes)), (images, 6, 8)).astype(np.uint8)
    predictions = generator.dirichlet(np.ones(classes), size=true_values.shape)
    predictions += np.eye(classes)[true_values] * generator.integers(0, 2, (*true_values.shape, 1))
    return np.moveaxis(predictions / predictions.sum(axis=-1, keepdims=True), -1, 1), true_values


def agree(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True))


@given(problem=problems())
def test_the_scores_are_scikit_learns(problem: tuple[np.ndarray, np.ndarray]) -> None:
    predictions, true_values = problem
    classes = predictions.shape[1]
    answers = predictions.argmax(axis=1)
    found = score(segmentation(classes), predictions, MaskReference(true_values), {})
    pairs = [(true.ravel(), answer.ravel()) for true, answer in zip(true_values, answers, strict=True)]
    flat = np.moveaxis(predictions, 1, -1).reshape(-1, classes)
    assert agree(found["dice"], np.mean([reference.f1_score(*pair, average="macro") for pair in pairs]))
    assert agree(found["iou"], reference.jaccard_score(true_values.ravel(), answers.ravel(), average="macro"))
    assert agree(found["pixel_accuracy"], reference.accuracy_score(true_values.ravel(), answers.ravel()))
    assert agree(found["log_loss"], reference.log_loss(true_values.ravel(), flat, labels=range(classes)))


@given(problem=problems(), seed=st.integers(0, 2**32 - 1))
def test_a_resample_scores_as_the_images_it_drew(problem: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    predictions, true_values = problem
    images = len(true_values)
    weights = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=3)
    task = segmentation(predictions.shape[1], background="sky")
    found = task.bootstrap_scores(predictions, MaskReference(true_values), weights, {})
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(images), counts)
        scores = score(task, predictions[drawn], MaskReference(true_values[drawn]), {})
        assert all(agree(found[name][resample], score) for name, score in scores.items())
    assert list(found) == [metric.name for metric in task.metrics]


@pytest.mark.parametrize("goal", GOALS)
@given(problem=problems())
def test_the_goal_is_the_mean_over_images(goal: str, problem: tuple[np.ndarray, np.ndarray]) -> None:
    predictions, true_values = problem[0], MaskReference(problem[1])
    task = segmentation(predictions.shape[1], goal=goal)
    assert agree(
        task.objective_per_row(predictions, true_values).mean(), score(task, predictions, true_values, {})[goal]
    )


@pytest.mark.parametrize("goal", GOALS)
def test_the_right_mask_is_better_than_a_wrong_one_by_every_goal(goal: str) -> None:
    task = segmentation(3, goal=goal)
    true_values = np.random.default_rng(0).integers(0, 3, (2, 6, 8))
    right, wrong = (
        score(task, one_hot(codes, 3), MaskReference(true_values), {})[goal]
        for codes in (true_values, (true_values + 1) % 3)
    )
    assert task.goal.is_better(right, wrong)


def certain(*rows: str) -> np.ndarray:
    """A mask (1, H, W) drawn with digits."""
    return np.array([[int(sign) for sign in row] for row in rows], dtype=np.uint8)[None]


def one_hot(mask: np.ndarray, classes: int) -> np.ndarray:
    return np.moveaxis(np.eye(classes)[mask], -1, 1)


def test_dice_and_overlap_leave_the_background_out() -> None:
    true_values, answer = certain("0011", "0011"), certain("0111", "0000")
    task = segmentation(2, (2, 4), background="sky")
    found = score(task, one_hot(answer, 2), MaskReference(true_values), {})
    assert found["dice"] == pytest.approx(2 * 2 / (4 + 3))
    assert found["iou"] == pytest.approx(2 / 5)
    assert found["pixel_accuracy"] == pytest.approx(5 / 8)


def test_an_image_rightly_left_empty_is_perfect_and_one_wrongly_filled_is_not() -> None:
    empty, filled = np.zeros((1, 2, 4), np.uint8), certain("0000", "0010")
    task = segmentation(2, (2, 4), background="sky")
    for true_values, answer, expected in ((empty, empty, 1), (empty, filled, 0), (filled, empty, 0)):
        found = score(task, one_hot(answer, 2), MaskReference(true_values), {})
        assert (found["dice"], found["iou"], found["boundary_f1"]) == (expected, expected, expected)


def test_boundary_pixels_touch_another_class_and_exclude_the_image_border() -> None:
    inside = certain("11100", "11100", "11100", "00000") == 1
    assert segmentation_metrics.boundary(inside[0]).astype(int).tolist() == [
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [1, 1, 1, 0, 0],
        [0] * 5,
    ]


@pytest.mark.parametrize(("reach", "expected"), [(0.5, 0.0), (1.0, 0.5), (1.5, 0.5), (2.0, 1.0)])
def test_the_boundary_score_is_counted_by_hand(reach: float, expected: float) -> None:
    """Of two lone pixels, one is answered one pixel to the right, the other two to the left."""
    true_values = certain("0100000", "0000000", "0000010")
    answer = certain("0010000", "0000000", "0001000")
    found = segmentation_metrics.boundary_f1(answer, true_values, np.array([1]), reach)
    assert found[0] == pytest.approx(expected)


def test_precision_and_recall_of_an_outline_differ() -> None:
    true_values, answer = certain("1000000"), certain("1000101")
    # answered: one pixel on the truth, two far off; all of the true outline is met: 2 * 1/3 * 1 / (4/3)
    assert segmentation_metrics.boundary_f1(answer, true_values, np.array([1]), 1.0)[0] == pytest.approx(0.5)


@given(problem=problems())
def test_the_boundary_score_of_the_truth_is_one(problem: tuple[np.ndarray, np.ndarray]) -> None:
    _, true_values = problem
    assert (segmentation_metrics.boundary_f1(true_values, true_values, np.arange(5), 1.0) == 1).all()


def test_boundary_tolerance_is_0_75_percent_of_the_diagonal_at_least_a_pixel() -> None:
    assert segmentation_metrics.boundary_tolerance(300, 400) == pytest.approx(3.75)
    assert segmentation_metrics.boundary_tolerance(8, 8) == 1.0
    assert segmentation(2, tolerance=2.5).tolerance == 2.5
    assert "within 2.5 pixels" in next(
        m.description for m in segmentation(2, tolerance=2.5).metrics if m.name == "boundary_f1"
    )


def test_answers_that_are_not_numbers_have_no_score_and_raise_no_warning() -> None:
    predictions, true_values = np.full((2, 3, 6, 8), np.nan), MaskReference(np.zeros((2, 6, 8), np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(np.isnan(value) for value in score(segmentation(3), predictions, true_values, {}).values())
        assert all(
            np.isnan(segmentation(3, goal=goal).objective_per_row(predictions, true_values)).all() for goal in GOALS
        )


class Constant(nn.Module):
    """A network with the same logits for every input."""

    def __init__(self, outputs: torch.Tensor) -> None:
        super().__init__()
        self.outputs = nn.Parameter(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.outputs.expand(len(x), *self.outputs.shape[1:])


@pytest.mark.parametrize("loss", PIXEL_LOSSES)
@pytest.mark.parametrize("written", ["vector", "image"])
def test_networks_that_write_rows_and_images_learn_alike(loss: str, written: str) -> None:
    task = segmentation(3, loss=loss)
    logits = torch.randn(1, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    network = Constant(logits if written == "image" else logits.flatten(1))
    true_values = torch.randint(3, (4, 6, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    found = task.loss(network, (torch.zeros(4, 1),), Target(task.output_transform(None).inverse(true_values)))
    found.backward()
    expected = sum(one(logits.expand(4, -1, -1, -1), true_values.long()) for one in PIXEL_LOSSES[loss])
    assert found.item() == pytest.approx(expected.item())
    assert network.outputs.grad.abs().sum() > 0
    prediction = task.postprocess()(task.output_transform(None)(network(torch.zeros(2, 1))))
    assert prediction.shape == (2, 3, 6, 8)
    assert torch.allclose(prediction.sum(1), torch.ones(2, 6, 8))
    assert task.head_width("image") == 3
    assert task.head_width("vector") == 3 * 6 * 8


def test_weights_balance_the_cross_entropy() -> None:
    true_values = torch.zeros(1, 6, 8, dtype=torch.uint8)
    true_values[0, 0, 0] = 1
    network = Constant(torch.tensor([3.0, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 6, 8).clone())  # always class 0
    plain, balanced = (
        segmentation(2, loss="cross_entropy", weights=weights).loss(network, (true_values,), Target(true_values)).item()
        for weights in ("none", "balanced")
    )
    miss, hit = np.log1p(np.exp(3.0)), np.log1p(np.exp(-3.0))
    assert plain == pytest.approx((miss + 47 * hit) / 48, rel=1e-5)
    assert balanced == pytest.approx((miss + hit) / 2, rel=1e-5)


def test_the_baseline_answers_the_shares_of_the_training_pixels() -> None:
    task = segmentation(2, (1, 4))
    train = Part((np.zeros((2, 1, 4), np.uint8),), np.array([[[0, 1, 1, 1]], [[1, 1, 1, 0]]], dtype=np.uint8))
    part = Part((np.zeros((3, 1, 4), np.uint8),), np.ones((3, 1, 4), np.uint8))
    ((name, predictions),) = task.baselines(train, part).items()
    assert name.endswith("(baseline)")
    assert predictions.shape == (3, 2, 1, 4)
    assert np.unique(predictions[:, 1]).tolist() == [0.75]
    assert score(task, predictions, MaskReference(part.target), {})["pixel_accuracy"] == 1


@pytest.mark.parametrize(
    ("described", "settings", "goal", "sentence"),
    [
        (schema(3, kind="category"), {}, None, "target of kind mask; 'mask' is of kind category"),
        (schema(1), {}, None, "at least two classes; 'mask' has sky"),
        (schema(2, inputs=()), {}, None, "reads one image; the inputs are of kind none"),
        (schema(2, image=(6, 9, 3)), {}, None, "'mask' is 6x8 pixels, 'image' is 6x9"),
        (schema(2), {}, "iou", "goal of a segmentation must be one of dice, log_loss; found 'iou'"),
        (schema(2), {"background": "ship"}, None, "must be one of the classes sky, sea; found 'ship'"),
        (schema(2), {"weights": "balanced", "loss": "dice"}, None, "loss 'dice' has none"),
    ],
)
def test_what_cannot_be_segmented_is_refused_in_a_sentence(
    described: Schema, settings: dict[str, Any], goal: str | None, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        Segmentation(described, SegmentationSettings(**settings), goal)
