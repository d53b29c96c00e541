"""Unlabelled rows: inputs without a target, in a folder beside the train part; some contenders learn from them.

U rows.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.runtime.array_files import write_array
from pipelines.runtime.files import explaining_damage


def unlabelled_folder(train_folder: Path) -> Path:
    return train_folder / "unlabelled"


def write_unlabelled(train_folder: Path, schema: Schema, inputs: Sequence[NDArray[Any]]) -> None:
    """Write one `.npy` per input field, (U, ...); no folder where there are no such rows."""
    folder = unlabelled_folder(train_folder)
    shutil.rmtree(folder, ignore_errors=True)
    if not inputs or not len(inputs[0]):
        return
    for field, values in zip(schema.inputs, inputs, strict=True):
        write_array(folder / f"{field.name}.npy", values)


def read_unlabelled(train_folder: Path, schema: Schema) -> tuple[NDArray[Any], ...]:
    """One (U, ...) array per input field, memory-mapped; none where there are no such rows."""
    folder = unlabelled_folder(train_folder)
    if not folder.exists():
        return ()
    arrays = []
    for field in schema.inputs:
        path = folder / f"{field.name}.npy"
        with explaining_damage(path):
            arrays.append(np.load(path, mmap_mode="r", allow_pickle=False))
    return tuple(arrays)
