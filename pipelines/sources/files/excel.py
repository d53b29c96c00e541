"""Excel workbooks (.xlsx): one sheet, its first filled row the names of the columns.

A formula counts as the value that was last computed for it, which the workbook holds; an error such as #DIV/0! is a
missing cell. https://learn.microsoft.com/openspecs/office_standards/ms-xlsx
"""

import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.data.wording import format_list
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.typed_blocks import TypedRow, build_typed_table
from pipelines.sources.files.typed_table import TypedTable

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

EXCEL_SUFFIXES = frozenset({".xlsx", ".xlsm"})
MAX_UNPACKED_BYTES = 2**32  # bytes that a workbook, which is a ZIP archive, may unfold to
CELL_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA"})


def read_excel(path: Path, sheet: str | int | None, header: bool) -> TypedTable:
    """Read a sheet of a workbook.

    Args:
        path: the workbook.
        sheet: its name, or its number counted from 1; may be absent where only one sheet that is shown holds cells.
        header: whether the first filled row names the columns.

    Raises:
        UserError: the workbook cannot be read, has no such sheet or several, or the sheet has no rows.
    """
    _check_archive(path)
    from openpyxl import load_workbook

    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a workbook holds besides cells
            workbook = load_workbook(stream, read_only=True, data_only=True)
            try:
                return _read_sheet(path, workbook, sheet, header)
            finally:
                workbook.close()
    except (UserError, MemoryError):
        raise
    except Exception as error:  # openpyxl and its parsers raise many kinds for damaged files
        raise UserError(f"{path} is no whole Excel workbook ({' '.join(str(error).split())[:120]})") from None


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError):
        raise UserError(
            f"{path} is no Excel workbook of the kind .xlsx, or is damaged or locked with a password; save it anew "
            "as .xlsx without a password"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    if size > MAX_UNPACKED_BYTES:
        raise UserError(f"{path} unfolds to {size} bytes, and at most {MAX_UNPACKED_BYTES} are read; save it as CSV")


def _read_sheet(path: Path, workbook: "Workbook", stated: str | int | None, header: bool) -> TypedTable:
    row_counts = {sheet.title: sheet.max_row for sheet in workbook.worksheets}  # as it says itself: about so many
    name = _choose_sheet(path, workbook, stated)
    rows = _filled_rows(workbook[name])
    first = next(rows, None)
    if first is None:
        raise UserError(f"{path}: the sheet {name!r} is empty; name another one with `sheet`")
    looked_at = show_progress(_filled_rows(workbook[name]), "row looked at", row_counts[name])
    widest = max(len(first.cells), *(len(row.cells) for row in looked_at))
    names = [_name_text(cell) for cell in first.cells] if header else []
    rows = _filled_rows(workbook[name])
    if header:
        next(rows)
    padded = (TypedRow(row.place, [*row.cells, *[None] * (widest - len(row.cells))]) for row in rows)
    names += [""] * (widest - len(names))
    return build_typed_table(f"{path}, sheet {name!r}", names, padded, "row", row_counts[name])


def _choose_sheet(path: Path, workbook: "Workbook", stated: str | int | None) -> str:
    names = [sheet.title for sheet in workbook.worksheets]
    if isinstance(stated, int) and 1 <= stated <= len(names):
        return str(names[stated - 1])
    if stated in names:
        return str(stated)
    if stated is not None:
        raise UserError(f"{path}: sheet: there is no sheet {stated!r}; the sheets are {format_list(names, 20)}")
    shown = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    filled = [sheet.title for sheet in shown if next(_filled_rows(sheet), None) is not None]
    if len(filled) == 1:
        return str(filled[0])
    found = f"{len(filled)} sheets hold cells, {format_list(filled, 20)}" if filled else "no sheet holds a cell"
    raise UserError(f"{path}: {found}; name one with `sheet`")


def _filled_rows(sheet: Any) -> Iterator[TypedRow]:
    """The rows that hold anything, each without the empty cells behind its last one."""
    sheet.reset_dimensions()  # what a workbook says of its size is often wrong
    for place, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = [_clean_cell(cell) for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            yield TypedRow(place, cells)


def _clean_cell(cell: Any) -> Any:
    if isinstance(cell, str):
        return None if not cell.strip() or cell in CELL_ERRORS else cell
    return cell


def _name_text(cell: Any) -> str:
    return "" if cell is None else str(cell)
