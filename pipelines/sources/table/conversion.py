"""Conversion of a column to numbers, codes or bytes, once its type is known."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.dates import days_since_epoch
from pipelines.sources.files.parsing import MAX_FLOAT32, format_number
from pipelines.sources.table.columns import (
    CodedColumn,
    Table,
    expand_codes,
    first_row_with,
    replace_codes,
    value_counts,
)
from pipelines.sources.table.type_inference import (
    MAX_CATEGORIES,
    MAX_STRAY_SHARE,
    ColumnType,
    InferredType,
    boolean_words,
    distinct_dates,
    distinct_numbers,
    distinct_texts,
    is_textual,
)

MAX_TEXT_BYTES = 8192  # bytes of a text that are kept


class ReadContext(NamedTuple):
    """How a file is read: what its cells are turned into values with."""

    path: str  # the file, for failures
    table: Table
    decimal: str  # "." or ","


class BadCells(NamedTuple):
    """Cells that were treated as missing because of what they hold."""

    cell_count: int
    first_row: int  # of the first
    first_text: str  # the first


class Variable(NamedTuple):
    """A column as it is stored. N rows."""

    column: CodedColumn
    type: ColumnType
    values: NDArray[np.float64] | NDArray[np.int64] | NDArray[np.uint8]  # (N,); of texts (N, L)
    categories: tuple[str, ...] = ()
    stray_cells: BadCells | None = None  # no numbers, in a column of numbers; no dates, in one of dates
    overflow_cells: BadCells | None = None  # numbers beyond what a float32 holds
    truncated_texts: int = 0  # texts that were longer than MAX_TEXT_BYTES

    @property
    def missing_mask(self) -> NDArray[np.bool_]:
        """(N,), which rows have no value."""
        if self.type == "text":
            return self.column.codes < 0
        return np.isnan(self.values) if self.values.dtype == np.float64 else self.values < 0


def convert_column(column: CodedColumn, inferred: InferredType, context: ReadContext) -> Variable:
    """Turn a column into what its type says it is.

    Args:
        column: N cells.
        inferred: its type, inferred or stated; "id" and "ignore" are never stored.
        context: how the file is read.

    Raises:
        UserError: the type was stated, and the cells are of another.
    """
    return CONVERTERS[inferred.type](column, context)


def _convert_number(column: CodedColumn, context: ReadContext) -> Variable:
    parsed = distinct_numbers(column, context.decimal)
    strays = _find_bad_cells(column, np.isnan(parsed))
    _check_stray_share(column, strays, context, "a number")
    too_large = np.abs(parsed) > MAX_FLOAT32  # 1e400 is read as infinite
    values = np.where(too_large, np.nan, parsed)
    return Variable(
        column,
        "number",
        _expand_values(values, column),
        stray_cells=strays,
        overflow_cells=_find_bad_cells(column, too_large),
    )


def _convert_date(column: CodedColumn, context: ReadContext) -> Variable:
    parsed = distinct_dates(column)
    if parsed.ambiguous_text:
        raise UserError(
            f"{context.path}: types: {column.name} is stated to be a date, but nothing in the column says whether "
            f"{parsed.ambiguous_text!r} begins with the day or the month; write dates as 2020-12-31, "
            f"or state `types: {{{column.name}: category}}`"
        )
    strays = _find_bad_cells(column, np.isnat(parsed.datetimes))
    _check_stray_share(column, strays, context, "a date")
    return Variable(column, "date", _expand_values(days_since_epoch(parsed.datetimes), column), stray_cells=strays)


def _convert_boolean(column: CodedColumn, context: ReadContext) -> Variable:
    labels, categories = _category_labels(column, context.decimal)
    if words := boolean_words(column):
        labels, categories = [text.lower() for text in distinct_texts(column)], words
    if len(categories) > 2:
        raise UserError(
            f"{context.path}: types: {column.name} is stated to be boolean, but holds {len(categories)} different "
            f"values ({', '.join(repr(one[:40]) for one in categories[:5])}); "
            f"state `types: {{{column.name}: category}}`"
        )
    return Variable(column, "boolean", _category_codes(column, labels, categories), categories)


def _convert_category(column: CodedColumn, context: ReadContext) -> Variable:
    labels, categories = _category_labels(column, context.decimal)
    if len(categories) > MAX_CATEGORIES:
        raise UserError(
            f"{context.path}: {column.name} holds {len(categories)} different values, but a category has at most "
            f"{MAX_CATEGORIES}; state `types: {{{column.name}: text}}`, number or ignore"
        )
    return Variable(column, "category", _category_codes(column, labels, categories), categories)


def _convert_text(column: CodedColumn, context: ReadContext) -> Variable:
    encoded = [text.encode() for text in distinct_texts(column)]
    long = np.array([len(text) > MAX_TEXT_BYTES for text in encoded], dtype=bool)
    kept = [np.frombuffer(_truncate_text(text), dtype=np.uint8) for text in encoded]
    values = np.zeros((len(column.codes), max((len(text) for text in kept), default=1)), dtype=np.uint8)  # (N, L)
    for row, code in enumerate(column.codes.tolist()):
        if code >= 0:
            values[row, : len(kept[code])] = kept[code]
    return Variable(column, "text", values, truncated_texts=int(value_counts(column)[long].sum()))


def select_values(variable: Variable, rows: NDArray[np.bool_]) -> Variable:
    """The rows (N,) that are true; what was found in the cells is of all of them."""
    if rows.all():
        return variable
    column = replace_codes(variable.column, expand_codes(variable.column.codes, np.flatnonzero(rows)))
    return variable._replace(column=column, values=variable.values[rows])


CONVERTERS: dict[ColumnType, Callable[[CodedColumn, ReadContext], Variable]] = {
    "number": _convert_number,  # float64 here, float32 once stored; NaN where missing
    "date": _convert_date,  # days since 1970-01-01
    "boolean": _convert_boolean,  # a category of two
    "category": _convert_category,  # codes into the sorted labels; -1 where missing
    "text": _convert_text,  # UTF-8 padded with zeros
}


def _category_labels(column: CodedColumn, decimal: str) -> tuple[list[str], tuple[str, ...]]:
    """What each different value is called, (D,), and the sorted different names: 2 before 10, and 1.0 is 1."""
    parsed = distinct_numbers(column, decimal)
    if is_textual(column) or not np.isfinite(parsed).all():
        labels = distinct_texts(column)
        return labels, tuple(sorted(set(labels)))
    return [format_number(value) for value in parsed.tolist()], tuple(
        format_number(value) for value in np.unique(parsed).tolist()
    )


def _category_codes(column: CodedColumn, labels: list[str], categories: tuple[str, ...]) -> NDArray[np.int64]:
    places = {label: place for place, label in enumerate(categories)}
    return expand_codes(np.array([*(places[label] for label in labels), -1], dtype=np.int64), column.codes)


def _expand_values(values: NDArray[np.float64], column: CodedColumn) -> NDArray[np.float64]:
    """The values (D,) of the different cells in every row, (N,); NaN where the cell is missing."""
    return expand_codes(np.append(values, np.nan), column.codes)


def _find_bad_cells(column: CodedColumn, selected: NDArray[np.bool_]) -> BadCells | None:
    """The cells that hold one of the different values (D,) that are true in `selected`."""
    if not selected.any():
        return None
    row = first_row_with(column, selected)
    code = int(column.codes[row])
    (text,) = distinct_texts(column, slice(code, code + 1))
    return BadCells(int(value_counts(column)[selected].sum()), row, text[:40])


def _check_stray_share(column: CodedColumn, strays: BadCells | None, context: ReadContext, what: str) -> None:
    filled = int((column.codes >= 0).sum())
    if strays and strays.cell_count > MAX_STRAY_SHARE * filled:
        raise UserError(
            f"{context.path}, {context.table.row_position(strays.first_row)}: {column.name} is stated to be {what}, "
            f"but {strays.first_text!r} is none, as are {strays.cell_count} of its {filled} filled cells; state "
            "another type, or list what means a missing cell under `missing`"
        )


def _truncate_text(text: bytes) -> bytes:
    """The first MAX_TEXT_BYTES bytes, less those of a character that would be cut in two."""
    return text[:MAX_TEXT_BYTES].decode(errors="ignore").encode()
