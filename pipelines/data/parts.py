"""The parts of a split on disk: a folder per part, one `.npy` per field, read memory-mapped."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.runtime.array_files import write_array
from pipelines.runtime.files import explaining_damage

PartName = Literal["train", "valid", "test"]
NO_PART = -1  # in place of the number of a part in PARTS: an example that is in none
PARTS: tuple[PartName, ...] = ("train", "valid", "test")


class Part(NamedTuple):
    """Aligned examples: row i of every array is the same example. N examples."""

    inputs: tuple[NDArray[Any], ...]  # one (N, ...) array per input field, in the schema's order
    target: NDArray[Any]  # (N, ...)


def write_part(folder: Path, schema: Schema, part: Part) -> None:
    for field, values in zip((*schema.inputs, schema.target), (*part.inputs, part.target), strict=True):
        write_array(folder / f"{field.name}.npy", values)


def read_part(folder: Path, schema: Schema) -> Part:
    """Read a part without loading it: the arrays are memory-mapped, and nothing can be written to them.

    A map that could be written to, even to memory alone, is refused by the system where the file is larger than memory.
    """
    arrays = []
    for field in (*schema.inputs, schema.target):
        path = folder / f"{field.name}.npy"
        with explaining_damage(path):
            arrays.append(np.load(path, mmap_mode="r", allow_pickle=False))
    return Part(tuple(arrays[:-1]), arrays[-1])


def join_parts(first: Part, second: Part) -> Part:
    """The examples of both, one behind the other, in memory."""
    inputs = tuple(np.concatenate(pair) for pair in zip(first.inputs, second.inputs, strict=True))
    return Part(inputs, np.concatenate([first.target, second.target]))


def select_rows(part: Part, rows: NDArray[np.int64]) -> Part:
    """Some of the examples, in memory."""
    return Part(tuple(values[rows] for values in part.inputs), part.target[rows])
