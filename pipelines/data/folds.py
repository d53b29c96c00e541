"""Folds: which rows each fold trains on and which it holds out, of the train part followed by the validation part.

Small data is used whole: every row is held out by one fold and trained on by others, and what is chosen is chosen by
what models answer for the rows they have not seen. A split without folds is a holdout: the validation part is held out,
and the train part is trained on.

K folds, N rows of the train part and, behind them, of the validation part.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence, parse_dependence
from pipelines.runtime.array_files import write_arrays
from pipelines.runtime.files import explaining_damage

UNUSED, TRAINED, HELD_OUT = 0, 1, 2  # what a row is to a fold


class Folds(NamedTuple):
    """The role of every row in every fold.

    The first fold holds out the validation part; a search works on it, and its better trials on the second as well.
    """

    roles: NDArray[np.int8]  # (K, N)
    by_time: bool = False  # whether a fold trains on the past alone; then the first rows are held out by none
    dependence: Dependence = ALONE  # of the rows that a fold holds out, in their order

    @property
    def number(self) -> int:
        """K; 0 is a holdout."""
        return len(self.roles)

    @property
    def names(self) -> list[str]:
        """What the models are called that are trained on each of them."""
        return [f"fold-{fold}" for fold in range(self.number)]

    def trained(self, fold: int) -> NDArray[np.int64]:
        """The rows that a fold trains on."""
        return np.flatnonzero(self.roles[fold] == TRAINED)

    def held_out(self, fold: int) -> NDArray[np.int64]:
        """The rows that a fold holds out."""
        return np.flatnonzero(self.roles[fold] == HELD_OUT)


HOLDOUT = Folds(np.zeros((0, 0), np.int8))


def write_folds(path: Path, folds: Folds) -> None:
    arrays = {"roles": folds.roles, "by_time": np.array(folds.by_time)}
    if folds.dependence.units is not None:
        arrays |= {"kind": np.array(folds.dependence.kind), "units": folds.dependence.units}
    write_arrays(path, arrays)


def read_folds(path: Path) -> Folds:
    with explaining_damage(path), np.load(path, allow_pickle=False) as arrays:
        dependence = parse_dependence(str(arrays["kind"]), arrays["units"]) if "units" in arrays else ALONE
        return Folds(arrays["roles"], bool(arrays["by_time"]), dependence)
