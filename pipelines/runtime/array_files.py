"""Atomic writes of NumPy arrays; apart from files.py, so that writing JSON does not import NumPy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.files import atomic_write


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one `.npy` file; object arrays are refused, because reading one runs a pickle."""
    with atomic_write(path) as temporary:
        np.save(temporary, array, allow_pickle=False)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write one `.npz` file, in the mapping's order; the bytes hold no date."""
    with atomic_write(path) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)
