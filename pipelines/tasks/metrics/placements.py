"""Placements: the area under the ROC curve row by row, with DeLong's variance.

Source: DeLong, DeLong & Clarke-Pearson, "Comparing the Areas under Two or More Correlated Receiver Operating
Characteristic Curves", Biometrics 44(3), 1988. https://doi.org/10.2307/2531595

Shapes: N rows.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def placements(scores: Floats, members: NDArray[np.bool_]) -> Floats:
    """The area row by row, (N,): the mean of the rows is the area, and their variance divided by N is DeLong's.

    Of a member, the share of the others that score below it, ties as half; of another, the share of the members that
    score above it. What it is above the area counts N / m times, where m rows are of its kind: each kind has the area
    as its own mean, so that both are known from m rows alone.

    Args:
        scores: the higher, the more like a member, (N,).
        members: which rows are, (N,): some, and not all.
    """
    if np.isnan(scores).any():
        return np.full(len(scores), np.nan)
    placed = np.empty(len(scores))
    for kind, sign in ((members, 1), (~members, -1)):
        others = np.sort(sign * scores[~kind])
        own = sign * scores[kind]
        below = np.searchsorted(others, own, side="left") + np.searchsorted(others, own, side="right")
        placed[kind] = spread_mean(below / (2 * len(others)), len(scores))
    return placed


def spread_mean(values: Floats, rows: int) -> Floats:
    """Rows for a mean over some m of N rows: the mean of all N, were the others the mean itself; (m,) -> (m,).

    Deviations from a mean of few rows are too small, on average by m - 1 of m in their squares, which is made up for:
    five anomalies in a hundred rows would else seem to tell more than they do.

    >>> spread_mean(np.array([1.0, 3.0]), 4).round(3).tolist()  # and two rows of 2.0
    [-0.828, 4.828]
    """
    count = len(values)
    spread: Floats = values.mean() + (values - values.mean()) * (rows / count * np.sqrt(count / max(count - 1, 1)))
    return spread
