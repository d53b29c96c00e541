"""Metrics of reconstructions: how far what was drawn is from what should have been drawn.

Shapes: N rows, D numbers of an example in the order they are stored, R resamples.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.statistics import mean_and_std
from pipelines.tasks.input_form import InputForm
from pipelines.tasks.metrics import image_similarity
from pipelines.tasks.task import Goal, Metric

Floats = NDArray[np.float64]

GOALS = {
    "squared_error": Goal("squared_error", "minimize"),
    "psnr": Goal("psnr", "maximize"),
    "ssim": Goal("ssim", "maximize"),
}
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


def squared_error_metric(form: InputForm, prefix: str = "") -> Metric:
    """The squared error, which images and tables have in units of their own."""
    description = "The squared difference between what was drawn and what should have been, averaged over "
    description += (
        "pixels: 1 is as far as black is from white."
        if form.is_image
        else "columns, in units of each column's spread in the train part: always answering the mean gets about 1. "
        "What is missing is left out."
    )
    return Metric("squared_error", "Squared error", "lower", prefix + description)


def metrics_of(form: InputForm) -> tuple[Metric, ...]:
    """Every metric of a reconstruction, the default goal first."""
    return (squared_error_metric(form), *(IMAGE_METRICS if form.is_image else ()))


def error_units(form: InputForm, usual: NDArray[Any], rows: int) -> NDArray[np.float32]:
    """The unit of each row's errors: the spread of every column among usual examples, (N, D).

    Of images, whose unit is their range, (N, 0). The unit is not of the rows that are scored: the interval of their
    score would have to hold its error too.
    """
    spread = np.zeros(0) if form.is_image else mean_and_std(usual)[1]
    return np.broadcast_to(spread.astype(np.float32), (rows, len(spread)))


def squared_errors(form: InputForm, predictions: NDArray[Any], values: NDArray[Any], units: NDArray[Any]) -> Floats:
    """The mean squared difference of every row, (N,): of images as a share of the full range, of tables in `units`.

    Args:
        predictions: score and reconstruction, (N, 1 + D).
        values: what should have been drawn, (N, ...).
        units: see `error_units`.
    """
    reconstructed = predictions[:, 1:].reshape(-1, *form.shape)
    if form.is_image:
        return image_similarity.mean_squared_error(reconstructed, values)
    known = ~np.isnan(values)
    differences = np.where(known, (reconstructed.astype(np.float64) - values) / units, 0)
    errors: Floats = np.square(differences).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return errors


def score_per_row(
    name: str, form: InputForm, predictions: NDArray[Any], values: NDArray[Any], units: NDArray[Any]
) -> Floats:
    """A metric of every row, (N,)."""
    if name == "ssim":
        return image_similarity.ssim(predictions[:, 1:].reshape(-1, *form.shape), values)
    errors = squared_errors(form, predictions, values, units)
    return image_similarity.psnr(errors) if name == "psnr" else errors


def bootstrap_means(
    form: InputForm, predictions: NDArray[Any], values: NDArray[Any], units: NDArray[Any], weights: NDArray[Any]
) -> dict[str, Floats]:
    """Every metric under R resamples, (R,) each: row i counts weights[r, i] times; weights (R, N)."""
    times = np.asarray(weights, dtype=np.float64)
    names = [metric.name for metric in metrics_of(form)]
    if not np.isfinite(predictions).all():
        return {name: np.full(len(times), np.nan) for name in names}
    rows = {name: score_per_row(name, form, predictions, values, units) for name in names}
    return {name: times @ per_row / times.sum(axis=1) for name, per_row in rows.items()}
