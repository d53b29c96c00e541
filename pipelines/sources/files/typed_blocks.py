"""Blocks of rows with typed cells, turned into columns one after the other: a file may be larger than memory.

A column's type is known when all of its cells were seen. So each block has the types of its own cells, is kept in a
store that goes to disk when it is large, and is changed at the end where another block held something else.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, final
from uuid import UUID

import numpy as np

from pipelines.data.large_arrays import BatchStore, allocate
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_cells import clean_names
from pipelines.sources.files.typed_table import TypedTable, format_cell

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")

BLOCK_ROWS = 2**14  # rows that are turned into columns at once
MAX_EXACT_INTEGER = 2**53  # up to which a float64 holds every whole number
PLACES = "places"  # the first column of a stored block


class TypedRow(NamedTuple):
    """The cells of one row, and where it is: the line of a file or the row of a sheet, counted from 1."""

    place: int
    cells: Sequence[Any]


def build_typed_table(
    location: str, names: Sequence[str], rows: Iterator[TypedRow], place_noun: str, row_count: int | None = None
) -> TypedTable:
    """Turn rows into columns of one type each; a column of several kinds of cells is one of texts.

    Args:
        location: where the rows are from, for failures.
        names: of the columns, as they stand there.
        rows: N rows with a cell for each column; None is a missing one.
        place_noun: what a row's place counts.
        row_count: N, or about so many; None where nobody knows before they are read.

    Raises:
        UserError: there is no column or no row, or two columns have one name.
    """
    columns = TypedColumns(location, place_noun)
    columns.add_names(names)
    for block in split_blocks(rows, row_count):
        cells = zip(*(row.cells for row in block), strict=True)
        columns.add([row.place for row in block], dict(enumerate(cells)))
    return columns.build()


def split_blocks(rows: Iterator[T], row_count: int | None) -> Iterator[list[T]]:
    """BLOCK_ROWS rows at a time; it is shown how far they are where that takes long."""
    blocks = iter(lambda: list(islice(rows, BLOCK_ROWS)), [])
    block_count = None if row_count is None else math.ceil(row_count / BLOCK_ROWS)
    return show_progress(blocks, f"block of {BLOCK_ROWS} rows", block_count)


@final
class TypedColumns:
    """The columns of a typed table, made block by block."""

    def __init__(self, location: str, place_noun: str) -> None:
        self._location = location
        self._place_noun = place_noun
        self._names: tuple[str, ...] = ()
        self._kinds: list[set[str]] = []  # of each column's cells so far: keys of ARROW_TYPES, or what is not supported
        self._store = BatchStore()
        self._row_count = 0

    def add_names(self, names: Sequence[str]) -> None:
        """Name all columns that are known by now; in rows that were added before, the new ones are missing.

        Raises:
            UserError: two columns have one name.
        """
        self._names = clean_names(names)
        if doubled := next((name for name in self._names if self._names.count(name) > 1), None):
            raise UserError(f"{self._location}: two columns are called {doubled!r}; give each column a name of its own")
        self._kinds += [set() for _ in self._names[len(self._kinds) :]]

    def add(self, places: Sequence[int], cells: Mapping[int, Sequence[Any]]) -> None:
        """Add R rows: where each is, and (R,) cells of every column by its place among the names."""
        import pyarrow

        arrays = [pyarrow.array(places, pyarrow.int64())]
        for kinds, column in zip(self._kinds, (cells[place] for place in range(len(self._kinds))), strict=True):
            array, found = _to_array(column)
            kinds |= found
            arrays.append(array)
        self._store.add(pyarrow.record_batch(arrays, [PLACES, *map(str, range(len(self._kinds)))]))
        self._row_count += len(places)

    def build(self) -> TypedTable:
        """The table.

        Raises:
            UserError: there is no column or no row.
        """
        if not self._row_count or not self._names:
            raise UserError(f"{self._location} is empty: it must hold at least one column and one row")
        batches = self._store.take_batches()
        lines, start = allocate((self._row_count,), np.int64), 0
        for batch in batches:
            lines[start : start + batch.num_rows] = batch.column(0)
            start += batch.num_rows
        columns, unsupported = {}, {}
        for place, (name, kinds) in enumerate(zip(self._names, self._kinds, strict=True), start=1):
            if others := kinds - ARROW_TYPES.keys():
                unsupported[name] = min(others)
            else:
                columns[name] = _join_column(batches, place, next(iter(kinds)) if len(kinds) == 1 else "text")
        return TypedTable(columns, lines, self._place_noun, unsupported)


ARROW_TYPES = {"number": "float64", "time": "timestamp[us]", "text": "string"}


def _to_array(cells: Sequence[Any]) -> "tuple[pyarrow.Array, set[str]]":
    """A block of a column, and what it holds; texts if that is several kinds, nulls if it is no single value."""
    import pyarrow

    if (array := _to_clean_array(cells)) is not None:
        is_filled = array.null_count < len(array)
        return array, {"text" if array.type == "string" else "number"} if is_filled else set()
    values = [_clean_cell(cell) for cell in cells]
    kinds = {CELL_KINDS.get(one, f"values of type {one.__name__}") for one in set(map(type, values)) - {type(None)}}
    if not kinds <= ARROW_TYPES.keys():
        return pyarrow.nulls(len(values)), kinds
    kind = next(iter(kinds)) if len(kinds) == 1 else "text"
    if kind == "text":
        values = [None if value is None else format_cell(value) for value in values]
    return pyarrow.array(values, ARROW_TYPES[kind]), kinds


def _to_clean_array(cells: Sequence[Any]) -> "pyarrow.Array | None":
    """Cells of numbers alone, or of texts, at once; None where each has to be looked at."""
    import pyarrow
    from pyarrow import compute

    types = set(map(type, cells)) - {type(None)}
    try:
        if types <= {int, float}:
            return pyarrow.array(cells, "float64", from_pandas=True)  # which has NaN for a missing cell
        return compute.replace_substring(pyarrow.array(cells, "string"), "\0", " ") if types == {str} else None
    except (pyarrow.ArrowInvalid, OverflowError, UnicodeError):  # whole numbers beyond a float64's, half a character
        return None


def _join_column(batches: "Sequence[pyarrow.RecordBatch]", place: int, kind: str) -> "pyarrow.ChunkedArray":
    """A column of all blocks; it is missing in those before which it was not known."""
    import pyarrow

    wanted = pyarrow.type_for_alias(ARROW_TYPES[kind])
    blocks = [
        batch.column(place) if place < batch.num_columns else pyarrow.nulls(batch.num_rows, wanted) for batch in batches
    ]
    return pyarrow.chunked_array(
        [block if block.type == wanted else _as_type(block, wanted) for block in blocks], wanted
    )


def _as_type(block: "pyarrow.Array", wanted: "pyarrow.DataType") -> "pyarrow.Array":
    """An array of nulls as one of another type, and any other as its texts."""
    import pyarrow

    if block.null_count == len(block):
        return pyarrow.nulls(len(block), wanted)
    return pyarrow.array([None if cell is None else format_cell(cell) for cell in block.to_pylist()], wanted)


def _clean_cell(cell: Any) -> Any:
    """A cell as one of the types that a column may have; None where it is missing."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, Decimal):
        cell = float(cell)
    if isinstance(cell, int):
        return float(cell) if abs(cell) <= MAX_EXACT_INTEGER else str(cell)
    if isinstance(cell, float):
        return None if cell != cell else cell
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).replace(tzinfo=None) if cell.tzinfo else cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    if isinstance(cell, time | timedelta | UUID):
        return str(cell)
    if isinstance(cell, str):
        return cell.replace("\0", " ").encode(errors="replace").decode()
    return cell


CELL_KINDS: dict[type, str] = {
    float: "number",
    datetime: "time",
    str: "text",
    list: "lists",
    dict: "objects",
    bytes: "bytes",
    memoryview: "bytes",
}
