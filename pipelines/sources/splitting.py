"""Which example goes to which part: train, valid or test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from pipelines.running.failure import Failure
from pipelines.running.files import replacing
from pipelines.sources.data import Data, chunks
from pipelines.sources.duplicates import identical
from pipelines.sources.parts import PARTS, PartName
from pipelines.sources.schema import write_schema

Rows: TypeAlias = dict[PartName, NDArray[np.int64]]  # sorted row numbers; together every row once


class SplitSettings(BaseModel):
    """`split: {valid: 0.2, test: 0.2, by: stratified}`; what is left is for training."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    valid: float = 0.2  # share of the examples that tuning and early stopping look at
    test: float = 0.2  # share of the examples that only the final scores look at
    by: str = "stratified"  # a row of BY

    @field_validator("valid", "test")
    @classmethod
    def _is_a_share(cls, share: float) -> float:
        if not 0 < share < 1:
            raise ValueError(f"must be a share of the examples, above 0 and below 1 such as 0.2, got {share:g}")
        return share

    @field_validator("by")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BY:
            raise ValueError(f"must be a way to split ({', '.join(BY)}), got {name}")
        return name

    @model_validator(mode="after")
    def _leaves_something_to_learn_from(self) -> "SplitSettings":
        if self.valid + self.test > 1 - 1e-9:
            raise ValueError(
                f"valid and test must leave examples to train on, so together be below 1, "
                f"got {self.valid:g} + {self.test:g} = {self.valid + self.test:g}"
            )
        return self


def stratified(data: Data, settings: SplitSettings, seed: int, where: str) -> Rows:
    """Give every class the same shares of every part, and identical examples one part.

    Sets of identical examples are dealt, not examples. A set with contradicting labels counts as the class most
    of its examples have. A class with three sets or more is in every part; with fewer, it is in train first. The
    result depends on the examples and the seed, not on the order in which the examples are stored.
    """
    if data.schema.target.kind != "category":
        raise Failure(
            f"{where}.by: stratified needs a target that is a category, "
            f"but {data.schema.target.name} is of kind {data.schema.target.kind}"
        )
    shares = np.array([1 - settings.valid - settings.test, settings.valid, settings.test])
    sets = identical(data.part.inputs, key=seed)  # (N,)
    sizes = np.bincount(sets)  # (S,), S sets
    classes = _class_of_each_set(sets, data.part.target)  # (S,)
    places = np.empty(len(sizes), dtype=np.int64)  # (S,), the number of the part in PARTS
    owed = np.zeros(len(PARTS))
    for code in np.unique(classes):
        members = np.flatnonzero(classes == code)  # in the order of their hashes: shuffled
        members = members[np.argsort(-sizes[members], kind="stable")]  # large sets first, small ones even out
        wanted = shares * sizes[members].sum() + owed
        places[members], left = _deal(sizes[members], wanted)
        owed = left.clip(-1, 1)  # rounding evens out over classes, but no class pays for another's large set
    return {name: np.flatnonzero(places[sets] == number) for number, name in enumerate(PARTS)}


def _class_of_each_set(sets: NDArray[np.int64], target: NDArray[Any]) -> NDArray[np.int64]:
    """The label most examples of a set have, the smallest of them if several do; (N,), (N,) -> (S,)."""
    width = int(target.max()) + 1
    pairs, counts = np.unique(sets * width + target, return_counts=True)
    numbers, labels = np.divmod(pairs, width)
    order = np.lexsort((labels, -counts, numbers))
    _, first = np.unique(numbers[order], return_index=True)
    return np.asarray(labels[order][first], dtype=np.int64)


def _deal(sizes: NDArray[np.int64], wanted: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64]]:
    """Deal sets of the given sizes (S,), each to the part that lacks most; (parts,) examples are wanted.

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
            place = max(empty if last_chance else range(len(wanted)), key=left.__getitem__)
        places.append(place)
        left[place] -= size
        if place in empty:
            empty.remove(place)
    return places, left


BY: dict[str, Callable[[Data, SplitSettings, int, str], Rows]] = {
    "stratified": stratified,  # every class has the same shares; for examples that are independent of each other
}


def split(data: Data, settings: SplitSettings, seed: int, where: str = "split") -> Rows:
    """Choose the part of every example.

    Args:
        data: N examples.
        settings: the shares and the way to split.
        seed: another seed, another split.
        where: the settings' path in params.yaml, for failures.

    Raises:
        Failure: if the data cannot be split this way, or a part would be empty.
    """
    if len(data.part.target) < len(PARTS):
        raise Failure(
            f"{where}: {len(data.part.target)} examples cannot fill the parts {', '.join(PARTS)}; add examples"
        )
    rows = BY[settings.by](data, settings, seed, where)
    empty = [name for name in PARTS if not len(rows[name])]
    if empty:
        raise Failure(
            f"{where}: no example is left for {' and '.join(empty)}: of {len(data.part.target)} examples, identical "
            f"ones stay together and a class with one or two different examples goes to train first; add examples"
        )
    return rows


def write_split(folder: Path, data: Data, rows: Rows) -> None:
    """Write `<part>/<field>.npy` and `schema.json`, a chunk at a time, so the data may be larger than memory."""
    fields = (*data.schema.inputs, data.schema.target)
    for name in PARTS:
        for field, values in zip(fields, (*data.part.inputs, data.part.target), strict=True):
            _write_rows(folder / name / f"{field.name}.npy", values, rows[name])
    write_schema(folder / "schema.json", data.schema)


def _write_rows(path: Path, values: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """One after the other, not through a memory map: on a full disk, a map ends the process without a word."""
    shape = (len(rows), *values.shape[1:])
    header = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False, "shape": shape}
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for part in chunks(np.broadcast_to(values[:1], shape)):
            stream.write(np.ascontiguousarray(values[rows[part]]).tobytes())
