"""Folds of a split: the rows outside the test part, dealt as the split goes.

The first fold holds out the validation part. The others hold out what was the train part: dealt by class, by group or
at random, or, where the split is by time, windows of time, each trained on what was before it (expanding windows).

N examples, M of them in the train part.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipelines.data.folds import HELD_OUT, TRAINED, UNUSED
from pipelines.splitting.dealing import deal_by_class
from pipelines.splitting.request import SplitRequest, key_values
from pipelines.splitting.settings import SplitStrategy
from pipelines.splitting.time_strategies import select_non_overlapping

DEFAULT_FOLDS = 5
FOLDED_ROWS = 5_000  # examples below which folds are the default: there a single holdout is too small to choose by

FoldMaker = Callable[[SplitRequest, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int], NDArray[np.int8]]


def validation_share(by: SplitStrategy, test: float, folds: int) -> float:
    """The share of the examples that the first fold holds out; by time, as much again is only trained on."""
    return (1 - test) / (folds + 1 if by == "time" else folds)


def make_folds(
    request: SplitRequest,
    train: NDArray[np.int64],
    valid: NDArray[np.int64],
    clusters: NDArray[np.int64],
    folds: int,
) -> NDArray[np.int8]:
    """The roles of the rows of train, then of valid, in each of so many folds: (K, M + V).

    Args:
        train: the examples in the train part, (M,).
        valid: the examples in the validation part, (V,).
        clusters: which examples belong together, (N,); no two folds share one.
    """
    return FOLD_MAKERS[request.settings.by](request, train, valid, clusters, folds)


def _deal_folds(
    request: SplitRequest,
    train: NDArray[np.int64],
    valid: NDArray[np.int64],
    clusters: NDArray[np.int64],
    folds: int,
) -> NDArray[np.int8]:
    _, units = np.unique((clusters if request.settings.by == "group" else request.sets)[train], return_inverse=True)
    is_stratified = request.settings.by == "stratified"
    labels = request.data.part.target[train] if is_stratified else np.zeros(len(train), dtype=np.int64)
    dealt = deal_by_class(units.astype(np.int64), labels, np.full(folds - 1, 1 / (folds - 1)))
    fold_of = np.concatenate([1 + dealt, np.zeros(len(valid), dtype=np.int64)])
    return np.where(fold_of == np.arange(folds)[:, None], HELD_OUT, TRAINED).astype(np.int8)


def _cut_windows(
    request: SplitRequest,
    train: NDArray[np.int64],
    valid: NDArray[np.int64],
    clusters: NDArray[np.int64],
    folds: int,
) -> NDArray[np.int8]:
    target, keys = request.data.schema.target, request.data.keys
    if "origin" in keys and target.kind == "steps":
        return _cut_series(request, train, valid, target.shape[0], folds)
    embargo = request.settings.embargo
    _, times = np.unique(key_values(request, request.settings.time or "time")[train], return_inverse=True)
    windows = _window_numbers(times, folds)
    roles = np.full((folds, len(train) + len(valid)), UNUSED, dtype=np.int8)
    roles[0] = np.where(np.arange(len(train) + len(valid)) < len(train), TRAINED, HELD_OUT)
    for fold, window in enumerate(range(folds - 1, 0, -1), start=1):
        members = np.flatnonzero(windows == window)
        if embargo and len(members):
            members = members[times[members] > np.sort(times[members])[:embargo][-1]]
        roles[fold, np.flatnonzero(windows < window)] = TRAINED
        roles[fold, members] = HELD_OUT
    return roles


def _cut_series(
    request: SplitRequest, train: NDArray[np.int64], valid: NDArray[np.int64], horizon: int, folds: int
) -> NDArray[np.int8]:
    """Windows of a series: no future of a row that is trained on reaches into those held out, which do not overlap."""
    origins, embargo = np.asarray(request.data.keys["origin"])[train], request.settings.embargo
    _, numbers = np.unique(origins, return_inverse=True)
    windows = _window_numbers(numbers, folds)
    roles = np.full((folds, len(train) + len(valid)), UNUSED, dtype=np.int8)
    roles[0] = np.where(np.arange(len(train) + len(valid)) < len(train), TRAINED, HELD_OUT)
    end = origins.max() + horizon
    for fold, window in enumerate(range(folds - 1, 0, -1), start=1):
        if not (windows == window).any():
            return roles
        start = origins[windows == window].min()
        members = np.flatnonzero((origins >= start + embargo) & (origins + horizon <= end))
        members = members[np.argsort(origins[members], kind="stable")]
        roles[fold, np.flatnonzero(origins + horizon <= start)] = TRAINED
        roles[fold, select_non_overlapping(members, origins, horizon)] = HELD_OUT
        end = start
    return roles


def _window_numbers(times: NDArray[np.int64], windows: int) -> NDArray[np.int64]:
    """Cut examples at numbered times (M,) into so many windows of about as many each; equal times stay together.

    >>> _window_numbers(np.array([0, 0, 1, 2, 3, 3]), 3).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    sizes = np.bincount(times)
    middles = np.cumsum(sizes) - sizes / 2
    window_of: NDArray[np.int64] = (middles * windows / sizes.sum()).astype(np.int64)
    return window_of[times]


FOLD_MAKERS: dict[SplitStrategy, FoldMaker] = {  # the others are a holdout: their parts are the user's, or few groups
    "stratified": _deal_folds,
    "random": _deal_folds,
    "group": _deal_folds,
    "time": _cut_windows,
}
