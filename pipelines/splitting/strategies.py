"""The ways to split: which part each example goes to, by its label, its group, its time or what the user says.

N examples, S sets of identical examples, P parts.
"""

import hashlib
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.parts import PARTS
from pipelines.runtime.user_error import UserError
from pipelines.splitting.settings import SplitSettings

NO_PART = -1  # the place of an example that is in no part
TRAIN_PART = 0

PartNumbers: TypeAlias = NDArray[np.int64]  # (N,), each example's number of a part in PARTS, or NONE


class SplitRequest(NamedTuple):
    """What is to be split, and how."""

    data: Dataset
    sets: NDArray[np.int64]  # (N,), which examples are identical, numbered in an order as good as shuffled
    settings: SplitSettings
    seed: int
    where: str  # the settings' path in params.yaml, for failures


def split_stratified(request: SplitRequest) -> PartNumbers:
    """Give every class the same shares of every part, and identical examples one part.

    Sets of identical examples are dealt, not examples. A set with contradicting labels counts as the class most
    of its examples have. A class with three sets or more is in every part; with fewer, it is in train first. The
    result depends on the examples and the seed, not on the order in which the examples are stored.
    """
    target = request.data.schema.target
    if target.kind != "category":
        raise UserError(
            f"{request.where}.by: stratified needs a target that is a category, "
            f"but {target.name} is of kind {target.kind}; write by: random"
        )
    return _deal_by_class(request.sets, request.data.part.target, _part_shares(request.settings))


def split_random(request: SplitRequest) -> PartNumbers:
    """Deal sets of identical examples as `stratified` does, without looking at the target."""
    return _deal_by_class(request.sets, np.zeros(len(request.sets), dtype=np.int64), _part_shares(request.settings))


def split_by_group(request: SplitRequest) -> PartNumbers:
    """Keep each group (a patient, a writer, a site) in one part, so that the scores are those of strangers."""
    groups, order = _shuffled_groups(request)
    sizes = np.bincount(groups)[order]
    largest_first = np.argsort(-sizes, kind="stable")
    part_of = np.empty(len(order), dtype=np.int64)
    part_of[order[largest_first]], _ = _deal_sets(sizes[largest_first], _part_shares(request.settings) * len(groups))
    return part_of[groups]


def split_by_column(request: SplitRequest) -> PartNumbers:
    """Make the parts of the values of a column, as `parts` says; an example with another value is in none."""
    assert request.settings.column is not None, "the settings ask for it"
    assert request.settings.parts is not None, "the settings ask for them"
    values, numbers = np.unique(_key_values(request, request.settings.column), return_inverse=True)
    part_of_text = {text: place for place, name in enumerate(PARTS) for text in getattr(request.settings.parts, name)}
    texts = [str(value) for value in values]
    for text in part_of_text:
        if text not in texts:
            found = ", ".join(texts[:10])
            raise UserError(
                f"{request.where}.parts: no example has {text!r} as its {request.settings.column}; found: {found}"
            )
    return _fill_unnamed_parts(
        request, np.array([part_of_text.get(text, NO_PART) for text in texts], dtype=np.int64)[numbers]
    )


def split_predefined(request: SplitRequest) -> PartNumbers:
    """Keep the parts that the data came in (files or folders called train, valid and test)."""
    values, numbers = np.unique(_key_values(request, "part"), return_inverse=True)
    texts = [str(value) for value in values]
    for text in texts:
        if text not in PARTS:
            raise UserError(
                f"{request.where}.by: given needs parts called {', '.join(PARTS)}, but the data has {text!r}"
            )
    if PARTS[TRAIN_PART] not in texts:
        raise UserError(f"{request.where}.by: given needs examples for train, but the data has only {', '.join(texts)}")
    names: list[str] = list(PARTS)
    return _fill_unnamed_parts(request, np.array([names.index(text) for text in texts], dtype=np.int64)[numbers])


def keep_duplicates_together(sets: NDArray[np.int64], part_of: PartNumbers) -> PartNumbers:
    """Keep a set of identical examples in the last of its parts and take it out of the earlier ones; (N,), (N,)."""
    last_part = np.full(len(sets), NO_PART, dtype=np.int64)
    np.maximum.at(last_part, sets, part_of)
    return np.where(part_of < last_part[sets], NO_PART, part_of)


def _key_values(request: SplitRequest, name: str) -> NDArray[Any]:
    """What the source set apart under a name, (N,), with no value missing."""
    keys = request.data.keys
    if name not in keys:
        there = f"it has {', '.join(sorted(keys))}" if keys else "it has none"
        raise UserError(
            f"{request.where}.by: {request.settings.by} needs {name!r} among the keys of the source, but {there}; "
            f"name the column under keys in the source's settings"
        )
    values = keys[name]
    missing = np.isnat(values) if values.dtype.kind == "M" else values != values
    if values.dtype.kind in "US":
        missing = np.char.str_len(values) == 0
    if missing.any():
        row = int(np.argmax(missing))
        raise UserError(
            f"{request.where}.by: {request.settings.by} needs the {name} of every example, but it is missing in "
            f"{int(missing.sum())}, first in example {row}, counted from 0; fill it in or take them out"
        )
    return values


def _part_shares(settings: SplitSettings) -> NDArray[np.float64]:
    return np.array([1 - settings.valid - settings.test, settings.valid, settings.test])


def _shuffled_groups(request: SplitRequest) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The group of each example (N,), and an order of the G groups (G,) that is as good as shuffled."""
    name = request.settings.group or "group"
    values, groups = np.unique(_key_values(request, name), return_inverse=True)
    if len(values) < len(PARTS):
        raise UserError(
            f"{request.where}.by: {request.settings.by} needs at least {len(PARTS)} groups, one for each part, "
            f"but {name} has {len(values)}; add groups or split another way"
        )
    key = str(request.seed).encode()
    digests = [hashlib.blake2b(str(value).encode(), digest_size=16, key=key).hexdigest() for value in values]
    return groups, np.argsort(digests, kind="stable")


def _cut_by_shares(sizes: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cut units of the given sizes (U,), in order, into parts as near to their shares as whole units allow."""
    cumulative = np.cumsum(sizes)
    first = 1 + int(np.argmin(np.abs(cumulative[:-2] - shares[0] * cumulative[-1])))
    second = first + 1 + int(np.argmin(np.abs(cumulative[first:-1] - (shares[0] + shares[1]) * cumulative[-1])))
    part_of = np.zeros(len(sizes), dtype=np.int64)
    part_of[first:second] = 1
    part_of[second:] = 2
    return part_of


def _fill_unnamed_parts(request: SplitRequest, part_of: PartNumbers) -> PartNumbers:
    """Cut the parts that nobody named from train, by label where there are labels; (N,) -> (N,)."""
    unnamed_parts = [place for place in range(1, len(PARTS)) if not (part_of == place).any()]
    if not unnamed_parts:
        return part_of
    rows = np.flatnonzero(part_of == TRAIN_PART)
    _, sets = np.unique(request.sets[rows], return_inverse=True)
    labelled = request.data.schema.target.kind == "category"
    labels = request.data.part.target[rows] if labelled else np.zeros(len(rows), dtype=np.int64)
    shares = _part_shares(request.settings)[unnamed_parts]
    dealt = _deal_by_class(sets, labels, np.array([1 - shares.sum(), *shares]))
    completed = part_of.copy()
    completed[rows] = np.array([TRAIN_PART, *unnamed_parts])[dealt]
    return completed


def _deal_by_class(sets: NDArray[np.int64], labels: NDArray[Any], shares: NDArray[np.float64]) -> PartNumbers:
    """Deal the sets of every class by the shares (P,); (N,), (N,) -> (N,)."""
    sizes = np.bincount(sets)  # (S,)
    classes = _majority_classes(sets, labels)  # (S,)
    part_of = np.empty(len(sizes), dtype=np.int64)  # (S,), the number of the part in PARTS
    carried_over = np.zeros(len(shares))
    for code in np.unique(classes):
        members = np.flatnonzero(classes == code)  # in the order of their hashes: shuffled
        members = members[np.argsort(-sizes[members], kind="stable")]  # large sets first, small ones even out
        wanted = shares * sizes[members].sum() + carried_over
        part_of[members], left = _deal_sets(sizes[members], wanted)
        carried_over = left.clip(-1, 1)  # rounding evens out over classes, but no class pays for another's large set
    return part_of[sets]


def _majority_classes(sets: NDArray[np.int64], target: NDArray[Any]) -> NDArray[np.int64]:
    """The label most examples of a set have, the smallest of them if several do; (N,), (N,) -> (S,)."""
    width = int(target.max()) + 1
    pairs, counts = np.unique(sets * width + target, return_counts=True)
    numbers, labels = np.divmod(pairs, width)
    order = np.lexsort((labels, -counts, numbers))
    _, first = np.unique(numbers[order], return_index=True)
    return np.asarray(labels[order][first], dtype=np.int64)


def _deal_sets(sizes: NDArray[np.int64], wanted: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64]]:
    """Deal sets of the given sizes (S,), largest first, each to the part that lacks most; (P,) examples are wanted.

    What a part lacks of a set with twins is counted as a share of what it wants: large sets are unlike the rest, and
    would all be in the largest part otherwise, so that the others measured something else.

    Returns the part of every set and how many examples each part still lacks (negative: has too many).
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
