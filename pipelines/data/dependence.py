"""Dependence of a part's rows: which of them belong together, so that they are resampled and tested together.

Rows that are alone say most about what another sample would give. Rows of one group (a person, a writer, a module), or
copies of one example, rise and fall together; forecasts of one series drift together; windows that overlap repeat each
other.

N rows.
"""

from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.array_files import write_arrays
from pipelines.runtime.files import explaining_damage

FILE_NAME = "dependence.npz"  # beside a part's fields, which are .npy; absent where every row is alone

DependenceKind = Literal["alone", "clusters", "series", "overlapping"]


class Dependence(NamedTuple):
    """How the rows of a part depend on each other, and what says so."""

    kind: DependenceKind = "alone"
    units: NDArray[np.int64] | None = None  # (N,): the number of a row's cluster, or its place in time; None: alone


ALONE = Dependence()


def write_dependence(folder: Path, dependence: Dependence) -> None:
    """Write what is known of a part's rows; nothing where they are alone."""
    if dependence.units is not None:
        write_arrays(folder / FILE_NAME, {"kind": np.array(dependence.kind), "units": dependence.units})


def read_dependence(folder: Path) -> Dependence:
    path = folder / FILE_NAME
    if not path.exists():
        return ALONE
    with explaining_damage(path), np.load(path, allow_pickle=False) as arrays:
        return parse_dependence(str(arrays["kind"]), arrays["units"])


def parse_dependence(kind: str, units: NDArray[np.int64]) -> Dependence:
    """Dependence as it was stored."""
    found: DependenceKind = next(one for one in get_args(DependenceKind) if one == kind)
    return Dependence(found, units)
