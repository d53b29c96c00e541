"""Segmentation: a class for every pixel of an image.

A network's outputs are a logit per class and pixel; what is served is a probability per class and pixel. Of every image
the pixels are counted once; all scores are computed from these counts, also those of a thousand bootstrap resamples.

Shapes: N images, K classes, H height, W width, R resamples, B images of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat

from pipelines.data.dataset import chunks
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.metrics import segmentation as segmentation_metrics
from pipelines.tasks.metrics.temperature import fit_pixel_temperature
from pipelines.tasks.task import UNCALIBRATED, AnyTarget, Calibration, Goal, Metric, Task, TaskSettings, choose_goal

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform

Floats = NDArray[np.float64]

GOALS = {
    "dice": Goal("dice", "maximize"),
    "log_loss": Goal("log_loss", "minimize"),
}


def build_metrics(scored_classes: str, tolerance: float) -> tuple[Metric, ...]:
    """The metrics, whose descriptions say which classes count and how far off an outline may be."""
    return (
        Metric(
            "dice",
            "Dice",
            "higher",
            "How well the predicted areas overlap the true ones: twice the shared area over the sum of both, 1 if they "
            f"are the same. Of every image, averaged over {scored_classes} that are there or are predicted (an image "
            "rightly left empty counts 1), then over the images.",
        ),
        Metric(
            "iou",
            "Intersection over union",
            "higher",
            "Of the area that is answered or true, the share that is both. Pixels are added up over all images, and "
            f"the shares averaged over {scored_classes}.",
        ),
        Metric(
            "boundary_f1",
            "Boundary F1",
            "higher",
            f"How well outlines are traced: an outline counts as met within {tolerance:.3g} pixels. Of every image, "
            f"averaged over {scored_classes} that are there or are answered, then over the images.",
        ),
        Metric("pixel_accuracy", "Pixel accuracy", "higher", "The share of pixels that are given the right class."),
        Metric(
            "log_loss",
            "Log loss",
            "lower",
            "How surprised the model is by the true class of a pixel, on average: near 0 when it gave the right class "
            "nearly all of the probability, large when it was sure and wrong.",
        ),
    )


class SegmentationSettings(TaskSettings):
    """`task: segmentation`, or `task: {kind: segmentation, loss: dice, background: background}`."""

    kind: Literal["segmentation"] = "segmentation"
    loss: Literal[
        "cross_entropy", "dice", "jaccard", "focal", "cross_entropy+dice", "cross_entropy+jaccard", "focal+dice"
    ] = "cross_entropy+dice"
    weights: Literal["none", "balanced"] = "none"  # balanced: in the cross-entropy, rare classes count as common ones
    background: str | None = None  # a class that Dice, IoU and boundary F1 leave out
    tolerance: PositiveFloat | None = None  # pixels that an outline may be off; None: 0.75 % of the diagonal


class MaskReference(NamedTuple):
    """The true class of every pixel."""

    codes: NDArray[Any]  # (N, H, W) integers, places in the schema's target categories


@final
class Segmentation(Task):
    """Segmentation task: logits (B, K, H, W) in the loss, probabilities (N, K, H, W) as predictions.

    Raises:
        UserError: if the target is no mask of the one image's size with at least two classes, or a setting or the goal
            does not fit.
    """

    name = "segmentation"
    output_name = "probabilities"
    can_mix = False  # a pixel is of one class
    goals = tuple(GOALS)
    reference_type = MaskReference

    def __init__(self, schema: Schema, settings: SegmentationSettings, goal: str | None = None) -> None:
        _check_task(schema, settings)
        self.goal = choose_goal("a segmentation", GOALS, goal)
        self.labels = schema.target.categories
        self.input_fields: tuple[Field, ...] = schema.inputs
        height, width = schema.target.shape
        self.shape = (len(self.labels), height, width)
        self.scored_classes = np.array([code for code, label in enumerate(self.labels) if label != settings.background])
        self.tolerance = settings.tolerance or segmentation_metrics.boundary_tolerance(height, width)
        scored_phrase = (
            "the classes" if settings.background is None else f"the classes other than {settings.background}"
        )
        self.metrics = build_metrics(scored_phrase, self.tolerance)
        self.settings = settings

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        classes, height, width = self.shape
        return classes if writes == "image" else classes * height * width

    def output_transform(self, train: Part | None) -> OutputTransform:
        from models.outputs.segmentation import PixelLogits

        return PixelLogits(self.shape)

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        from models.blocks.losses import PIXEL_LOSSES, balanced_pixel_cross_entropy

        logits = network(*inputs).reshape(-1, *self.shape)
        codes = target.values.long()
        first, *others = PIXEL_LOSSES[self.settings.loss]
        if self.settings.weights == "balanced":
            first = balanced_pixel_cross_entropy
        total = first(logits, codes)
        for loss in others:
            total = total + loss(logits, codes)
        return total

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from models.outputs.classification import TemperedSoftmax

        return TemperedSoftmax(1, calibration.get("temperature", 1.0))

    def average(self) -> nn.Module:
        from models.outputs.averages import LogMeanProbability

        return LogMeanProbability(-3)

    def calibrate_postprocess(self, outputs: NDArray[Any], reference: MaskReference) -> dict[str, float]:
        """The temperature of the pixels' probabilities."""
        return {"temperature": fit_pixel_temperature(outputs, reference.codes)}

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: MaskReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        """All metrics under R resamples: image i counts weights[r, i] times; weights (R, N), values (R,)."""
        self._check_shapes(predictions, reference)
        counts = segmentation_metrics.count_pixels(predictions, reference.codes)
        if np.isnan(counts.intersection).any():
            return {metric.name: np.full(len(weights), np.nan) for metric in self.metrics}
        times = np.asarray(weights, dtype=np.float64)  # (R, N)
        means = {
            "dice": segmentation_metrics.dice(counts, self.scored_classes),
            "boundary_f1": segmentation_metrics.boundary_f1(
                _predicted_classes(predictions), reference.codes, self.scored_classes, self.tolerance
            ),
            "pixel_accuracy": counts.intersection.sum(axis=1) / reference.codes[0].size,
            "log_loss": segmentation_metrics.log_loss(predictions, reference.codes),
        }
        scores = {name: times @ values / times.sum(axis=1) for name, values in means.items()}
        scores["iou"] = segmentation_metrics.iou(
            segmentation_metrics.PixelCounts(*(times @ each for each in counts)), self.scored_classes
        )
        return {metric.name: scores[metric.name] for metric in self.metrics}

    def objective_per_row(self, predictions: NDArray[Any], reference: MaskReference) -> Floats:
        """The goal for every image, (N,); NaN for one whose prediction is not a finite number."""
        self._check_shapes(predictions, reference)
        if self.goal.name == "log_loss":
            return segmentation_metrics.log_loss(predictions, reference.codes)
        return segmentation_metrics.dice(
            segmentation_metrics.count_pixels(predictions, reference.codes), self.scored_classes
        )

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """Class shares of the training pixels, for every pixel: the most probable class is the commonest."""
        counts = np.zeros(len(self.labels))
        for rows in chunks(train.target):
            counts += np.bincount(np.asarray(train.target[rows]).ravel(), minlength=len(self.labels))
        shares = (counts / counts.sum()).astype(np.float32)
        class_shares = np.broadcast_to(shares[:, None, None], (len(part.target), *self.shape))  # takes no memory
        return {"most common class (baseline)": class_shares}

    def _check_shapes(self, predictions: NDArray[Any], reference: MaskReference) -> None:
        codes = reference.codes
        assert predictions.shape == (len(codes), *self.shape), f"{predictions.shape} for {self.shape}"
        assert codes.shape[1:] == self.shape[1:], f"{codes.shape} for {self.shape}"


def _predicted_classes(predictions: NDArray[Any]) -> NDArray[np.uint8]:
    """The most probable class of every pixel, (N, H, W)."""
    predicted = [np.asarray(predictions[rows]).argmax(axis=1).astype(np.uint8) for rows in chunks(predictions)]
    return np.concatenate(predicted)


def _check_task(schema: Schema, settings: SegmentationSettings) -> None:
    """Refuse data that has no class for every pixel of one image, and settings that mean nothing for it."""
    target = schema.target
    if target.kind != "mask":
        raise UserError(f"segmentation needs a target of kind mask; {target.name!r} is of kind {target.kind}")
    if len(target.categories) < 2:
        found = ", ".join(target.categories) or "none"
        raise UserError(f"segmentation needs at least two classes; {target.name!r} has {found}")
    kinds = [field.kind for field in schema.inputs]
    if kinds != ["image"]:
        raise UserError(f"segmentation reads one image; the inputs are of kind {', '.join(kinds) or 'none'}")
    image = schema.inputs[0]
    if image.shape[:2] != target.shape:
        raise UserError(
            f"segmentation needs masks as large as the images; {target.name!r} is {_format_size(target)} pixels, "
            f"{image.name!r} is {_format_size(image)}"
        )
    if settings.background is not None and settings.background not in target.categories:
        raise UserError(
            f"background of a segmentation must be one of the classes {', '.join(target.categories)}; "
            f"found {settings.background!r}"
        )
    if settings.weights == "balanced" and "cross_entropy" not in settings.loss:
        raise UserError(
            f"weights of a segmentation: balanced weighs the cross-entropy, and loss {settings.loss!r} has none; "
            "leave weights out, or add cross_entropy to the loss"
        )


def _format_size(field: Field) -> str:
    return f"{field.shape[0]}x{field.shape[1]}"
