"""Columns of a table: what each holds, whether the first line names them, and which is likely the target."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.wording import format_count
from pipelines.proposals.source_proposal import ColumnRole, ColumnSummary
from pipelines.sources.files.parsing import format_number, parse_number
from pipelines.sources.table.columns import CodedColumn, Table
from pipelines.sources.table.load import TableSettings, read_with_decimal_mark
from pipelines.sources.table.type_inference import (
    InferredType,
    distinct_dates,
    distinct_numbers,
    distinct_texts,
    infer_type,
)

MAX_NAME_CHARACTERS = 80  # of a column; a longer one is no name but a cell
MIN_GROUPS = 10  # fewer cannot be dealt to three parts
EXAMPLES = 3  # cells that are shown of a column
TARGET_WORDS = re.compile(  # what targets are called
    "target|labels?|class|classes|category|y|outcome|response|result|diagnosis|species|quality|survived|churn|churned|"
    "default|fraud|spam|sentiment|price|saleprice|value|score|rating"
)
GROUP_WORDS = re.compile(  # what stands for something of which there are several rows
    "patient|subject|person|user|customer|client|speaker|writer|author|student|driver|household|family|session|device|"
    "machine|pump|sensor|station|site|plant|farm|store|shop|hospital|school|group"
)
TIME_WORDS = re.compile("date|time|timestamp|datetime|when|day|sold|created|updated|recorded|measured")
NO_TIME_WORDS = re.compile("birth|born")  # a date of which is a property of the row and not when it was


class ReadColumns(NamedTuple):
    """The columns of a file, read once."""

    table: Table
    decimal: str
    types: Mapping[str, InferredType]  # of columns with a filled cell
    settings: Mapping[str, Any]  # what had to be stated for it to be read so: {"header": False}

    @property
    def row_count(self) -> int:
        return len(self.table.row_numbers)


def read_columns(path: str, settings: Mapping[str, Any]) -> ReadColumns:
    """Read a table's columns and tell what each holds.

    Args:
        path: as `source: path:` would have it.
        settings: further ones of `kind: table`, as `sheet` or `separator`.

    Raises:
        UserError: the file cannot be read as a table.
    """
    found = _read_table(path, settings)
    if settings.get("header", True) and _names_are_cells(found):
        return _read_table(path, {**settings, "header": False})._replace(settings={"header": False})
    return found


def _read_table(path: str, settings: Mapping[str, Any]) -> ReadColumns:
    known = {name: value for name, value in settings.items() if name in TableSettings.model_fields}
    stated = TableSettings.model_validate({**known, "kind": "table", "path": path, "target": "", "keys": []})
    table, decimal, _ = read_with_decimal_mark(stated)
    types = {name: infer_type(column, decimal) for name, column in table.columns.items() if len(column.distinct_values)}
    return ReadColumns(table, decimal, types, {})


def _names_are_cells(found: ReadColumns) -> bool:
    """Whether the line of names is a row like the others: one is a number, a long text, or also a cell below it."""
    return any(
        len(name) > MAX_NAME_CHARACTERS
        or (parse_number(name) is not None and name.strip() != "")
        or _repeats_as_cell(name, column)
        for name, column in found.table.columns.items()
    )


def _repeats_as_cell(name: str, column: CodedColumn) -> bool:
    if not column.holds_texts or column.is_typed or len(column.distinct_values) > len(column.codes) / 2:
        return False
    return name in distinct_texts(column)


def summarise_columns(found: ReadColumns, roles: Mapping[str, ColumnRole]) -> tuple[ColumnSummary, ...]:
    """What each column holds; columns without a role are inputs, unless they are ids or empty."""
    summaries = []
    for name, column in found.table.columns.items():
        type = found.types[name].type if name in found.types else ""
        usual: ColumnRole = "input" if type and type != "id" else ("id" if type else "unused")
        summaries.append(
            ColumnSummary(
                name,
                type,
                roles.get(name, usual),
                _extent(column, type, found.decimal),
                int((column.codes < 0).sum()),
                tuple(distinct_texts(column, slice(EXAMPLES))) if type else (),
            )
        )
    unsupported = found.table.unsupported_columns
    return (*summaries, *(ColumnSummary(name, what, "unused", "", 0, ()) for name, what in unsupported.items()))


def _extent(column: CodedColumn, type: str, decimal: str) -> str:
    """The range of numbers and dates, and how many different values there are of others."""
    if type == "number":
        numbers = distinct_numbers(column, decimal)
        numbers = numbers[np.isfinite(numbers)]
        return f"{_short(numbers.min())} to {_short(numbers.max())}" if len(numbers) else ""
    if type == "date":
        dates = distinct_dates(column).datetimes
        dates = dates[~np.isnat(dates)]
        return f"{dates.min().astype('datetime64[D]')} to {dates.max().astype('datetime64[D]')}" if len(dates) else ""
    if not type:
        return "every cell is missing"
    return f"{len(np.unique(value_codes(column, decimal)[column.codes >= 0])):,} different"


def _short(number: np.float64) -> str:
    return format_number(float(f"{number:.6g}"))


def find_likely_target(columns: Sequence[ColumnSummary]) -> tuple[str | None, bool]:
    """The column that is likely to be predicted, and whether its name says so; None if none can be.

    The one whose name holds a word of TARGET_WORDS, if there is exactly one; else the last that may be a target.
    """
    possible = [column for column in columns if column.type in ("number", "category", "boolean")]
    named = [column.name for column in possible if is_called(column.name, TARGET_WORDS)]
    if len(named) == 1:
        return named[0], True
    return (possible[-1].name, False) if possible else (None, False)


def is_called(name: str, words: re.Pattern[str]) -> bool:
    """Whether a word of a column's name is one of some: medianHouse_value holds median, house and value."""
    own = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(words.fullmatch(word.lower()) for word in own)


def find_group(found: ReadColumns, target: str) -> tuple[str, str] | None:
    """A column that names what several rows are of, as patients, and why; None if there is none.

    A split must have no group in two parts, or the scores say how well known groups are recognised.
    """
    for name, column in found.table.columns.items():
        rows = len(column.codes)
        if name == target or not is_called(name, GROUP_WORDS) or (column.codes < 0).any():
            continue
        groups = len(np.unique(value_codes(column, found.decimal)))
        if MIN_GROUPS <= groups <= rows / 2 and found.types[name].type in ("number", "id", "category"):
            reason = f"{name} names {format_count(groups, 'group')} of {rows / groups:.3g} rows each"
            return name, f"{reason}: no group is in two parts."
    return None


def find_row_time(found: ReadColumns, target: str) -> tuple[str, str] | None:
    """A column of dates that says when a row was, and why; None if there is none."""
    for name, column in found.table.columns.items():
        if name == target or name not in found.types or found.types[name].type != "date":
            continue
        if is_called(name, TIME_WORDS) and not is_called(name, NO_TIME_WORDS) and (column.codes >= 0).all():
            return name, (
                f"{name} says when a row was: the latest rows are the test part, as a model is asked about the future."
            )
    return None


def value_codes(column: CodedColumn, decimal: str) -> NDArray[np.int64]:
    """For every cell (N,) the place of its value among the different ones; of numbers, codes may be one per cell."""
    if column.holds_texts:
        return column.codes
    values = column_dates(column) if column.distinct_values.dtype.kind == "M" else column_numbers(column, decimal)
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def column_dates(column: CodedColumn) -> NDArray[np.datetime64]:
    """The moment of every cell (N,), NaT where it is none."""
    return np.append(distinct_dates(column).datetimes, np.datetime64("NaT"))[column.codes]


def column_numbers(column: CodedColumn, decimal: str) -> NDArray[np.float64]:
    """The number of every cell (N,), NaN where it is none."""
    return np.append(distinct_numbers(column, decimal), np.nan)[column.codes]
