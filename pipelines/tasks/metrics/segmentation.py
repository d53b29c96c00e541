"""Metrics of segmentation: counts of pixels, and how far apart the outlines are.

A metric of an image averages over the classes that occur in its true or its predicted mask; an image in which none of
them occurs, and none is predicted, scores 1.

Shapes: N images, K classes, H height, W width, S classes scored.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

MIN_PROBABILITY = float(
    np.finfo(np.float64).eps
)  # smallest probability a logarithm sees, as in scikit-learn's log_loss
TOLERANCE_PER_DIAGONAL = 0.0075  # of the image's diagonal: how far off an outline may be; Csurka et al. 2013
MIN_TOLERANCE_PIXELS = 1.0  # pixel that an outline may be off in the smallest image


class PixelCounts(NamedTuple):
    """Pixels of every image and class, (N, K) each."""

    intersection: Floats  # predicted and true
    predicted: Floats
    true: Floats


def count_pixels(predictions: NDArray[Any], reference: NDArray[Any]) -> PixelCounts:
    """Count pixels by their most probable class; NaN for an image with a prediction that is not a finite number.

    Args:
        predictions: probabilities, (N, K, H, W).
        reference: class numbers, (N, H, W).
    """
    images, classes = predictions.shape[:2]
    confusion = np.empty((images, classes, classes))  # (N, true, predicted)
    for rows in chunks(predictions):
        values = np.asarray(predictions[rows])
        pairs = classes * reference[rows].astype(np.int64) + values.argmax(axis=1)
        for index, (image, pair) in enumerate(zip(values, pairs, strict=True), start=rows.start):
            found = np.bincount(pair.ravel(), minlength=classes**2).reshape(classes, classes)
            confusion[index] = found if np.isfinite(image).all() else np.nan
    intersection = np.diagonal(confusion, axis1=1, axis2=2).copy()
    return PixelCounts(intersection, confusion.sum(axis=1), confusion.sum(axis=2))


def dice(counts: PixelCounts, scored_classes: NDArray[np.intp]) -> Floats:
    """Dice coefficient, twice the shared area over the sum of both: of every image, averaged over its classes, (N,)."""
    intersection, predicted, true = (each[:, scored_classes] for each in counts)
    return _mean_over_present_classes(2 * intersection, predicted + true)


def iou(counts: PixelCounts, scored_classes: NDArray[np.intp]) -> Floats:
    """Intersection over union: averaged over classes, for every row of counts, (N,)."""
    intersection, predicted, true = (each[:, scored_classes] for each in counts)
    return _mean_over_present_classes(intersection, predicted + true - intersection)


def _mean_over_present_classes(numerator: Floats, denominator: Floats) -> Floats:
    """The mean over the columns whose denominator is not 0; 1 where all are: (N, S), (N, S) -> (N,)."""
    present = denominator != 0  # NaN is
    shares = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=present)
    number = present.sum(axis=1)
    means: Floats = np.where(number == 0, 1.0, shares.sum(axis=1) / np.maximum(number, 1))
    return means


def log_loss(predictions: NDArray[Any], reference: NDArray[Any]) -> Floats:
    """The log loss of every image, averaged over its pixels, (N,)."""
    means = np.empty(len(predictions))
    for rows in chunks(predictions):
        values = np.asarray(predictions[rows])
        classes = reference[rows].astype(np.int64)[:, None]
        true_class_probability = np.take_along_axis(values, classes, axis=1)[:, 0].astype(np.float64)  # (n, H, W)
        means[rows] = -np.log(np.clip(true_class_probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY)).mean(axis=(1, 2))
        means[rows][~np.isfinite(values).all(axis=(1, 2, 3))] = np.nan
    return means


def boundary_tolerance(height: int, width: int) -> float:
    """Boundary tolerance, the pixels that an outline may be off: 0.75 % of the diagonal, and at least one pixel."""
    return max(MIN_TOLERANCE_PIXELS, TOLERANCE_PER_DIAGONAL * float(np.hypot(height, width)))


def boundary_f1(
    predicted: NDArray[Any], reference: NDArray[Any], scored_classes: NDArray[np.intp], tolerance: float
) -> Floats:
    """Boundary F1: of every image, averaged over its classes, (N,).

    Precision is the share of the predicted outline within `tolerance` pixels of the true one, recall the share of the
    true one within `tolerance` of the predicted one; F1 is their harmonic mean, 0 where only one of
    the two exists.

    Args:
        predicted: class numbers, (N, H, W).
        reference: likewise.
        scored_classes: the classes that count, (S,).
        tolerance: in pixels.

    Source: Csurka, Larlus & Perronnin, "What Is a Good Evaluation Measure for Semantic Segmentation?", BMVC 2013,
    section 2.2. https://doi.org/10.5244/C.27.32
    """
    means = np.ones(len(reference))
    for index, (predicted_mask, reference_mask) in enumerate(zip(predicted, reference, strict=True)):
        pairs = [(boundary(predicted_mask == one), boundary(reference_mask == one)) for one in scored_classes]
        found = [_boundary_f1_of_class(*pair, tolerance) for pair in pairs if pair[0].any() or pair[1].any()]
        if found:
            means[index] = np.mean(found)
    return means


def boundary(inside: Booleans) -> Booleans:
    """The pixels of an area that touch, side by side, a pixel outside of it; the image's border is no outside."""
    padded = np.pad(inside, 1, constant_values=True)
    interior = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: Booleans = inside & ~interior
    return edge


def _boundary_f1_of_class(predicted: Booleans, true: Booleans, tolerance: float) -> float:
    from scipy.ndimage import distance_transform_edt

    if not predicted.any() or not true.any():
        return 0.0
    precision = float((distance_transform_edt(~true)[predicted] <= tolerance).mean())
    recall = float((distance_transform_edt(~predicted)[true] <= tolerance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
