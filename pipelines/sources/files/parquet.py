"""Parquet files: columns with types. https://parquet.apache.org/docs/file-format"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.encoding import read_bytes
from pipelines.sources.files.typed_table import TypedTable

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})


def read_parquet(path: Path) -> TypedTable:
    """Read a Parquet file; its columns are what it says they are.

    Raises:
        UserError: the file cannot be read, is damaged, has no rows, or has two columns of one name.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = _read_groups(parquet.ParquetFile(pyarrow.BufferReader(read_bytes(path))))
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is not a whole Parquet file ({' '.join(str(error).split())[:120]})") from None
    names = table.column_names
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"{path}: two columns are called {doubled!r}; give each column a name of its own")
    if not table.num_rows or not names:
        raise UserError(f"{path} is empty: it must hold at least one column and one row")
    columns, unsupported = {}, {}
    for name in names:
        column = _supported_column(table.column(name))
        if column is None:
            unsupported[name] = str(table.schema.field(name).type)
        else:
            columns[name] = column
    return TypedTable(columns, np.arange(1, table.num_rows + 1), "row", unsupported, has_text_types=True)


def _read_groups(file: "ParquetFile") -> "pyarrow.Table":
    """All rows; they stand in groups, one behind the other."""
    import pyarrow

    places = show_progress(range(file.num_row_groups), "group of rows", file.num_row_groups)
    groups = [file.read_row_group(place) for place in places]
    return pyarrow.concat_tables(groups) if groups else file.read()


def _supported_column(values: "pyarrow.ChunkedArray") -> "pyarrow.ChunkedArray | None":
    """A column as float64, times or strings; None if a cell holds more than one value, or something like a duration."""
    from pyarrow import compute, types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    textual = (types.is_string, types.is_large_string, types.is_string_view, types.is_boolean, types.is_null)
    if any(one(kind) for one in textual):
        return compute.replace_substring(values.cast("string"), "\0", " ")
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = values.cast("float64", safe=False)
        return compute.if_else(compute.is_nan(values), None, values)
    if types.is_timestamp(kind) or types.is_date(kind):
        return compute.cast(values, "timestamp[us]", safe=False)
    return None
