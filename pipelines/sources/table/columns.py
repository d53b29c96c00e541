"""Coded columns: every cell as a code, its place among the column's distinct values.

So a column of a million cells with three different values is a million small numbers and three texts, and whatever is
computed from a value is computed once for each different one. Finding out which numbers are equal costs more than
computing with them, so where numbers hardly repeat each cell keeps its own. Large columns lie on disk.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import allocate, read_batches, release_pages, released_chunks
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_table import CsvTable
from pipelines.sources.files.encoding import read_bytes

if TYPE_CHECKING:
    import pyarrow

PADDED_TEXT = r"^[^!-~]|[^!-~]$"  # may have spaces around it: begins or ends with no visible ASCII character
CANONICAL_NUMBER = r"^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)?$"  # 1234.5, 1e-3; or an empty cell
MAX_REPEAT_SAMPLE = 10_000  # cells of a column that are looked at to tell whether its values repeat
MIN_DISTINCT_SHARE = 0.5  # share of the sampled cells that differ, from which numbers hardly repeat
MAX_UNIQUE_BYTES = 2**31 - 1  # bytes of a pyarrow.StringArray


class CodedColumn(NamedTuple):
    """N cells with D different values."""

    name: str  # as it stands in the file
    codes: NDArray[np.int64]  # (N,), the place in `distinct_values`; -1 where the cell is missing
    # (D,) texts without spaces around them, numbers or times; each once, but texts that are numbers perhaps more often
    distinct_values: "pyarrow.StringArray | NDArray[Any]"
    missing_counts: dict[str, int]  # how the missing cells are written, and how many of each
    is_typed: bool = False  # the file says what the values are, so that a text is no number even if it looks like one

    @property
    def holds_texts(self) -> bool:
        """Whether the different values are texts; numbers and times stand in a typed file alone."""
        return not isinstance(self.distinct_values, np.ndarray)


class Table(NamedTuple):
    """N rows."""

    columns: dict[str, CodedColumn]  # by name, in the file's order
    row_numbers: NDArray[np.int64]  # (N,), of the file, counted from 0
    file_position: Callable[[int], str]  # where a row of the file is found: "line 12"
    unsupported_columns: dict[str, str]  # columns that hold no single value per row: their name and their type

    def row_position(self, row: int) -> str:
        """Where a row (counted from 0) is found in the file: "line 12"."""
        return self.file_position(int(self.row_numbers[row]))


def table_from_csv(cells: CsvTable, missing: frozenset[str]) -> Table:
    """Turn the texts of a file into columns; a cell that is in `missing` but for spaces around it is missing."""
    columns = {
        name: _encode_texts(name, texts, missing) for name, texts in zip(cells.names, cells.columns, strict=True)
    }
    return Table(columns, np.arange(len(cells)), lambda row: f"line {cells.line_numbers[row]}", {})


def read_parquet(path: Path, missing: frozenset[str]) -> Table:
    """Read a Parquet file; its columns are what it says they are.

    Raises:
        UserError: the file cannot be read, is damaged, has no rows, or has two columns of one name.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(pyarrow.BufferReader(read_bytes(path))).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is not a whole Parquet file ({' '.join(str(error).split())[:120]})") from None
    names = table.column_names
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"{path}: two columns are called {doubled!r}; give each column a name of its own")
    if not table.num_rows or not names:
        raise UserError(f"{path} is empty: it must hold at least one column and one row")
    columns, unsupported = {}, {}
    for name in names:
        column = _convert_parquet_column(name, table.column(name), missing)
        if column is None:
            unsupported[name] = str(table.schema.field(name).type)
        else:
            columns[name] = column
    return Table(columns, np.arange(table.num_rows), lambda row: f"row {row + 1}", unsupported)


def _convert_parquet_column(name: str, values: "pyarrow.ChunkedArray", missing: frozenset[str]) -> CodedColumn | None:
    """One column of a Parquet file; None if a cell holds more than one value, or something like a duration."""
    from pyarrow import compute, types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    textual = (types.is_string, types.is_large_string, types.is_string_view, types.is_boolean, types.is_null)
    if any(one(kind) for one in textual):
        texts = compute.replace_substring(values.cast("string"), "\0", " ")
        return _encode_texts(name, texts, missing, is_typed=True)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = values.cast("float64", safe=False)
        values = compute.if_else(compute.is_nan(values), None, values)
    elif types.is_timestamp(kind) or types.is_date(kind):
        values = compute.cast(values, "timestamp[us]", safe=False)
    else:
        return None
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
    distinct = encoded.chunk(0).dictionary  # that of every chunk
    codes = allocate((len(values),), np.int64)
    is_used = np.zeros(len(distinct) + 1, dtype=bool)  # the last is for missing cells, whose code is -1
    start = 0
    for chunk in encoded.chunks:
        rows = slice(start, start + len(chunk))
        codes[rows] = (chunk.indices.fill_null(-1) if chunk.null_count else chunk.indices).to_numpy()
        is_used[codes[rows]] = True
        start = rows.stop
    if not is_used[:-1].all():  # the line of names was read with the others
        _replace_in_place(codes, np.cumsum(is_used[:-1]) - 1)
        distinct = distinct.filter(is_used[:-1])
    release_pages(codes)
    return codes, distinct


def _encode_texts(
    name: str, texts: "pyarrow.ChunkedArray", missing: frozenset[str], *, is_typed: bool = False
) -> CodedColumn:
    """Strip the different texts, join those that are equal then, and leave out those that mean a missing cell."""
    import pyarrow
    from pyarrow import compute

    codes, distinct = _number_cells(texts) if not is_typed and _hardly_repeats(texts) else _factorize_stripped(texts)
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


def _hardly_repeats(texts: "pyarrow.ChunkedArray") -> bool:
    """Whether all the cells are numbers, written plainly, or empty, and most of a sample of them differ.

    Nothing but time depends on the answer: such a column is one of numbers, whether its values stand there once or not.
    """
    from pyarrow import compute, types

    if types.is_dictionary(texts.type) or texts.nbytes > MAX_UNIQUE_BYTES:
        return False
    sample = texts.take(np.arange(0, len(texts), len(texts) // MAX_REPEAT_SAMPLE + 1))
    if len(sample.unique()) < MIN_DISTINCT_SHARE * len(sample):
        return False
    return all(compute.all(compute.match_substring_regex(each, CANONICAL_NUMBER)).as_py() for each in (sample, texts))


def _number_cells(texts: "pyarrow.ChunkedArray") -> tuple[NDArray[np.int64], "pyarrow.Array"]:
    """Each cell (N,) as a value of its own."""
    codes = allocate((len(texts),), np.int64)
    for rows in released_chunks(codes):
        codes[rows] = np.arange(rows.start, rows.start + len(codes[rows]))
    return codes, texts.combine_chunks()


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
