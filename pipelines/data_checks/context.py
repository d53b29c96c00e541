"""Context of the data checks: the examples and their split."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.parts import NO_PART, PARTS
from pipelines.data.schema import Field
from pipelines.splitting.duplicates import alike_ids
from pipelines.splitting.split import SplitRows

MAX_SAMPLED_ROWS = 4096  # examples that a check looks at where all of them would take too long
SOURCE_KEYS = frozenset({"origin", "known", "part"})  # keys that a source makes, which name neither a group nor a time


class CheckContext(NamedTuple):
    """A problem's N examples and their split."""

    data: Dataset
    rows: SplitRows
    sets: NDArray[np.int64]  # (N,), sets of examples with identical inputs, but for white space and capitals of texts
    part_of: NDArray[np.int64]  # (N,), the number of each example's part in PARTS, -1 in none

    @property
    def fields(self) -> Iterator[tuple[Field, NDArray[Any]]]:
        """Each input field and its values (N, ...)."""
        return iter(zip(self.data.schema.inputs, self.data.part.inputs, strict=True))


def build_context(data: Dataset, rows: SplitRows) -> CheckContext:
    part_of = np.full(len(data.part.target), NO_PART, dtype=np.int64)
    for number, name in enumerate(PARTS):
        part_of[rows[name]] = number
    return CheckContext(data, rows, alike_ids(data.schema, data.part.inputs), part_of)


def is_table(context: CheckContext) -> bool:
    """Whether the examples are rows of a few numbers and categories, which may well be alike by chance."""
    return all(field.kind in ("number", "category") for field in context.data.schema.inputs)


def sample_rows(count: int) -> NDArray[np.int64]:
    """At most MAX_SAMPLED_ROWS of `count` rows, in order, drawn from a fixed seed: the same in every run."""
    if count <= MAX_SAMPLED_ROWS:
        return np.arange(count)
    return np.unique(np.random.default_rng(0).integers(0, count, MAX_SAMPLED_ROWS))


def format_rows(rows: NDArray[Any]) -> str:
    numbers = ", ".join(str(int(row)) for row in rows[:5])
    return f"example{'' if len(rows) == 1 else 's'} {numbers}{' ...' if len(rows) > 5 else ''}, counted from 0"
