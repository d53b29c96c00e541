"""Which example goes to which part: train, valid or test; and the parts on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Data, chunks
from pipelines.data.parts import PARTS, PartName, read_part
from pipelines.data.schema import Schema, write_schema
from pipelines.runtime.files import replacing
from pipelines.runtime.user_error import Failure
from pipelines.splitting import strategies as ways
from pipelines.splitting.duplicates import identical
from pipelines.splitting.settings import By, SplitSettings

__all__ = ["BY", "Rows", "SplitSettings", "split", "write_split"]

Rows: TypeAlias = dict[PartName, NDArray[np.int64]]  # sorted row numbers; no row twice, a row may be in no part

BY: dict[By, Callable[[ways.Case], ways.Places]] = {
    "stratified": ways.stratified,  # every class has the same shares; for examples that are independent of each other
    "random": ways.random,  # the same for a target that has no classes
    "group": ways.group,  # all examples of a person, a site or a machine in one part; the scores are a stranger's
    "time": ways.time,  # trained on the past, tested on the future; for series, and whatever drifts
    "group_in_time": ways.group_in_time,  # whole groups, the latest ones for the test
    "column": ways.column,  # as the values of a column say
    "given": ways.given,  # as the data came: a file or a folder for each part
}


def split(data: Data, settings: SplitSettings, seed: int, where: str = "split") -> Rows:
    """Choose the part of every example, or none.

    Whatever the way, identical examples are in one part: if a way puts them in several, the last of these keeps its
    own and the earlier ones lose theirs. A window of a series that knows its own future is in none.

    Args:
        data: N examples.
        settings: the shares and the way to split.
        seed: another seed, another split.
        where: the settings' path in params.yaml, for failures.

    Raises:
        Failure: if the data cannot be split this way, or a part would be empty.
    """
    count = len(data.part.target)
    if count < len(PARTS):
        raise Failure(f"{where}: {count} examples cannot fill the parts {', '.join(PARTS)}; add examples")
    sets = identical(data.part.inputs, key=seed)
    places = BY[settings.by](ways.Case(data, sets, settings, seed, where))
    places = ways.apart(sets, np.where(ways.foreseen(data), ways.NONE, places))
    rows: Rows = {name: np.flatnonzero(places == number) for number, name in enumerate(PARTS)}
    empty = [name for name in PARTS if not len(rows[name])]
    if empty:
        left_out = np.count_nonzero(places == ways.NONE)
        why = (
            "ones stay together and a class with one or two different examples goes to train first; add examples"
            if settings.by == "stratified"
            else f"ones stay in one part and by: {settings.by} leaves {left_out} in none; change the shares"
            f"{' or the embargo' if settings.embargo else ''}, or add examples"
        )
        raise Failure(f"{where}: no example is left for {' and '.join(empty)}: of {count} examples, identical {why}")
    return rows


def write_split(folder: Path, data: Data, rows: Rows) -> None:
    """Write `<part>/<field>.npy` and `schema.json`, a chunk at a time, so the data may be larger than memory.

    What a schema holds that must be learned, the vocabulary of a text, is learned from the train part.
    """
    fields = (*data.schema.inputs, data.schema.target)
    for name in PARTS:
        for field, values in zip(fields, (*data.part.inputs, data.part.target), strict=True):
            _write_rows(folder / name / f"{field.name}.npy", values, rows[name])
    write_schema(folder / "schema.json", _fitted(data.schema, folder / "train"))


def _fitted(schema: Schema, train: Path) -> Schema:
    if not any(field.kind == "text" for field in schema.inputs):
        return schema
    from pipelines.data.text import fitted

    return fitted(schema, read_part(train, schema))


def _write_rows(path: Path, values: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """One after the other, not through a memory map: on a full disk, a map ends the process without a word."""
    shape = (len(rows), *values.shape[1:])
    header = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False, "shape": shape}
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for part in chunks(np.broadcast_to(values[:1], shape)):
            stream.write(np.ascontiguousarray(values[rows[part]]).tobytes())
