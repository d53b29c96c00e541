"""Columns that give a class away: near copies of it, and columns far ahead of all others.

A column may tell a class well because the problem is easy. So one that is no near copy counts only if all other columns
together leave several times as much unexplained. n rows, K classes, P columns.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data_checks.column_fits import PAIR_FORMS
from pipelines.data_checks.shallow_tree import Column, Floats, additive_unexplained_share, unexplained_share

MAX_CLASSES = 16  # the commonest; the others count as one
MIN_ROWS = 60
MIN_CLASS_ROWS = 3  # on average, for what is inside the classes to be measured
COPIED_SPREAD = 1e-3  # share of a column's variance inside the classes: the class as a number, with 3 % of noise
COPIED_AGREEMENT = 0.98  # share of the rows in which a category goes with the class
ABSENT_AGREEMENT = 0.95  # share of the rows in which a missing cell goes with the class
MIN_KAPPA = 0.9  # ... and the agreement beyond chance (Cohen's kappa)
STANDS_OUT = 0.1  # share of the Brier score that a column far ahead of the others may leave
AHEAD_RATIO = 5.0  # ... times which all others together must leave more
OTHERS_LEAVE = 0.3  # ... and this at least
PAIR_CHANGES = 0.02  # changes of the class along a pair, as a share of those in rows that are shuffled, at most
PAIR_INTERVALS = 8  # of a pair, each of one class; as many as a tree of depth 3 has leaves
OTHERS_LEAVE_OF_PAIR = 0.1  # of the Brier score, all columns one by one, at least
MIN_OTHERS = 3  # columns; with fewer, one of them may well be all that matters
MAX_ADDED_COLUMNS = 64  # columns that "all others" are, the best ones
MAX_PAIRED_COLUMNS = 128  # columns of numbers, the first ones, of which all pairs are tried
SCREENED_ROWS = 256  # rows that a first look at all pairs takes
TRIED_PAIRS = 8


def find_class_leaks(columns: list[Column], target: NDArray[Any]) -> Iterator[str]:
    """What gives a class (n,) away, in words."""
    if len(target) < MIN_ROWS:
        return
    order = np.random.default_rng(0).permutation(len(target))
    classes = _lump_classes(target)[order]
    columns = [column._replace(values=column.values[order]) for column in columns]
    one_hot = np.eye(int(classes.max()) + 1)[classes]
    if one_hot.shape[1] < 2:
        return
    others = []
    for column in columns:
        if is_near_copy(column, classes):
            yield f"{column.name} (nearly a copy)"
        elif _tells_by_absence(column, one_hot):
            yield f"{column.name} (whether it is missing tells nearly all)"
        else:
            others.append(column)
    left = [unexplained_share(column, one_hot) for column in others]
    ranked = [others[place] for place in np.argsort(left, kind="stable")[: MAX_ADDED_COLUMNS + 1]]
    for column, share in zip(others, left, strict=True):
        if share > STANDS_OUT or len(columns) <= MIN_OTHERS:
            continue
        rest = additive_unexplained_share([other for other in ranked if other is not column], one_hot)
        if rest >= max(OTHERS_LEAVE, AHEAD_RATIO * share):
            yield f"{column.name} (alone it leaves {share:.1%} of the Brier score, all other columns {rest:.0%})"
    yield from _pair_leaks(others, classes, one_hot, ranked)


def is_near_copy(column: Column, classes: NDArray[np.int64]) -> bool:
    """Whether a column (n,) is the class (n,) as a number with little noise, or as a category in nearly all rows."""
    count = int(classes.max()) + 1
    if not column.is_category and _spread_inside(column.values.astype(np.float64), classes) <= COPIED_SPREAD:
        return True
    values = np.where(np.isnan(column.values), -np.inf, column.values)
    different, codes = np.unique(values, return_inverse=True)
    if not count <= len(different) <= count + 1:
        return False
    table = np.zeros((len(different), count))
    np.add.at(table, (codes, classes), 1 / len(classes))
    matched, agreement, chance = table.copy(), 0.0, 0.0
    for _ in range(count):  # the largest first: exact where nearly all agree
        row, place = np.unravel_index(int(np.argmax(matched)), matched.shape)
        agreement += float(matched[row, place])
        chance += float(table[row].sum() * table[:, place].sum())
        matched[row], matched[:, place] = -1, -1
    return agreement >= COPIED_AGREEMENT and agreement - chance >= MIN_KAPPA * (1 - chance)


def _spread_inside(values: Floats, classes: NDArray[np.int64]) -> float:
    """The share of a column's variance that lies inside the classes; 1 where half of it is missing."""
    known = np.isfinite(values)
    if known.mean() < 0.5 or known.sum() < MIN_CLASS_ROWS * (classes.max() + 1) or np.ptp(values[known]) == 0:
        return 1.0
    values, (_, numbers) = values[known], np.unique(classes[known], return_inverse=True)
    counts = np.bincount(numbers)
    if len(counts) < classes.max() + 1:
        return 1.0
    inside = np.square(values - (np.bincount(numbers, weights=values) / counts)[numbers]).sum()
    return float(inside / (len(values) - len(counts)) / values.var(ddof=1))


def _tells_by_absence(column: Column, one_hot: Floats) -> bool:
    """Whether a column's cells are missing in one class, or in all but one, and hardly anywhere else."""
    absent = np.asarray(column.values < 0 if column.is_category else np.isnan(column.values), dtype=np.float64)
    if not 0 < absent.sum() < len(absent):
        return False
    agreement = (absent[:, None] == one_hot).mean(axis=0)  # (K,)
    share, shares = absent.mean(), one_hot.mean(axis=0)
    chance = share * shares + (1 - share) * (1 - shares)
    same, by_chance = np.array([agreement, 1 - agreement]), np.array([chance, 1 - chance])  # (2, K): the class, not it
    return bool(((same >= ABSENT_AGREEMENT) & (same - by_chance >= MIN_KAPPA * (1 - by_chance))).any())


def _pair_leaks(
    columns: list[Column], classes: NDArray[np.int64], one_hot: Floats, ranked: list[Column]
) -> Iterator[str]:
    """A sum, a difference, a product or a ratio of two that tells the class where the columns by themselves do not."""
    numbers = [column for column in columns if not column.is_category][:MAX_PAIRED_COLUMNS]
    expected = len(classes) * (1 - np.square(one_hot.mean(axis=0)).sum())  # changes in rows that are shuffled
    leaks = [
        form.format(left.name, right.name)
        for form, left, right in _promising_pairs(numbers, classes)
        if _class_changes(_combine(form, left, right), classes) < min(PAIR_INTERVALS, 1 + PAIR_CHANGES * expected)
    ]
    if leaks and additive_unexplained_share(ranked[:MAX_ADDED_COLUMNS], one_hot) >= OTHERS_LEAVE_OF_PAIR:
        yield from (f"{name} (the two together, not one by one)" for name in leaks[:1])


def _promising_pairs(columns: list[Column], classes: NDArray[np.int64]) -> list[tuple[str, Column, Column]]:
    """The pairs along which the class changes least often, in the first rows."""
    if len(columns) < 2:
        return []
    table = np.stack([column.values[:SCREENED_ROWS] for column in columns], axis=1).astype(np.float64)
    found: list[tuple[int, str, int, int]] = []
    for left in range(len(columns) - 1):
        for form, combine in PAIR_FORMS.items():
            features = combine(np.repeat(table[:, [left]], len(columns) - left - 1, axis=1), table[:, left + 1 :])
            changes = (np.diff(classes[np.argsort(features, axis=0, kind="stable")], axis=0) != 0).sum(axis=0)
            found += [(int(count), form, left, left + 1 + place) for place, count in enumerate(changes)]
    found.sort(key=lambda one: one[0])
    return [(form, columns[left], columns[right]) for _, form, left, right in found[:TRIED_PAIRS]]


def _combine(form: str, left: Column, right: Column) -> Floats:
    return PAIR_FORMS[form](left.values.astype(np.float64), right.values.astype(np.float64))


def _class_changes(feature: Floats, classes: NDArray[np.int64]) -> int:
    """How often the class (n,) changes from a row to the next in the order of a feature (n,)."""
    return int((np.diff(classes[np.argsort(feature, kind="stable")]) != 0).sum())


def _lump_classes(target: NDArray[Any]) -> NDArray[np.int64]:
    """The classes (n,) as 0, 1, ..., the commonest first; the rare ones are one class."""
    _, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.asarray(np.minimum(rank[codes], MAX_CLASSES - 1), dtype=np.int64)
