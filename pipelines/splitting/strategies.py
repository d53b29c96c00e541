"""The ways to split: which part each example goes to, by its label, its group, its time or what the user says.

N examples, S sets of identical examples, P parts.
"""

import hashlib
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Data
from pipelines.data.parts import PARTS
from pipelines.runtime.user_error import Failure
from pipelines.splitting.settings import SplitSettings

NONE = -1  # the place of an example that is in no part
TRAIN = 0

Places: TypeAlias = NDArray[np.int64]  # (N,), each example's number of a part in PARTS, or NONE


class Case(NamedTuple):
    """What is to be split, and how."""

    data: Data
    sets: NDArray[np.int64]  # (N,), which examples are identical, numbered in an order as good as shuffled
    settings: SplitSettings
    seed: int
    where: str  # the settings' path in params.yaml, for failures


def stratified(case: Case) -> Places:
    """Give every class the same shares of every part, and identical examples one part.

    Sets of identical examples are dealt, not examples. A set with contradicting labels counts as the class most
    of its examples have. A class with three sets or more is in every part; with fewer, it is in train first. The
    result depends on the examples and the seed, not on the order in which the examples are stored.
    """
    target = case.data.schema.target
    if target.kind != "category":
        raise Failure(
            f"{case.where}.by: stratified needs a target that is a category, "
            f"but {target.name} is of kind {target.kind}; write by: random"
        )
    return _dealt(case.sets, case.data.part.target, _shares(case.settings))


def random(case: Case) -> Places:
    """Deal sets of identical examples as `stratified` does, without looking at the target."""
    return _dealt(case.sets, np.zeros(len(case.sets), dtype=np.int64), _shares(case.settings))


def group(case: Case) -> Places:
    """Keep each group (a patient, a writer, a site) in one part, so that the scores are those of strangers."""
    groups, order = _groups(case)
    sizes = np.bincount(groups)[order]
    largest_first = np.argsort(-sizes, kind="stable")
    places = np.empty(len(order), dtype=np.int64)
    places[order[largest_first]], _ = _deal(sizes[largest_first], _shares(case.settings) * len(groups))
    return places[groups]


def time(case: Case) -> Places:
    """Train on what was first, validate on what came then, test on what came last; equal times stay together.

    Windows of a series: a part keeps no window whose future reaches into the next part, and valid and test keep
    only windows whose futures do not overlap (rolling origins). Within `embargo` after a boundary, windows whose
    first foretold step is there (or so many of the other examples) are in no part.
    """
    target = case.data.schema.target
    if "origin" in case.data.keys and target.kind == "steps":
        return _rolling(case, target.shape[0])
    moments, number = np.unique(_when(case), return_inverse=True)
    if len(moments) < len(PARTS):
        raise Failure(
            f"{case.where}.by: time needs at least {len(PARTS)} different times, found {len(moments)}; "
            "add data or split another way"
        )
    places = _cut(np.bincount(number), _shares(case.settings))[number]
    for place in range(1, len(PARTS)) if case.settings.embargo else ():
        members = np.flatnonzero(places == place)
        last = np.sort(number[members])[: case.settings.embargo][-1]
        places[members[number[members] <= last]] = NONE
    return places


def group_in_time(case: Case) -> Places:
    """Keep each group in one part; the groups that were seen last are tested on."""
    groups, order = _groups(case)
    when = _when(case)
    _, moments = np.unique(when, return_inverse=True)
    latest = np.zeros(len(order), dtype=np.int64)
    np.maximum.at(latest, groups, moments)
    order = order[np.argsort(latest[order], kind="stable")]
    places = np.empty(len(order), dtype=np.int64)
    places[order] = _cut(np.bincount(groups)[order], _shares(case.settings))
    return places[groups]


def column(case: Case) -> Places:
    """Make the parts of the values of a column, as `parts` says; an example with another value is in none."""
    assert case.settings.column is not None, "the settings ask for it"
    assert case.settings.parts is not None, "the settings ask for them"
    values, numbers = np.unique(_key(case, case.settings.column), return_inverse=True)
    named = {text: place for place, name in enumerate(PARTS) for text in getattr(case.settings.parts, name)}
    texts = [str(value) for value in values]
    for text in named:
        if text not in texts:
            found = ", ".join(texts[:10])
            raise Failure(f"{case.where}.parts: no example has {text!r} as its {case.settings.column}; found: {found}")
    return _completed(case, np.array([named.get(text, NONE) for text in texts], dtype=np.int64)[numbers])


def given(case: Case) -> Places:
    """Keep the parts that the data came in (files or folders called train, valid and test)."""
    values, numbers = np.unique(_key(case, "part"), return_inverse=True)
    texts = [str(value) for value in values]
    for text in texts:
        if text not in PARTS:
            raise Failure(f"{case.where}.by: given needs parts called {', '.join(PARTS)}, but the data has {text!r}")
    if PARTS[TRAIN] not in texts:
        raise Failure(f"{case.where}.by: given needs examples for train, but the data has only {', '.join(texts)}")
    names: list[str] = list(PARTS)
    return _completed(case, np.array([names.index(text) for text in texts], dtype=np.int64)[numbers])


def apart(sets: NDArray[np.int64], places: Places) -> Places:
    """Keep a set of identical examples in the last of its parts and take it out of the earlier ones; (N,), (N,)."""
    last = np.full(len(sets), NONE, dtype=np.int64)
    np.maximum.at(last, sets, places)
    return np.where(places < last[sets], NONE, places)


def foreseen(data: Data) -> NDArray[np.bool_]:
    """Which windows of a series (N,) hold a value that was made with the help of what they are to foretell."""
    if "known" in data.keys and "origin" in data.keys:
        return np.asarray(data.keys["known"] >= data.keys["origin"])
    return np.zeros(len(data.part.target), dtype=np.bool_)


def _key(case: Case, name: str) -> NDArray[Any]:
    """What the source set apart under a name, (N,), with no value missing."""
    keys = case.data.keys
    if name not in keys:
        there = f"it has {', '.join(sorted(keys))}" if keys else "it has none"
        raise Failure(
            f"{case.where}.by: {case.settings.by} needs {name!r} among the keys of the source, but {there}; "
            f"name the column under keys in the source's settings"
        )
    values = keys[name]
    missing = np.isnat(values) if values.dtype.kind == "M" else values != values
    if values.dtype.kind in "US":
        missing = np.char.str_len(values) == 0
    if missing.any():
        row = int(np.argmax(missing))
        raise Failure(
            f"{case.where}.by: {case.settings.by} needs the {name} of every example, but it is missing in "
            f"{int(missing.sum())}, first in example {row}, counted from 0; fill it in or take them out"
        )
    return values


def _shares(settings: SplitSettings) -> NDArray[np.float64]:
    return np.array([1 - settings.valid - settings.test, settings.valid, settings.test])


def _when(case: Case) -> NDArray[Any]:
    """When each example was, (N,): dates or numbers."""
    name = case.settings.time or "time"
    values = _key(case, name)
    if values.dtype.kind not in "Miuf":
        raise Failure(
            f"{case.where}.by: {case.settings.by} needs dates or numbers as {name}, but {name} is text such as "
            f"{str(values[0])!r}; write dates as 2024-12-31"
        )
    return values


def _groups(case: Case) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The group of each example (N,), and an order of the G groups (G,) that is as good as shuffled."""
    name = case.settings.group or "group"
    values, groups = np.unique(_key(case, name), return_inverse=True)
    if len(values) < len(PARTS):
        raise Failure(
            f"{case.where}.by: {case.settings.by} needs at least {len(PARTS)} groups, one for each part, "
            f"but {name} has {len(values)}; add groups or split another way"
        )
    key = str(case.seed).encode()
    digests = [hashlib.blake2b(str(value).encode(), digest_size=16, key=key).hexdigest() for value in values]
    return groups, np.argsort(digests, kind="stable")


def _cut(sizes: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cut units of the given sizes (U,), in order, into parts as near to their shares as whole units allow."""
    reached = np.cumsum(sizes)
    first = 1 + int(np.argmin(np.abs(reached[:-2] - shares[0] * reached[-1])))
    second = first + 1 + int(np.argmin(np.abs(reached[first:-1] - (shares[0] + shares[1]) * reached[-1])))
    places = np.zeros(len(sizes), dtype=np.int64)
    places[first:second] = 1
    places[second:] = 2
    return places


def _rolling(case: Case, horizon: int) -> Places:
    """Windows of a series by time, without those whose future straddles a boundary or overlaps an earlier one's.

    The boundaries are as near to the shares as leaves a window in each part.
    """
    origin, embargo = case.data.keys["origin"], case.settings.embargo
    usable = ~foreseen(case.data)
    order = np.unique(origin[usable])
    if len(order) < len(PARTS):
        raise Failure(f"{case.where}.by: time needs at least {len(PARTS)} windows, found {len(order)}; add data")
    cut = _cut(np.ones(len(order), dtype=np.int64), _shares(case.settings))
    test = min(order[cut == 2][0], order[-1] - embargo)
    before_test = order[order + horizon <= test]
    valid = min(order[cut == 1][0], (before_test[-1] if len(before_test) else order[0]) - embargo)
    starts, ends = (order[0], valid + embargo, test + embargo), (valid, test, order[-1] + horizon)
    places = np.full(len(origin), NONE, dtype=np.int64)
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        members = np.flatnonzero(usable & (origin >= start) & (origin + horizon <= end))
        members = members[np.argsort(origin[members], kind="stable")]
        places[members if place == TRAIN else _non_overlapping(members, origin, horizon)] = place
    return places


def _non_overlapping(members: NDArray[np.int64], origin: NDArray[np.int64], horizon: int) -> NDArray[np.int64]:
    chosen: list[int] = []
    for row in members:
        if not chosen or origin[row] >= origin[chosen[-1]] + horizon:
            chosen.append(int(row))
    return np.array(chosen, dtype=np.int64)


def _completed(case: Case, places: Places) -> Places:
    """Cut the parts that nobody named from train, by label where there are labels; (N,) -> (N,)."""
    wanted = [place for place in range(1, len(PARTS)) if not (places == place).any()]
    if not wanted:
        return places
    rows = np.flatnonzero(places == TRAIN)
    _, sets = np.unique(case.sets[rows], return_inverse=True)
    labelled = case.data.schema.target.kind == "category"
    labels = case.data.part.target[rows] if labelled else np.zeros(len(rows), dtype=np.int64)
    shares = _shares(case.settings)[wanted]
    dealt = _dealt(sets, labels, np.array([1 - shares.sum(), *shares]))
    completed = places.copy()
    completed[rows] = np.array([TRAIN, *wanted])[dealt]
    return completed


def _dealt(sets: NDArray[np.int64], labels: NDArray[Any], shares: NDArray[np.float64]) -> Places:
    """Deal the sets of every class by the shares (P,); (N,), (N,) -> (N,)."""
    sizes = np.bincount(sets)  # (S,)
    classes = _class_of_each_set(sets, labels)  # (S,)
    places = np.empty(len(sizes), dtype=np.int64)  # (S,), the number of the part in PARTS
    owed = np.zeros(len(shares))
    for code in np.unique(classes):
        members = np.flatnonzero(classes == code)  # in the order of their hashes: shuffled
        members = members[np.argsort(-sizes[members], kind="stable")]  # large sets first, small ones even out
        wanted = shares * sizes[members].sum() + owed
        places[members], left = _deal(sizes[members], wanted)
        owed = left.clip(-1, 1)  # rounding evens out over classes, but no class pays for another's large set
    return places[sets]


def _class_of_each_set(sets: NDArray[np.int64], target: NDArray[Any]) -> NDArray[np.int64]:
    """The label most examples of a set have, the smallest of them if several do; (N,), (N,) -> (S,)."""
    width = int(target.max()) + 1
    pairs, counts = np.unique(sets * width + target, return_counts=True)
    numbers, labels = np.divmod(pairs, width)
    order = np.lexsort((labels, -counts, numbers))
    _, first = np.unique(numbers[order], return_index=True)
    return np.asarray(labels[order][first], dtype=np.int64)


def _deal(sizes: NDArray[np.int64], wanted: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64]]:
    """Deal sets of the given sizes (S,), largest first, each to the part that lacks most; (P,) examples are wanted.

    What a part lacks of a set with twins is counted as a share of what it wants: large sets are unlike the rest, and
    would all be in the largest part otherwise, so that the others measured something else.

    Returns the part of every set and how many examples each part still lacks (negative: has too many).
    """
    left = wanted.copy()
    empty = list(range(len(wanted)))
    places = []
    for number, size in enumerate(sizes):
        if number == 0 and len(sizes) < len(wanted):
            place = 0  # a class that is not in train cannot be learned
        else:
            last_chance = len(sizes) - number <= len(empty)
            allowed = empty if last_chance else list(range(len(wanted)))
            roomy = [place for place in allowed if size > 1 and left[place] >= size]
            place = max(roomy, key=lambda one: left[one] / wanted[one]) if roomy else max(allowed, key=left.__getitem__)
        places.append(place)
        left[place] -= size
        if place in empty:
            empty.remove(place)
    return places, left
