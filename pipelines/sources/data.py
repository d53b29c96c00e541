"""What every source returns: all examples, before anything is split."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pipelines.sources.parts import Part
from pipelines.sources.schema import Schema

CHUNK = 2**24  # bytes read at once, so that arrays larger than memory pass through


class Data(NamedTuple):
    """Every example of a problem, as the source gives it. N examples."""

    schema: Schema
    part: Part  # N rows; the arrays may be memory-mapped
    notes: tuple[str, ...] = ()  # what the source did or knows, as sentences for the manifest


def chunks(values: NDArray[Any]) -> Iterator[slice]:
    """Cut the rows of `values` (N, ...) into slices of about `CHUNK` bytes each."""
    row = max(1, values[:1].nbytes)
    step = max(1, CHUNK // row)
    for start in range(0, len(values), step):
        yield slice(start, min(start + step, len(values)))
