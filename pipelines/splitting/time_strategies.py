"""Split strategies by time: train on the past, test on the future; embargo, rolling origins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.parts import NO_PART, PARTS
from pipelines.runtime.user_error import UserError
from pipelines.splitting.dealing import cut_by_shares
from pipelines.splitting.request import TRAIN_PART, PartNumbers, SplitRequest, key_values, part_shares, shuffled_groups


def split_by_time(request: SplitRequest) -> PartNumbers:
    """Train on what was first, validate on what came then, test on what came last; equal times stay together.

    Windows of a series: a part keeps no window whose future reaches into the next part, and valid and test keep
    only windows whose futures do not overlap (rolling origins). Within `embargo` after a boundary, windows whose
    first forecast step is there (or so many of the other examples) are in no part.
    """
    target = request.data.schema.target
    if "origin" in request.data.keys and target.kind == "steps":
        return _split_rolling_origin(request, target.shape[0])
    distinct_times, time_numbers = np.unique(_time_values(request), return_inverse=True)
    if len(distinct_times) < len(PARTS):
        raise UserError(
            f"{request.where}.by: time needs at least {len(PARTS)} different times, found {len(distinct_times)}; "
            "add data or split another way"
        )
    part_of = cut_by_shares(np.bincount(time_numbers), part_shares(request.settings))[time_numbers]
    for part in range(1, len(PARTS)) if request.settings.embargo else ():
        members = np.flatnonzero(part_of == part)
        last = np.sort(time_numbers[members])[: request.settings.embargo][-1]
        part_of[members[time_numbers[members] <= last]] = NO_PART
    return part_of


def split_by_group_in_time(request: SplitRequest) -> PartNumbers:
    """Keep each group in one part; the groups that were seen last are tested on."""
    groups, order = shuffled_groups(request)
    times = _time_values(request)
    _, time_numbers = np.unique(times, return_inverse=True)
    latest = np.zeros(len(order), dtype=np.int64)
    np.maximum.at(latest, groups, time_numbers)
    order = order[np.argsort(latest[order], kind="stable")]
    part_of = np.empty(len(order), dtype=np.int64)
    part_of[order] = cut_by_shares(np.bincount(groups)[order], part_shares(request.settings))
    return part_of[groups]


def sees_future(data: Dataset) -> NDArray[np.bool_]:
    """Which windows of a series (N,) hold a value that was made from the steps they are to forecast."""
    if "known" in data.keys and "origin" in data.keys:
        return np.asarray(data.keys["known"] >= data.keys["origin"])
    return np.zeros(len(data.part.target), dtype=np.bool_)


def _time_values(request: SplitRequest) -> NDArray[Any]:
    """When each example was, (N,): dates or numbers."""
    name = request.settings.time or "time"
    values = key_values(request, name)
    if values.dtype.kind not in "Miuf":
        raise UserError(
            f"{request.where}.by: {request.settings.by} needs dates or numbers as {name}, but {name} is text such as "
            f"{str(values[0])!r}; write dates as 2024-12-31"
        )
    return values


def _split_rolling_origin(request: SplitRequest, horizon: int) -> PartNumbers:
    """Windows of a series by time, without those whose future straddles a boundary or overlaps an earlier one's.

    The boundaries are as near to the shares as leaves a window in each part.
    """
    origin, embargo = request.data.keys["origin"], request.settings.embargo
    usable = ~sees_future(request.data)
    order = np.unique(origin[usable])
    if len(order) < len(PARTS):
        raise UserError(f"{request.where}.by: time needs at least {len(PARTS)} windows, found {len(order)}; add data")
    nominal_part = cut_by_shares(np.ones(len(order), dtype=np.int64), part_shares(request.settings))
    test = min(order[nominal_part == 2][0], order[-1] - embargo)
    before_test = order[order + horizon <= test]
    valid = min(order[nominal_part == 1][0], (before_test[-1] if len(before_test) else order[0]) - embargo)
    starts, ends = (order[0], valid + embargo, test + embargo), (valid, test, order[-1] + horizon)
    part_of = np.full(len(origin), NO_PART, dtype=np.int64)
    for part, (start, end) in enumerate(zip(starts, ends, strict=True)):
        members = np.flatnonzero(usable & (origin >= start) & (origin + horizon <= end))
        members = members[np.argsort(origin[members], kind="stable")]
        part_of[members if part == TRAIN_PART else select_non_overlapping(members, origin, horizon)] = part
    return part_of


def select_non_overlapping(members: NDArray[np.int64], origin: NDArray[np.int64], horizon: int) -> NDArray[np.int64]:
    """Of windows in the order of their origins, each that starts where the one chosen before it ends, or later."""
    chosen: list[int] = []
    for row in members:
        if not chosen or origin[row] >= origin[chosen[-1]] + horizon:
            chosen.append(int(row))
    return np.array(chosen, dtype=np.int64)
