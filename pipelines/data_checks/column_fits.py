"""Fits of a number by columns: the share of its variance that one column, two, or all on a line leave unexplained.

Shapes: n rows, P columns.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

MIN_LINE_ROWS = 30  # rows, below which a line through them says little
MIN_NEIGHBOUR_ROWS = 100  # below which neighbours are so far apart that a perfect curve leaves 0.06 % of the variance
MIN_DIFFERENT_TARGETS = 10  # fewer are classes, which a column that merely separates them would give away
SCREENED_ROWS = 1024  # rows that a first look at all pairs takes
MIN_ROWS_PER_COLUMN = 5  # of the fit on all columns, which otherwise explains by chance

Floats = NDArray[np.float64]

PAIR_FORMS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "{0} + {1}": lambda left, right: left + right,
    "{0} - {1}": lambda left, right: left - right,
    "{0} x {1}": lambda left, right: left * right,
    "{0} / {1}": lambda left, right: np.divide(left, right, out=np.full_like(left, np.nan), where=right != 0),
    "{1} / {0}": lambda left, right: np.divide(right, left, out=np.full_like(left, np.nan), where=left != 0),
}


def line_unexplained_share(columns: list[Floats], target: Floats) -> float:
    """What a line (a plane) of the columns (n,) leaves of the target's variance; 1 with too few rows."""
    design = np.stack([*columns, np.ones(len(target))], axis=1)
    freedom = len(target) - design.shape[1]
    if len(target) < MIN_LINE_ROWS or freedom < 1 or np.ptp(target) == 0:
        return 1.0
    scale = np.abs(design).max(axis=0)
    design = design / np.where(scale > 0, scale, 1)
    centred = target - target.mean()
    residual = centred - design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return float(np.square(residual).sum() / freedom / (np.square(centred).sum() / (len(target) - 1)))


def neighbour_unexplained_share(values: Floats, target: Floats, shuffled: NDArray[np.int64]) -> float:
    """What any smooth curve over the column (n,) leaves of the target, or of its ranks where that is less.

    Half the mean squared difference of neighbours in the column's order estimates the variance around the curve (Rice,
    1984, https://doi.org/10.1214/aos/1176346788). Ranks keep a long tail from deciding alone, as in Chatterjee's
    coefficient (https://arxiv.org/abs/1909.10140). Rows with the same value follow each other in the order `shuffled`.
    """
    if len(target) < MIN_NEIGHBOUR_ROWS or len(np.unique(target)) < MIN_DIFFERENT_TARGETS:
        return 1.0
    order = shuffled[np.argsort(values[shuffled], kind="stable")]
    either = (target, mid_ranks(target))
    return min(float(np.square(np.diff(each[order])).mean() / 2 / each.var()) for each in either)


def group_unexplained_share(groups: NDArray[np.int64], target: Floats) -> float:
    """What the means of groups (n,) leave of a number's variance; 1 where groups have fewer than three rows each."""
    _, numbers = np.unique(groups, return_inverse=True)
    counts = np.bincount(numbers)
    freedom = len(target) - len(counts)
    if len(counts) < 2 or len(target) < max(3 * len(counts), MIN_LINE_ROWS) or np.ptp(target) == 0:
        return 1.0
    means = np.bincount(numbers, weights=target) / counts
    within = np.square(target - means[numbers]).sum() / freedom
    return float(within / (np.square(target - target.mean()).sum() / (len(target) - 1)))


def mid_ranks(values: Floats) -> Floats:
    """The rank of every value (n,); equal ones share the mean of theirs."""
    _, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[numbers], dtype=np.float64)


def likely_pairs(table: Floats, target: Floats, count: int) -> list[tuple[int, int]]:
    """The pairs of columns (n, P) that explain the target best: on a plane, as a product or as a ratio."""
    table, target = table[:: -(-len(table) // SCREENED_ROWS)], target[:: -(-len(table) // SCREENED_ROWS)]
    filled = np.where(np.isnan(table), np.nanmean(table, axis=0), table)
    explained = np.maximum(_plane_shares(filled, target), _form_shares(filled, target))
    left, right = np.triu_indices(table.shape[1], k=1)
    best = np.argsort(-explained[left, right], kind="stable")[:count]
    return [(int(left[place]), int(right[place])) for place in best]


def pair_features(columns: list[Floats], pair: tuple[int, int]) -> Iterator[tuple[str, Floats]]:
    """Every form of a pair and its values (n,)."""
    for form, combine in PAIR_FORMS.items():
        yield form, combine(columns[pair[0]], columns[pair[1]])


def _plane_shares(table: Floats, target: Floats) -> Floats:
    """The share of variance that a plane over each pair of columns explains, (P, P), from their correlations."""
    own, between = _correlations(table, target), _correlations(table, table)
    left, right = own[:, 0][:, None], own[:, 0][None, :]
    independence = 1 - np.square(between)
    explained = np.square(left) + np.square(right) - 2 * left * right * between
    return np.asarray(np.where(independence > 1e-9, explained / np.maximum(independence, 1e-9), 0))


def _form_shares(table: Floats, target: Floats) -> Floats:
    """The share of variance that the product or a ratio of each pair explains on a line, (P, P)."""
    explained = np.zeros((table.shape[1], table.shape[1]))
    for place, column in enumerate(table.T):
        divisor = np.where(column == 0, np.nan, column)[:, None]
        for feature in (table * column[:, None], table / divisor):
            shares = np.square(_correlations(np.nan_to_num(feature), target)[:, 0])
            explained[place] = np.maximum(explained[place], shares)
    return np.maximum(explained, explained.T)


def _correlations(left: Floats, right: Floats) -> Floats:
    """Between the columns of (n, P) and of (n, Q) or (n,): (P, Q); 0 where one is constant."""
    standardised = []
    for values in (left, right.reshape(len(left), -1)):
        centred = values - values.mean(axis=0)
        norm = np.sqrt(np.square(centred).sum(axis=0))
        standardised.append(np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0))
    return np.asarray(standardised[0].T @ standardised[1])


def sparse_line(columns: list[Floats], target: Floats, limit: float) -> list[int]:
    """The fewest columns found, one after the other, whose line leaves at most `limit` of the variance; none if all do
    not reach it."""
    if len(target) < MIN_ROWS_PER_COLUMN * len(columns) or line_unexplained_share(columns, target) > limit:
        return []
    needed = list(range(len(columns)))
    for place in range(len(columns)):  # backwards: a column that the others do without is not named
        fewer = [other for other in needed if other != place]
        if fewer and line_unexplained_share([columns[other] for other in fewer], target) <= limit:
            needed = fewer
    return needed
