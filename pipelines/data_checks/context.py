"""What the checks of the data look at, and the words they share."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Data
from pipelines.data.parts import PARTS
from pipelines.data.schema import Field
from pipelines.splitting.duplicates import identical
from pipelines.splitting.split import Rows

NONE = -1
OWN_KEYS = frozenset({"origin", "known", "part"})  # keys that a source makes, which name neither a group nor a time


class Examined(NamedTuple):
    """A problem's N examples and their split."""

    data: Data
    rows: Rows
    sets: NDArray[np.int64]  # (N,), which examples have identical inputs
    part_of: NDArray[np.int64]  # (N,), the number of each example's part in PARTS, -1 in none

    @property
    def fields(self) -> Iterator[tuple[Field, NDArray[Any]]]:
        """Each input field and its values (N, ...)."""
        return iter(zip(self.data.schema.inputs, self.data.part.inputs, strict=True))


def examine(data: Data, rows: Rows) -> Examined:
    part_of = np.full(len(data.part.target), NONE, dtype=np.int64)
    for number, name in enumerate(PARTS):
        part_of[rows[name]] = number
    return Examined(data, rows, identical(data.part.inputs), part_of)


def is_table(seen: Examined) -> bool:
    """Whether the examples are rows of a few numbers and categories, which may well be alike by chance."""
    return all(field.kind in ("number", "category") for field in seen.data.schema.inputs)


def count_of(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def names_of(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def rows_of(rows: NDArray[Any]) -> str:
    said = ", ".join(str(int(row)) for row in rows[:5])
    return f"example{'' if len(rows) == 1 else 's'} {said}{' ...' if len(rows) > 5 else ''}, counted from 0"
