"""Which reconstruction is asked for, and what is measured of it."""

from typing import Literal

from pipelines.data.schema import Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.task import Metric

ReconstructionMode = Literal["compression", "denoising", "anomalies"]


def has_image_input(schema: Schema) -> bool:
    """Whether one image is read; else numbers alone.

    Raises:
        UserError: if neither.
    """
    kinds = [field.kind for field in schema.inputs]
    if kinds == ["image"]:
        return True
    if set(kinds) == {"number"}:
        return False
    other = next((field for field in schema.inputs if field.kind != "number"), None)
    found = f"{other.name!r} is of kind {other.kind}" if other else "there are none"
    raise UserError(f"inputs of a reconstruction must be one image, or columns of numbers alone; {found}")


def infer_mode(schema: Schema, normal: str | None, compress: bool) -> ReconstructionMode:
    """What is to be reconstructed.

    Args:
        normal: the class that is learned from.
        compress: whether the input is its own target.

    Raises:
        UserError: if target and settings do not say, or contradict each other.
    """
    target = schema.target
    if normal is not None and compress:
        raise UserError(
            f"settings of a reconstruction: compress: true learns from every row, normal: {normal} from one class; "
            "keep one of the two"
        )
    if compress:
        return "compression"
    if normal is not None:
        if target.kind != "category":
            raise UserError(
                f"normal of a reconstruction names a class of the target; {target.name!r} is of kind {target.kind}, "
                "not category: leave normal out, or choose another target"
            )
        if normal not in target.categories:
            raise UserError(
                f"normal of a reconstruction must be one of the classes {', '.join(target.categories)}; "
                f"found {normal!r}"
            )
        return "anomalies"
    if target.kind != "image":
        raise UserError(
            f"reconstruction cannot tell what to draw: {target.name!r} is of kind {target.kind}. Say normal: <class> "
            "to find anomalies, compress: true to draw the input from itself, or give a clean image as the target"
        )
    found = schema.inputs[0]
    if found.kind != "image" or found.shape != target.shape:
        raise UserError(
            f"denoising needs a noisy image as large as the clean one; {target.name!r} is {target.shape}, "
            f"{found.name!r} is {found.kind} {found.shape}"
        )
    return "denoising"


def mode_metrics(mode: ReconstructionMode, is_image: bool) -> tuple[Metric, ...]:
    """Every metric of a use, the default goal first."""
    error_description = "The squared difference between what was drawn and what should have been, averaged over "
    error_description += (
        "pixels: 1 is as far as black is from white."
        if is_image
        else "columns, in units of each column's spread: always answering the mean gets about 1. What is missing is "
        "left out."
    )
    if mode == "anomalies":
        return (
            *ANOMALY_METRICS,
            Metric("squared_error", "Squared error", "lower", f"Of normal rows alone. {error_description}"),
        )
    squared_error = Metric("squared_error", "Squared error", "lower", error_description)
    return (squared_error, *IMAGE_METRICS) if is_image else (squared_error,)


IMAGE_METRICS = (
    Metric(
        "psnr",
        "PSNR",
        "higher",
        "The squared error of an image in decibels (peak signal-to-noise ratio), averaged over images: 20 is a rough "
        "likeness, 30 a good one, 40 hard to tell apart; a perfect image counts 100.",
    ),
    Metric(
        "ssim",
        "SSIM",
        "higher",
        "How alike brightness, contrast and pattern are in small windows (structural similarity), averaged over "
        "images: 1 for the same image, near 0 for nothing in common.",
    ),
)
ANOMALY_METRICS = (
    Metric(
        "auroc",
        "AUROC",
        "higher",
        "The chance that an anomalous row gets a higher score than a normal one: 0.5 is guessing, 1 is perfect.",
    ),
    Metric(
        "average_precision",
        "Average precision",
        "higher",
        "Precision averaged over all levels of recall; guessing gets the share of anomalies.",
    ),
    Metric("precision", "Precision", "higher", "Of the rows that were flagged, the share that are anomalous."),
    Metric("recall", "Recall", "higher", "Of the anomalous rows, the share that were flagged."),
    Metric("f1", "F1", "higher", "Precision and recall in one number (their harmonic mean)."),
)
