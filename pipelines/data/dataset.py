"""Dataset: every example of a problem, as a source returns it, before the split."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Schema

CHUNK_BYTES = 2**24  # bytes read at once, so that arrays larger than memory pass through
RARE_PIXEL_SHARE = 0.01  # share of the pixels, below which a class of masks is rare: it hardly counts in a loss
NO_KEYS: Mapping[str, NDArray[Any]] = MappingProxyType({})


class Finding(NamedTuple):
    """One thing that was checked."""

    check: str
    level: Literal["fine", "notice", "warning"]  # a notice is worth knowing, a warning may make scores wrong
    concerns: int  # how many examples, classes, cells, files or pixels
    sentence: str


class Dataset(NamedTuple):
    """Every example of a problem, as the source gives it. N examples, U rows without a target."""

    schema: Schema
    part: Part  # N rows; the arrays may be memory-mapped
    notes: tuple[str, ...] = ()  # what the source did or knows, as sentences for the manifest
    findings: tuple[Finding, ...] = ()  # what the source found wrong, and what it did about it
    keys: Mapping[str, NDArray[Any]] = NO_KEYS  # (N,) each: what a split may go by, and no network sees
    unlabelled: tuple[NDArray[Any], ...] = ()  # one (U, ...) array per input field, of rows without a target


def chunks(values: NDArray[Any]) -> Iterator[slice]:
    """Cut the rows of `values` (N, ...) into slices of about CHUNK_BYTES bytes each."""
    row_bytes = max(1, values[:1].nbytes)
    rows_per_chunk = max(1, CHUNK_BYTES // row_bytes)
    for start in range(0, len(values), rows_per_chunk):
        yield slice(start, min(start + rows_per_chunk, len(values)))
