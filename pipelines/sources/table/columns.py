"""Coded columns: every cell as a code, its place among the column's distinct values.

So a column of a million cells with three different values is a million small numbers and three texts, and whatever is
computed from a value is computed once for each different one. Finding out which numbers are equal costs more than
computing with them, so where numbers hardly repeat each cell keeps its own. Large columns lie on disk.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import allocate, read_batches, release_pages, released_chunks
from pipelines.sources.files.csv_table import MAX_DISTINCT_SHARE, CsvTable
from pipelines.sources.files.decimal_marks import DecimalVote
from pipelines.sources.files.typed_table import TypedTable

if TYPE_CHECKING:
    import pyarrow

SAMPLE_CELLS = 2**14  # cells by which a column of numbers that has types is said to repeat itself
PADDED_TEXT = r"^[^!-~]|[^!-~]$"  # may have spaces around it: begins or ends with no visible ASCII character


class CodedColumn(NamedTuple):
    """N cells with D different values."""

    name: str  # as it stands in the file
    codes: NDArray[np.int64]  # (N,), the place in `distinct_values`; -1 where the cell is missing
    # (D,) texts without spaces around them, numbers or times; each once, but numbers perhaps more often
    distinct_values: "pyarrow.StringArray | NDArray[Any]"
    missing_counts: dict[str, int]  # how the missing cells are written, and how many of each
    is_typed: bool = False  # the file says what the values are, so that a text is no number even if it looks like one
    decimal_vote: DecimalVote = DecimalVote()  # of numbers whose texts were not kept: what those said

    @property
    def holds_texts(self) -> bool:
        """Whether the different values are texts, neither numbers nor times."""
        return not isinstance(self.distinct_values, np.ndarray)


class Table(NamedTuple):
    """N rows."""

    columns: dict[str, CodedColumn]  # by name, in the file's order
    row_numbers: NDArray[np.int64]  # (N,), of the file, counted from 0
    file_position: Callable[[int], str]  # where a row of the file is found: "line 12"
    unsupported_columns: dict[str, str]  # columns that hold no single value per row: their name and their type
    read_cell: Callable[[str, int], str] | None = None  # a cell of the file as it stands there, by name and row

    def row_position(self, row: int) -> str:
        """Where a row (counted from 0) is found in the file: "line 12"."""
        return self.file_position(int(self.row_numbers[row]))


def table_from_csv(cells: CsvTable, missing: frozenset[str]) -> Table:
    """Turn the cells of a file into columns; one that is in `missing` but for spaces around it is missing."""
    places = allocate((len(cells),), np.int64)
    places[:] = np.arange(len(cells))
    columns = {
        name: _number_cells(name, column, places)._replace(
            missing_counts=dict(cells.parsers[name].missing_counts),
            is_typed=False,
            decimal_vote=cells.parsers[name].decimal_vote,
        )
        if name in cells.parsers
        else _encode_texts(name, column, missing)
        for name, column in zip(cells.names, cells.columns, strict=True)
    }
    return Table(columns, places, lambda row: f"line {cells.line_numbers[row]}", {}, cells.read_cell)


def table_from_typed(cells: TypedTable, missing: frozenset[str]) -> Table:
    """Turn columns that have types into coded ones; a text that is in `missing` is missing."""
    from pyarrow import types

    places = allocate((len(cells.line_numbers),), np.int64)
    places[:] = np.arange(len(places))
    columns = {}
    for name, values in cells.columns.items():
        if types.is_string(values.type):
            columns[name] = _encode_texts(name, values, missing, is_typed=cells.has_text_types)
        elif types.is_float64(values.type) and not _repeats(values):
            columns[name] = _number_cells(name, values, places)
        else:
            columns[name] = _code_typed(name, values)
    return Table(
        columns,
        places,
        lambda row: f"{cells.place_noun} {cells.line_numbers[row]}",
        dict(cells.unsupported),
    )


def _repeats(values: "pyarrow.ChunkedArray") -> bool:
    """Whether the first cells of a column hold few different values."""
    first = values.slice(0, SAMPLE_CELLS)
    return len(first.unique()) <= MAX_DISTINCT_SHARE * len(first)


def _code_typed(name: str, values: "pyarrow.ChunkedArray") -> CodedColumn:
    codes, distinct = _factorize(values)
    marks = {"null": int((codes < 0).sum())} if (codes < 0).any() else {}
    return CodedColumn(name, codes, distinct.to_numpy(zero_copy_only=False), marks, is_typed=True)


def select_rows(table: Table, rows: NDArray[np.bool_]) -> Table:
    """The rows (N,) that are true; the spellings of missing cells are counted over all rows, as the file has them."""
    if rows.all():
        return table
    kept = np.flatnonzero(rows)
    columns = {name: replace_codes(column, expand_codes(column.codes, kept)) for name, column in table.columns.items()}
    return table._replace(columns=columns, row_numbers=table.row_numbers[rows])


def replace_codes(column: CodedColumn, codes: NDArray[np.int64]) -> CodedColumn:
    """The column with other codes (N,), less the different values that none of them stands for."""
    is_used = np.bincount(codes[codes >= 0], minlength=len(column.distinct_values)) > 0
    distinct = column.distinct_values
    kept = distinct[is_used] if isinstance(distinct, np.ndarray) else distinct.filter(is_used)
    return column._replace(codes=expand_codes(np.append(np.cumsum(is_used) - 1, -1), codes), distinct_values=kept)


def expand_codes(values: NDArray[Any], codes: NDArray[np.int64]) -> NDArray[Any]:
    """`values[codes]`, (N,), of values (D,); that of a large column lies on disk."""
    expanded = allocate(codes.shape, values.dtype)
    for rows in released_chunks(expanded):
        expanded[rows] = values[codes[rows]]
    release_pages(codes)
    return expanded


def value_counts(column: CodedColumn) -> NDArray[np.int64]:
    """How many cells hold each different value, (D,)."""
    filled = column.codes if column.codes.min(initial=0) >= 0 else column.codes[column.codes >= 0]
    return np.bincount(filled, minlength=len(column.distinct_values))


def first_row_with(column: CodedColumn, selected: NDArray[np.bool_]) -> int:
    """The first row that holds one of the different values (D,) that are true in `selected`; at least one is."""
    return int(np.argmax(np.append(selected, False)[column.codes]))


def _factorize(values: "pyarrow.ChunkedArray") -> tuple[NDArray[np.int64], "pyarrow.Array"]:
    """Each cell (N,) as its place among the different ones (D,), which stand in the order in which they are met."""
    from pyarrow import types

    encoded = values.unify_dictionaries() if types.is_dictionary(values.type) else values.dictionary_encode()
    codes = allocate((len(values),), np.int64)
    start = 0
    for chunk in encoded.chunks:
        rows = slice(start, start + len(chunk))
        codes[rows] = (chunk.indices.fill_null(-1) if chunk.null_count else chunk.indices).to_numpy()
        start = rows.stop
    release_pages(codes)
    return codes, encoded.chunk(0).dictionary  # that of every chunk


def _number_cells(name: str, values: "pyarrow.ChunkedArray", places: NDArray[np.int64]) -> CodedColumn:
    """A column of numbers, each cell a value of its own; `places` (N,) counts the rows."""
    is_filled = values.is_valid().to_numpy() if values.null_count else None
    codes, numbers, start = places, allocate((len(values) - values.null_count,), np.float64), 0
    for chunk in values.drop_null().chunks:
        numbers[start : start + len(chunk)] = chunk.to_numpy()
        start += len(chunk)
    if is_filled is not None:
        codes = allocate(places.shape, np.int64)
        codes[:] = np.where(is_filled, np.cumsum(is_filled) - 1, -1)
        release_pages(codes)
    release_pages(numbers)
    marks = {"null": values.null_count} if values.null_count else {}
    return CodedColumn(name, codes, numbers, marks, is_typed=True)


def _encode_texts(
    name: str, texts: "pyarrow.ChunkedArray", missing: frozenset[str], *, is_typed: bool = False
) -> CodedColumn:
    """Strip the different texts, join those that are equal then, and leave out those that mean a missing cell."""
    import pyarrow
    from pyarrow import compute

    codes, distinct = _factorize_stripped(texts)
    null_count = texts.null_count
    missing_counts = {"null": null_count} if null_count else {}
    marks = pyarrow.array(sorted(missing), pyarrow.string())
    is_mark = compute.is_in(distinct, value_set=marks).to_numpy(zero_copy_only=False)
    if is_mark.any():
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        for mark, count in zip(distinct.filter(is_mark).to_pylist(), counts[is_mark], strict=True):
            missing_counts[mark] = missing_counts.get(mark, 0) + int(count)
        _replace_in_place(codes, np.where(is_mark, -1, np.cumsum(~is_mark) - 1))
        distinct = distinct.filter(~is_mark)
    return CodedColumn(name, codes, _store_array(distinct), missing_counts, is_typed)


def _factorize_stripped(texts: "pyarrow.ChunkedArray") -> tuple[NDArray[np.int64], "pyarrow.Array"]:
    """Each cell (N,) as its place among the different ones (D,) without the spaces around them."""
    import pyarrow
    from pyarrow import compute

    codes, distinct = _factorize(texts)
    padded = compute.match_substring_regex(distinct, PADDED_TEXT)
    if not compute.any(padded).as_py():
        return codes, distinct
    stripped = pyarrow.array([text.strip() for text in distinct.filter(padded).to_pylist()], pyarrow.string())
    bare = compute.replace_with_mask(distinct, padded, stripped).dictionary_encode()
    _replace_in_place(codes, bare.indices.to_numpy())
    return codes, bare.dictionary


def _replace_in_place(codes: NDArray[np.int64], replacements: NDArray[np.integer]) -> None:
    """Give every code (N,) its replacement (D,); -1 stays."""
    table = np.append(replacements, -1)
    for rows in released_chunks(codes):
        codes[rows] = table[codes[rows]]


def _store_array(values: "pyarrow.Array") -> "pyarrow.Array":
    """The same values; many of them on disk."""
    import pyarrow

    batch = pyarrow.record_batch([values], names=["values"])
    reader = pyarrow.RecordBatchReader.from_batches(batch.schema, [batch])
    return read_batches(reader, values.nbytes).column(0).chunk(0)
