"""Assignment of groups of duplicates to parts by share, at random or in order.

N examples, S sets of identical examples, P parts.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.splitting.request import PartNumbers


def cut_by_shares(sizes: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cut units of the given sizes (U,), in order, into parts as near to their shares as whole units allow.

    Ten examples on five days, of which train is to have 60 % and valid and test 20 % each:

    >>> cut_by_shares(np.array([4, 1, 2, 1, 2]), np.array([0.6, 0.2, 0.2])).tolist()
    [0, 0, 1, 1, 2]
    """
    cumulative = np.cumsum(sizes)
    first = 1 + int(np.argmin(np.abs(cumulative[:-2] - shares[0] * cumulative[-1])))
    second = first + 1 + int(np.argmin(np.abs(cumulative[first:-1] - (shares[0] + shares[1]) * cumulative[-1])))
    part_of = np.zeros(len(sizes), dtype=np.int64)
    part_of[first:second] = 1
    part_of[second:] = 2
    return part_of


def deal_by_class(sets: NDArray[np.int64], labels: NDArray[Any], shares: NDArray[np.float64]) -> PartNumbers:
    """Deal the sets of every class by the shares (P,), so that each class has these shares of every part.

    Args:
        sets: (N,), which examples are identical.
        labels: (N,), the class of each.
        shares: (P,), of each part.

    Returns:
        (N,), the number of each example's part.

    Ten examples, six of class 0 and four of class 1; half are for part 0 and half for part 1:

    >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    >>> deal_by_class(np.arange(10), labels, np.array([0.5, 0.5])).tolist()
    [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    """
    sizes = np.bincount(sets)  # (S,)
    classes = _majority_classes(sets, labels)  # (S,)
    part_of = np.empty(len(sizes), dtype=np.int64)  # (S,), the number of the part in PARTS
    carried_over = np.zeros(len(shares))
    for code in np.unique(classes):
        members = np.flatnonzero(classes == code)  # in the order of their hashes: shuffled
        members = members[np.argsort(-sizes[members], kind="stable")]  # large sets first, small ones even out
        wanted = shares * sizes[members].sum() + carried_over
        part_of[members], left = deal_sets(sizes[members], wanted)
        carried_over = left.clip(-1, 1)  # rounding evens out over classes, but no class pays for another's large set
    return part_of[sets]


def _majority_classes(sets: NDArray[np.int64], target: NDArray[Any]) -> NDArray[np.int64]:
    """The label most examples of a set have, the smallest of them if several do; (N,), (N,) -> (S,)."""
    if sets.max() + 1 == len(sets):  # no two are identical
        labels = np.empty(len(sets), dtype=np.int64)
        labels[sets] = target
        return labels
    width = int(target.max()) + 1
    pairs, counts = np.unique(sets * width + target, return_counts=True)
    numbers, labels = np.divmod(pairs, width)
    order = np.lexsort((labels, -counts, numbers))
    _, first = np.unique(numbers[order], return_index=True)
    return np.asarray(labels[order][first], dtype=np.int64)


def deal_sets(sizes: NDArray[np.int64], wanted: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64]]:
    """Deal sets of the given sizes (S,), largest first, each to the part that lacks most; (P,) examples are wanted.

    What a part lacks of a set with twins is counted as a share of what it wants: large sets are unlike the rest, and
    would all be in the largest part otherwise, so that the others measured something else.

    Returns:
        The part of every set, and how many examples each part still lacks (negative: has too many).

    A set of four and six single examples, of which train wants six and valid and test two each. The set has room in
    train alone; the single examples go to whichever part then lacks most:

    >>> deal_sets(np.array([4, 1, 1, 1, 1, 1, 1]), np.array([6.0, 2.0, 2.0]))[0]
    [0, 0, 1, 2, 0, 1, 2]
    """
    remaining = wanted.copy()
    empty = list(range(len(wanted)))
    part_of = []
    for number, size in enumerate(sizes):
        if number == 0 and len(sizes) < len(wanted):
            part = 0  # a class that is not in train cannot be learned
        else:
            last_chance = len(sizes) - number <= len(empty)
            allowed = empty if last_chance else list(range(len(wanted)))
            roomy = [place for place in allowed if size > 1 and remaining[place] >= size]
            part = (
                max(roomy, key=lambda one: remaining[one] / wanted[one])
                if roomy
                else max(allowed, key=remaining.__getitem__)
            )
        part_of.append(part)
        remaining[part] -= size
        if part in empty:
            empty.remove(part)
    return part_of, remaining
