"""Split request: the dataset and the settings, with keys, groups and shares looked up. N examples."""

import hashlib
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.parts import PARTS
from pipelines.runtime.user_error import UserError
from pipelines.splitting.settings import SplitSettings

TRAIN_PART = 0  # its number in PARTS

PartNumbers: TypeAlias = NDArray[np.int64]  # (N,), each example's number of a part in PARTS, or NO_PART


class SplitRequest(NamedTuple):
    """What is to be split, and how."""

    data: Dataset
    sets: NDArray[np.int64]  # (N,), which examples are identical, numbered in an order as good as shuffled
    settings: SplitSettings
    seed: int
    where: str  # the settings' path in params.yaml, for failures


def key_values(request: SplitRequest, name: str) -> NDArray[Any]:
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


def part_shares(settings: SplitSettings) -> NDArray[np.float64]:
    """The shares of train, valid and test, (3,)."""
    return np.array([1 - settings.holdout - settings.test, settings.holdout, settings.test])


def shuffled_groups(request: SplitRequest) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The group of each example (N,), and an order of the G groups (G,) that is as good as shuffled."""
    name = request.settings.group or "group"
    values, groups = np.unique(key_values(request, name), return_inverse=True)
    if len(values) < len(PARTS):
        raise UserError(
            f"{request.where}.by: {request.settings.by} needs at least {len(PARTS)} groups, one for each part, "
            f"but {name} has {len(values)}; add groups or split another way"
        )
    key = str(request.seed).encode()
    digests = [hashlib.blake2b(str(value).encode(), digest_size=16, key=key).hexdigest() for value in values]
    return groups, np.argsort(digests, kind="stable")
