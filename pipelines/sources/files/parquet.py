"""Parquet files: columns with types. https://parquet.apache.org/docs/file-format"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.data.large_arrays import BatchStore, allocate
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.encoding import map_bytes
from pipelines.sources.files.typed_table import TypedTable

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})


def read_parquet(path: Path) -> TypedTable:
    """Read a Parquet file, a batch at a time; its columns are what it says they are.

    Raises:
        UserError: the file cannot be read, is damaged, has no rows, or has two columns of one name.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(map_bytes(path)))
        names = file.schema_arrow.names
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"{path}: two columns are called {doubled!r}; give each column a name of its own")
        batches = _read_batches(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is not a whole Parquet file ({' '.join(str(error).split())[:120]})") from None
    columns = _join_batches(batches)
    row_count = len(next(iter(columns.values()))) if columns else file.metadata.num_rows
    if not row_count or not names:
        raise UserError(f"{path} is empty: it must hold at least one column and one row")
    places = allocate((row_count,), np.int64)
    places[:] = np.arange(1, row_count + 1)
    unsupported = {name: str(file.schema_arrow.field(name).type) for name in names if name not in columns}
    return TypedTable(columns, places, "row", unsupported, has_text_types=True)


def _join_batches(batches: "Sequence[pyarrow.RecordBatch]") -> "dict[str, pyarrow.ChunkedArray]":
    import pyarrow

    if not batches:
        return {}
    table = pyarrow.Table.from_batches(batches)
    return {name: table.column(name) for name in table.column_names}


def _read_batches(file: "ParquetFile") -> "list[pyarrow.RecordBatch]":
    """All rows of the columns that hold a value per row; they stand in groups, one behind the other."""
    import pyarrow

    store = BatchStore()
    for place in show_progress(range(file.num_row_groups), "group of rows", file.num_row_groups):
        for batch in file.iter_batches(row_groups=[place]):
            columns = {name: _supported_column(batch.column(name)) for name in batch.schema.names}
            supported = {name: column for name, column in columns.items() if column is not None}
            if batch.num_rows:
                store.add(pyarrow.RecordBatch.from_pydict(supported))
    return store.take_batches()


def _supported_column(values: "pyarrow.Array") -> "pyarrow.Array | None":
    """Cells as float64, times or strings; None if a cell holds more than one value, or something like a duration."""
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
