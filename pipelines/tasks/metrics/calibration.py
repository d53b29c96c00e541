"""Calibration error: how far stated confidence is from the hit rate, without what chance alone would show.

Rows are put into bins of about as many rows each, by how sure the model was; of every bin, the gap is the hit rate
minus the mean confidence. Even a perfectly calibrated model has gaps, because a hit rate of twenty rows is uncertain:
the variance of every gap is taken off its square. What is left, averaged over the rows, is unbiased; its root is the
calibration error, and 0 where nothing is left.

Under resampling the variance of a gap doubles: once for the rows there are, once for the rows that were drawn. A sum
over squared weights takes off just that, so that the interval is centred where the estimate is. A gap that is mostly
chance would also make draws spread more than the estimate does: they move from gaps that are smaller by what
chance gives.

Kumar, Liang & Ma, "Verified Uncertainty Calibration", NeurIPS 2019, section 4. https://arxiv.org/abs/1909.10155
NOTE[DIFF] the variance is that of hits minus confidences, which is exact also where confidences differ within a bin.

Shapes: N rows, K classes, R resamples, B bins.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MAX_BINS = 15  # as in Guo et al., "On Calibration of Modern Neural Networks", ICML 2017
MIN_BIN_ROWS = 10  # rows in a bin, about, at least
TINY = 1e-300  # a divisor where all gaps are 0


def equal_mass_bins(confidence: Floats) -> Integers:
    """The bin of every row, (N,): about as many rows in each, and equal confidences in the same."""
    bins = min(MAX_BINS, max(1, len(confidence) // MIN_BIN_ROWS))
    inner_edges = np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1], method="lower")
    numbers: Integers = np.unique(np.searchsorted(inner_edges, confidence, side="left"), return_inverse=True)[1]
    return numbers


def calibration_error(probabilities: Floats, codes: Integers, counts: Floats) -> Floats:
    """The calibration error of the most probable class, (R,).

    Args:
        probabilities: (N, K).
        codes: the true classes, (N,).
        counts: how often every row counts, (N, R).
    """
    confidence = probabilities.max(axis=1)
    surplus = (probabilities.argmax(axis=1) == codes) - confidence
    bins = equal_mass_bins(confidence)
    members = np.equal.outer(np.arange(bins.max() + 1), bins).astype(np.float64)  # (B, N)
    rows = members.sum(axis=1)[:, None]
    weighted = np.concatenate([members, members * surplus])  # (2 B, N), so that one product gives all sums
    total, surplus_sum = np.split(weighted @ counts, 2)  # (B, R) each
    weight_squares, first, second = np.split(
        np.concatenate([weighted, members * np.square(surplus)]) @ np.square(counts), 3
    )
    drawn = np.maximum(total, 1)
    gap = surplus_sum / drawn
    spread = second - 2 * gap * first + np.square(gap) * weight_squares  # of sum w^2 (surplus - gap)^2
    variance = spread / np.square(drawn) * rows / np.maximum(rows - 1, 1)
    own_gap = (members @ surplus)[:, None] / rows
    own_variance = (members @ np.square(surplus))[:, None] / np.square(rows) - np.square(own_gap) / rows
    own_variance *= rows / np.maximum(rows - 1, 1)
    own_excess = np.where(rows > 1, np.square(own_gap) - own_variance, 0)  # one row says nothing of its bin
    squares = np.maximum((rows * np.square(own_gap)).sum(), TINY)
    likely_gap = own_gap * np.sqrt(
        np.clip((rows * own_excess).sum() / squares, 0, 1)
    )  # without what chance alone gives
    moved = gap - own_gap  # 0 where every row counts once
    excess = own_excess + 2 * likely_gap * moved + np.square(moved) - (variance - own_variance)
    excess = np.where(rows > 1, excess, 0)
    error: Floats = np.sqrt(np.maximum((total * excess).sum(axis=0) / counts.sum(axis=0), 0))
    return error
