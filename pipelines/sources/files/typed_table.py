"""Typed tables: rows whose cells are numbers, times and texts already, as those of a sheet or of a database are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.parsing import DecimalMark, format_number

if TYPE_CHECKING:
    import pyarrow


class CellTable(Protocol):
    """N rows of cells as texts, wherever they are from."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def line_numbers(self) -> NDArray[np.int64]: ...

    def __len__(self) -> int: ...

    def column_texts(self, name: str) -> list[str]: ...


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
        texts = [format_cell(cell) for cell in self.table.columns[name].to_pylist()]
        return texts if self.decimal == "." or not _is_number(self.table, name) else [_with_comma(one) for one in texts]


def format_cell(cell: Any) -> str:
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
