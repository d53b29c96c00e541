"""A table column by column: each cell as a place in the list of the different values of its column.

So a column of a million cells with three different values is a million small numbers and three texts, and whatever is
asked about the values is asked once for each different one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_cells import CsvCells
from pipelines.sources.files.encoding import read_bytes


class CodedColumn(NamedTuple):
    """N cells with D different values."""

    name: str  # as it stands in the file
    codes: NDArray[np.int64]  # (N,), the place in `distinct`; -1 where the cell is missing
    distinct_values: (
        list[str] | NDArray[Any]
    )  # (D,) texts without spaces around them; numbers or moments of a typed file
    missing_counts: dict[str, int]  # how the missing cells are written, and how many of each
    is_typed: bool = False  # the file says what the values are, so that a text is no number even if it looks like one


class Table(NamedTuple):
    columns: dict[str, CodedColumn]  # by name, in the file's order
    line_numbers: NDArray[np.int64]  # (N,), where each row begins in the file, counted from 1
    position_unit: str  # what `lines` counts: "line" or "row"
    unsupported_columns: dict[str, str]  # columns that hold no single value per row: their name and their type

    def row_position(self, row: int) -> str:
        """Where a row (counted from 0) is found in the file: "line 12"."""
        return f"{self.position_unit} {int(self.line_numbers[row])}"


def table_from_cells(cells: CsvCells, missing: frozenset[str]) -> Table:
    """Turn the rows of a text file into columns; a cell that is in `missing` but for spaces around it is missing."""
    columns = {}
    for place, name in enumerate(cells.names):
        codes, distinct = _factorize([row[place] for row in cells.rows])
        columns[name] = _mark_missing(name, codes, distinct, missing)
    return Table(columns, np.array(cells.line_numbers, dtype=np.int64), "line", {})


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
    return Table(columns, np.arange(1, table.num_rows + 1), "row", unsupported)


def _convert_parquet_column(name: str, values: Any, missing: frozenset[str]) -> CodedColumn | None:
    """One column of a Parquet file; None if a cell holds more than one value, or something like a duration."""
    from pyarrow import compute, types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    textual = (types.is_string, types.is_large_string, types.is_string_view, types.is_boolean, types.is_null)
    if any(one(kind) for one in textual):
        values = values.cast("string")
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = values.cast("float64", safe=False)
        values = compute.if_else(compute.is_nan(values), None, values)
    elif types.is_timestamp(kind) or types.is_date(kind):
        values = compute.cast(values, "timestamp[us]", safe=False)
    else:
        return None
    encoded = values.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    if values.type == "string":
        texts = [text.strip().replace("\0", " ") for text in encoded.dictionary.to_pylist()]
        return _mark_missing(name, codes, texts, missing, is_typed=True)
    marks = {"null": int((codes < 0).sum())} if (codes < 0).any() else {}
    return CodedColumn(name, codes, encoded.dictionary.to_numpy(zero_copy_only=False), marks, is_typed=True)


def select_rows(table: Table, rows: NDArray[np.bool_]) -> Table:
    """The rows (N,) that are true; the ways of missing are counted over all rows, as the file has them."""
    columns = {name: replace_codes(column, column.codes[rows]) for name, column in table.columns.items()}
    return table._replace(columns=columns, line_numbers=table.line_numbers[rows])


def replace_codes(column: CodedColumn, codes: NDArray[np.int64]) -> CodedColumn:
    """The column with other codes (N,), less the different values that none of them stands for."""
    used, places = np.unique(codes, return_inverse=True)
    absent = int(len(used) > 0 and used[0] == -1)
    return column._replace(codes=places - absent, distinct_values=_take_values(column.distinct_values, used[absent:]))


def value_counts(column: CodedColumn) -> NDArray[np.int64]:
    """How many cells hold each different value, (D,)."""
    return np.bincount(column.codes[column.codes >= 0], minlength=len(column.distinct_values))


def first_row_with(column: CodedColumn, selected: NDArray[np.bool_]) -> int:
    """The first row that holds one of the different values (D,) that are true in `odd`; at least one is."""
    return int(np.argmax(selected[column.codes] & (column.codes >= 0)))


def _factorize(texts: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Each text as its place among the different ones, which stand in the order in which they are met."""
    places: dict[str, int] = {}
    codes = np.fromiter((places.setdefault(text, len(places)) for text in texts), dtype=np.int64, count=len(texts))
    return codes, list(places)


def _mark_missing(
    name: str, codes: NDArray[np.int64], distinct: list[str], missing: frozenset[str], *, is_typed: bool = False
) -> CodedColumn:
    """Strip the different texts, join those that are equal then, and leave out those that mean a missing cell."""
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    missing_counts = {"null": int((codes < 0).sum())} if (codes < 0).any() else {}
    places: dict[str, int] = {}
    new_codes = np.full(len(distinct) + 1, -1, dtype=np.int64)  # the last one answers for codes of -1
    for place, text in enumerate(distinct):
        bare = text.strip()
        if bare in missing:
            missing_counts[bare] = missing_counts.get(bare, 0) + int(counts[place])
        else:
            new_codes[place] = places.setdefault(bare, len(places))
    return CodedColumn(name, new_codes[codes], list(places), missing_counts, is_typed)


def _take_values(distinct: list[str] | NDArray[Any], places: NDArray[np.int64]) -> list[str] | NDArray[Any]:
    if isinstance(distinct, list):
        return [distinct[place] for place in places]
    return distinct[places]
