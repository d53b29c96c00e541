"""Typed tables: rows whose cells are numbers, times and texts already, as those of a sheet or of a database are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_cells import clean_names
from pipelines.sources.files.parsing import DecimalMark, format_number

if TYPE_CHECKING:
    import pyarrow

BLOCK_ROWS = 2**14  # rows that are turned into columns at once
MAX_EXACT_INTEGER = 2**53  # up to which a float64 holds every whole number


class CellTable(Protocol):
    """N rows of cells as texts, wherever they are from."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def line_numbers(self) -> NDArray[np.int64]: ...

    def __len__(self) -> int: ...

    def column_texts(self, name: str) -> list[str]: ...


class TypedRow(NamedTuple):
    """The cells of one row, and where it is: the line of a file or the row of a sheet, counted from 1."""

    place: int
    cells: Sequence[Any]


@dataclass(frozen=True)
class TypedTable:
    """N rows."""

    columns: "Mapping[str, pyarrow.ChunkedArray]"  # (N,) each, null where a cell is missing
    line_numbers: NDArray[np.int64]  # (N,), where each row is, counted from 1
    place_noun: str = "row"  # what is counted so: "line", "row"
    unsupported: Mapping[str, str] = field(default_factory=dict)  # columns of no single value per row: name, type
    has_text_types: bool = False  # it says of a column that it holds texts: those are no numbers, even if they look so


@dataclass(frozen=True)
class TypedCells:
    """The cells of a typed table as texts, for sources that read them so."""

    location: str  # where it is from, for failures
    table: TypedTable
    decimal: DecimalMark  # the mark that numbers are written with

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.table.columns, *self.table.unsupported)

    @property
    def line_numbers(self) -> NDArray[np.int64]:
        return self.table.line_numbers

    def __len__(self) -> int:
        return len(self.table.line_numbers)

    def column_texts(self, name: str) -> list[str]:
        if name in self.table.unsupported:
            raise UserError(
                f"{self.location}: {name} holds {self.table.unsupported[name]}, not one text, number or time per row; "
                "leave it out, or bring it to a value per cell"
            )
        texts = [_format_cell(cell) for cell in self.table.columns[name].to_pylist()]
        return texts if self.decimal == "." or not _is_number(self.table, name) else [_with_comma(one) for one in texts]


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
    cleaned = clean_names(names)
    if doubled := next((name for name in cleaned if cleaned.count(name) > 1), None):
        raise UserError(f"{location}: two columns are called {doubled!r}; give each column a name of its own")
    builders = [_ColumnBuilder() for _ in cleaned]
    places: list[NDArray[np.int64]] = []
    blocks = iter(lambda: list(islice(rows, BLOCK_ROWS)), [])
    block_count = None if row_count is None else math.ceil(row_count / BLOCK_ROWS)
    for block in show_progress(blocks, f"block of {BLOCK_ROWS} rows", block_count):
        places.append(np.array([row.place for row in block], dtype=np.int64))
        for builder, cells in zip(builders, zip(*(row.cells for row in block), strict=True), strict=True):
            builder.add(cells)
    if not places or not cleaned:
        raise UserError(f"{location} is empty: it must hold at least one column and one row")
    built = dict(zip(cleaned, (builder.build() for builder in builders), strict=True))
    return TypedTable(
        {name: column for name, column in built.items() if not isinstance(column, str)},
        np.concatenate(places),
        place_noun,
        {name: column for name, column in built.items() if isinstance(column, str)},
    )


class _ColumnBuilder:
    """One column, made block by block."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()  # of its cells so far: keys of ARROW_TYPES, or what is not supported
        self.blocks: list[Any] = []  # arrow arrays; of a block with cells of several kinds, texts

    def add(self, cells: Sequence[Any]) -> None:
        import pyarrow

        values = [_clean_cell(cell) for cell in cells]
        kinds = {_cell_kind(value) for value in values if value is not None}
        self.kinds |= kinds
        if not kinds <= ARROW_TYPES.keys():
            values, kinds = [None] * len(values), set()
        kind = next(iter(kinds)) if len(kinds) == 1 else "text"
        if kind == "text":
            values = [None if value is None else _format_cell(value) for value in values]
        self.blocks.append(pyarrow.array(values, ARROW_TYPES[kind]))

    def build(self) -> "pyarrow.ChunkedArray | str":
        """The column; or what its cells hold, where that is no single value."""
        import pyarrow

        if unsupported := self.kinds - ARROW_TYPES.keys():
            return min(unsupported)
        kind = next(iter(self.kinds)) if len(self.kinds) == 1 else "text"
        wanted = pyarrow.type_for_alias(ARROW_TYPES[kind])
        blocks = [block if block.type == wanted else _as_type(block, wanted) for block in self.blocks]
        return pyarrow.chunked_array(blocks, wanted)


ARROW_TYPES = {"number": "float64", "time": "timestamp[us]", "text": "string"}


def _as_type(block: "pyarrow.Array", wanted: "pyarrow.DataType") -> "pyarrow.Array":
    """An array of nulls as one of another type, and any other as its texts."""
    import pyarrow

    if block.null_count == len(block):
        return pyarrow.nulls(len(block), wanted)
    return pyarrow.array([None if cell is None else _format_cell(cell) for cell in block.to_pylist()], wanted)


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


def _cell_kind(value: Any) -> str:
    """What a clean cell is: a key of ARROW_TYPES, or what it holds in words."""
    return CELL_KINDS.get(type(value), f"values of type {type(value).__name__}")


CELL_KINDS: dict[type, str] = {
    float: "number",
    datetime: "time",
    str: "text",
    list: "lists",
    dict: "objects",
    bytes: "bytes",
    memoryview: "bytes",
}


def _format_cell(cell: Any) -> str:
    """A cell as a person writes it; nothing where it is missing."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return format_number(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ").removesuffix(" 00:00:00")
    return str(cell)


def _is_number(table: TypedTable, name: str) -> bool:
    return str(table.columns[name].type) == "double"


def _with_comma(text: str) -> str:
    return text.replace(".", ",")
