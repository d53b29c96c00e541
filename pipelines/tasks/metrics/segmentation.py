"""How well the areas of an answered mask lie on the true ones: counts of pixels, and how far apart the outlines are.

A metric of an image averages over the classes that are there, in the truth or in the answer; an image with none of
them, rightly answered with none of them, scores 1.

Shapes: N images, K classes, H height, W width, S classes scored.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

FLOOR = float(np.finfo(np.float64).eps)  # smallest probability a logarithm sees, as in scikit-learn's log_loss
DIAGONAL = 0.0075  # of the image's diagonal: how far off an outline may be; Csurka et al. 2013
LEAST = 1.0  # pixel that an outline may be off in the smallest image


class Counts(NamedTuple):
    """Pixels of every image and class, (N, K) each."""

    both: Floats  # answered and true
    answered: Floats
    true: Floats


def count(replies: NDArray[Any], truth: NDArray[Any]) -> Counts:
    """Count pixels by their most probable class; NaN for an image with a reply that is not a finite number.

    Args:
        replies: probabilities, (N, K, H, W).
        truth: class numbers, (N, H, W).
    """
    images, classes = replies.shape[:2]
    confusion = np.empty((images, classes, classes))  # (N, true, answered)
    for rows in chunks(replies):
        values = np.asarray(replies[rows])
        pairs = classes * truth[rows].astype(np.int64) + values.argmax(axis=1)
        for place, (image, pair) in enumerate(zip(values, pairs, strict=True), start=rows.start):
            found = np.bincount(pair.ravel(), minlength=classes**2).reshape(classes, classes)
            confusion[place] = found if np.isfinite(image).all() else np.nan
    both = np.diagonal(confusion, axis1=1, axis2=2).copy()
    return Counts(both, confusion.sum(axis=1), confusion.sum(axis=2))


def dice(counts: Counts, scored: NDArray[np.intp]) -> Floats:
    """Twice the shared area over the sum of both: of every image, averaged over its classes, (N,)."""
    both, answered, true = (each[:, scored] for each in counts)
    return _mean_of_the_present(2 * both, answered + true)


def iou(counts: Counts, scored: NDArray[np.intp]) -> Floats:
    """The shared area over the area of either: averaged over classes, for every row of counts, (N,)."""
    both, answered, true = (each[:, scored] for each in counts)
    return _mean_of_the_present(both, answered + true - both)


def _mean_of_the_present(numerator: Floats, denominator: Floats) -> Floats:
    """The mean over the columns whose denominator is not 0; 1 where all are: (N, S), (N, S) -> (N,)."""
    present = denominator != 0  # NaN is
    shares = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=present)
    number = present.sum(axis=1)
    means: Floats = np.where(number == 0, 1.0, shares.sum(axis=1) / np.maximum(number, 1))
    return means


def surprise(replies: NDArray[Any], truth: NDArray[Any]) -> Floats:
    """The log loss of every image, averaged over its pixels, (N,)."""
    means = np.empty(len(replies))
    for rows in chunks(replies):
        values = np.asarray(replies[rows])
        classes = truth[rows].astype(np.int64)[:, None]
        given = np.take_along_axis(values, classes, axis=1)[:, 0].astype(np.float64)  # (n, H, W)
        means[rows] = -np.log(np.clip(given, FLOOR, 1 - FLOOR)).mean(axis=(1, 2))
        means[rows][~np.isfinite(values).all(axis=(1, 2, 3))] = np.nan
    return means


def tolerance(height: int, width: int) -> float:
    """How many pixels an outline may be off: 0.75 % of the diagonal, and at least one pixel."""
    return max(LEAST, DIAGONAL * float(np.hypot(height, width)))


def boundary_f1(answers: NDArray[Any], truth: NDArray[Any], scored: NDArray[np.intp], reach: float) -> Floats:
    """How well outlines are traced: of every image, averaged over its classes, (N,).

    Precision is the share of the answered outline within `reach` pixels of the true one, recall the share of the true
    one within `reach` of the answered one; F1 is their harmonic mean. Where only one of the two exists it is 0.

    Args:
        answers: class numbers, (N, H, W).
        truth: likewise.
        scored: the classes that count, (S,).
        reach: in pixels.

    Source: Csurka, Larlus & Perronnin, "What Is a Good Evaluation Measure for Semantic Segmentation?", BMVC 2013,
    section 2.2. https://doi.org/10.5244/C.27.32
    """
    means = np.ones(len(truth))
    for place, (answer, true) in enumerate(zip(answers, truth, strict=True)):
        pairs = [(outline(answer == one), outline(true == one)) for one in scored]
        found = [_traced(*pair, reach) for pair in pairs if pair[0].any() or pair[1].any()]
        if found:
            means[place] = np.mean(found)
    return means


def outline(inside: Booleans) -> Booleans:
    """The pixels of an area that touch, side by side, a pixel outside of it; the image's border is no outside."""
    padded = np.pad(inside, 1, constant_values=True)
    deep = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: Booleans = inside & ~deep
    return edge


def _traced(answered: Booleans, true: Booleans, reach: float) -> float:
    from scipy.ndimage import distance_transform_edt

    if not answered.any() or not true.any():
        return 0.0
    precision = float((distance_transform_edt(~true)[answered] <= reach).mean())
    recall = float((distance_transform_edt(~answered)[true] <= reach).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
