"""A column of a table as an array of numbers, codes or bytes, once it is decided what the column holds."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import Failure
from pipelines.sources.files.dates import days
from pipelines.sources.table.columns import (
    Column,
    Table,
    first_row,
    tallies,
)
from pipelines.sources.table.type_inference import (
    MOST_CATEGORIES,
    STRAY,
    Guess,
    Type,
    as_dates,
    is_code,
    numbers,
    pair,
    spelled,
    texts,
)

LONGEST_TEXT = 8192  # bytes of a text that are kept
LARGEST = float(np.finfo(np.float32).max)


class Reading(NamedTuple):
    """How a file is read: what its cells are turned into values with."""

    where: str  # the file, for failures
    table: Table
    decimal: str  # "." or ","


class Odd(NamedTuple):
    """Cells that were treated as missing because of what they hold."""

    cells: int
    row: int  # of the first
    text: str  # the first


class Variable(NamedTuple):
    """A column as it is stored. N rows."""

    column: Column
    type: Type
    values: NDArray[np.float64] | NDArray[np.int64] | NDArray[np.uint8]  # (N,); of texts (N, L)
    categories: tuple[str, ...] = ()
    strays: Odd | None = None  # no numbers, in a column of numbers; no dates, in one of dates
    excess: Odd | None = None  # numbers beyond what a float32 holds
    cut: int = 0  # texts that were longer than LONGEST_TEXT

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(N,), which rows have no value."""
        if self.type == "text":
            return self.column.codes < 0
        return np.isnan(self.values) if self.values.dtype == np.float64 else self.values < 0


def variable(column: Column, found: Guess, reading: Reading) -> Variable:
    """Turn a column into what its type says it is.

    Args:
        column: N cells.
        found: its type, guessed or stated; "id" and "ignore" are never stored.
        reading: how the file is read.

    Raises:
        Failure: the type was stated, and the cells are of another.
    """
    return MADE[found.type](column, reading)


def _number(column: Column, reading: Reading) -> Variable:
    read = numbers(column, reading.decimal)
    strays = _odd(column, np.isnan(read))
    _check_strays(column, strays, reading, "a number")
    too_large = np.abs(read) > LARGEST  # 1e400 is read as infinite
    values = np.where(too_large, np.nan, read)
    return Variable(column, "number", _placed(values, column), strays=strays, excess=_odd(column, too_large))


def _date(column: Column, reading: Reading) -> Variable:
    read = as_dates(column)
    if read.ambiguous:
        raise Failure(
            f"{reading.where}: types: {column.name} is stated to be a date, but nothing in the column says whether "
            f"{read.ambiguous!r} begins with the day or the month; write dates as 2020-12-31"
        )
    strays = _odd(column, np.isnat(read.moments))
    _check_strays(column, strays, reading, "a date")
    return Variable(column, "date", _placed(days(read.moments), column), strays=strays)


def _boolean(column: Column, reading: Reading) -> Variable:
    labels, categories = _labels(column, reading.decimal)
    if words := pair(column):
        labels, categories = [text.lower() for text in texts(column)], words
    if len(categories) > 2:
        raise Failure(
            f"{reading.where}: types: {column.name} is stated to be boolean, but holds {len(categories)} different "
            f"values ({', '.join(repr(one[:40]) for one in categories[:5])}); state category"
        )
    return Variable(column, "boolean", _codes(column, labels, categories), categories)


def _category(column: Column, reading: Reading) -> Variable:
    labels, categories = _labels(column, reading.decimal)
    if len(categories) > MOST_CATEGORIES:
        raise Failure(
            f"{reading.where}: {column.name} holds {len(categories)} different values, but a category has at most "
            f"{MOST_CATEGORIES}; state `types: {{{column.name}: text}}`, number or ignore"
        )
    return Variable(column, "category", _codes(column, labels, categories), categories)


def _text(column: Column, reading: Reading) -> Variable:
    encoded = [text.encode() for text in texts(column)]
    long = np.array([len(text) > LONGEST_TEXT for text in encoded], dtype=bool)
    kept = [np.frombuffer(_cut(text), dtype=np.uint8) for text in encoded]
    values = np.zeros((len(column.codes), max((len(text) for text in kept), default=1)), dtype=np.uint8)  # (N, L)
    for row, code in enumerate(column.codes.tolist()):
        if code >= 0:
            values[row, : len(kept[code])] = kept[code]
    return Variable(column, "text", values, cut=int(tallies(column)[long].sum()))


MADE: dict[Type, Callable[[Column, Reading], Variable]] = {
    "number": _number,  # float64 here, float32 once stored; NaN where missing
    "date": _date,  # days since 1970-01-01
    "boolean": _boolean,  # a category of two
    "category": _category,  # codes into the sorted labels; -1 where missing
    "text": _text,  # UTF-8 padded with zeros
}


def _labels(column: Column, decimal: str) -> tuple[list[str], tuple[str, ...]]:
    """What each different value is called, (D,), and the sorted different names: 2 before 10, and 1.0 is 1."""
    read = numbers(column, decimal)
    if is_code(column) or not np.isfinite(read).all():
        labels = texts(column)
        return labels, tuple(sorted(set(labels)))
    return [spelled(value) for value in read.tolist()], tuple(spelled(value) for value in np.unique(read).tolist())


def _codes(column: Column, labels: list[str], categories: tuple[str, ...]) -> NDArray[np.int64]:
    places = {label: place for place, label in enumerate(categories)}
    return np.array([*(places[label] for label in labels), -1], dtype=np.int64)[column.codes]


def _placed(values: NDArray[np.float64], column: Column) -> NDArray[np.float64]:
    """The values (D,) of the different cells in every row, (N,); NaN where the cell is missing."""
    return np.append(values, np.nan)[column.codes]


def _odd(column: Column, which: NDArray[np.bool_]) -> Odd | None:
    """The cells that hold one of the different values (D,) that are true in `which`."""
    if not which.any():
        return None
    row = first_row(column, which)
    return Odd(int(tallies(column)[which].sum()), row, texts(column)[column.codes[row]][:40])


def _check_strays(column: Column, strays: Odd | None, reading: Reading, what: str) -> None:
    filled = int((column.codes >= 0).sum())
    if strays and strays.cells > STRAY * filled:
        raise Failure(
            f"{reading.where}, {reading.table.line(strays.row)}: {column.name} is stated to be {what}, but "
            f"{strays.text!r} is none, as are {strays.cells} of its {filled} filled cells; state another type, or list "
            f"what means a missing cell under `missing`"
        )


def _cut(text: bytes) -> bytes:
    """The first LONGEST_TEXT bytes, less those of a character that would be cut in two."""
    return text[:LONGEST_TEXT].decode(errors="ignore").encode()
