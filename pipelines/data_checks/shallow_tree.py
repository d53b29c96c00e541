"""Shallow tree: a decision tree of depth 3 on one column, and how much of a class it leaves unexplained.

Shapes: n rows, K classes, L leaves.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DEPTH = 3
MIN_LEAF_ROWS = 5  # rows of a leaf, below which its shares of the classes are chance
RIDGES = (1.0, 10.0, 100.0)  # on the leaves of the additive fit, which are many and overlap; the best one counts

Floats = NDArray[np.float64]


class Column(NamedTuple):
    """An input with one value per row."""

    name: str
    is_category: bool
    values: NDArray[Any]  # (n,); numbers with NaN, or codes with -1, where missing


def unexplained_share(column: Column, one_hot: Floats) -> float:
    """The Brier score of a tree on the column, as a share of what the classes' own shares leave; each half of the rows
    is scored by the tree of the other half. 0: the column tells the class; 1: it tells nothing."""
    return _brier_share(one_hot, partial(_tree_shares, column, one_hot))


def additive_unexplained_share(columns: list[Column], one_hot: Floats) -> float:
    """The same for all columns together: a ridge regression of the classes on the leaves of every column's tree."""
    if not columns:
        return 1.0
    return min(1.0, *(_brier_share(one_hot, partial(_additive_shares, columns, one_hot, ridge)) for ridge in RIDGES))


def _additive_shares(
    columns: list[Column], one_hot: Floats, ridge: float, fit: NDArray[np.bool_], score: NDArray[np.bool_]
) -> Floats:
    leaves = np.concatenate([_leaf_indicators(column, one_hot, fit) for column in columns], axis=1)
    base = one_hot[fit].mean(axis=0)
    gram = leaves[fit].T @ leaves[fit] + ridge * np.eye(leaves.shape[1])
    weights = np.linalg.solve(gram, leaves[fit].T @ (one_hot[fit] - base))
    return np.asarray(base + leaves[score] @ weights)


def _brier_share(one_hot: Floats, predict: Callable[[NDArray[np.bool_], NDArray[np.bool_]], Floats]) -> float:
    even = np.arange(len(one_hot)) % 2 == 0
    left = total = 0.0
    for fit, score in ((even, ~even), (~even, even)):
        left += float(np.square(one_hot[score] - predict(fit, score)).sum())
        total += float(np.square(one_hot[score] - one_hot[fit].mean(axis=0)).sum())
    return left / total if total else 1.0


def _tree_shares(column: Column, one_hot: Floats, fit: NDArray[np.bool_], score: NDArray[np.bool_]) -> Floats:
    leaf = _assign_leaves(column, one_hot, fit)
    counts = np.zeros((int(leaf.max()) + 1, one_hot.shape[1]))
    np.add.at(counts, leaf[fit], one_hot[fit])
    shares = np.where(counts.sum(axis=1, keepdims=True) > 0, counts, one_hot[fit].sum(axis=0))
    return np.asarray((shares / shares.sum(axis=1, keepdims=True))[leaf[score]])


def _leaf_indicators(column: Column, one_hot: Floats, fit: NDArray[np.bool_]) -> Floats:
    leaf = _assign_leaves(column, one_hot, fit)
    return np.asarray(np.eye(int(leaf.max()) + 1)[leaf])


def _assign_leaves(column: Column, one_hot: Floats, fit: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The leaf of every row (n,) in the tree that is grown on the rows `fit`; a missing value comes first."""
    order = _order_categories(column, one_hot, fit) if column.is_category else np.asarray(column.values, np.float64)
    values = np.where(np.isnan(order), -np.inf, order)
    thresholds: list[float] = []
    _split(values[fit], one_hot[fit], DEPTH, thresholds)
    return np.searchsorted(np.sort(thresholds), values, side="left").astype(np.int64)


def _order_categories(column: Column, one_hot: Floats, fit: NDArray[np.bool_]) -> Floats:
    """Every row's category as a number: its shares of the classes along the direction in which they differ most."""
    codes = column.values.astype(np.int64) + 1  # 0 where missing
    counts = np.zeros((int(codes.max()) + 1, one_hot.shape[1]))
    np.add.at(counts, codes[fit], one_hot[fit])
    rows = counts.sum(axis=1, keepdims=True)
    base = one_hot[fit].mean(axis=0)
    shares = np.where(rows > 0, counts / np.maximum(rows, 1), base) - base
    _, _, directions = np.linalg.svd(shares * np.sqrt(rows), full_matrices=False)
    return np.asarray(np.round(shares @ directions[0], 12)[codes])


def _split(values: Floats, one_hot: Floats, depth: int, thresholds: list[float]) -> None:
    """Grow a tree by the Gini impurity; each threshold is the largest value of the rows on its left."""
    if depth == 0 or len(values) < 2 * MIN_LEAF_ROWS:
        return
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    left = np.cumsum(one_hot[order], axis=0)  # (n, K)
    right = left[-1] - left
    sizes = np.arange(1.0, len(values))
    purity = np.square(left[:-1]).sum(axis=1) / sizes + np.square(right[:-1]).sum(axis=1) / sizes[::-1]
    allowed = ordered[:-1] < ordered[1:]
    allowed[: MIN_LEAF_ROWS - 1] = False
    allowed[len(values) - MIN_LEAF_ROWS :] = False
    if not allowed.any():
        return
    place = int(np.argmax(np.where(allowed, purity, -np.inf)))
    if purity[place] <= np.square(left[-1]).sum() / len(values) + 1e-9:
        return
    threshold = float(ordered[place])
    thresholds.append(threshold)
    below = values <= threshold
    _split(values[below], one_hot[below], depth - 1, thresholds)
    _split(values[~below], one_hot[~below], depth - 1, thresholds)
