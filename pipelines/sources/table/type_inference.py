"""What the columns of a table hold, told from their cells: numbers, dates, yes and no, categories, texts or ids.

The answer depends on which values there are and how often, never on the order of the rows.
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.files.dates import Dates, dates, days
from pipelines.sources.files.parsing import number
from pipelines.sources.table.columns import Column, tallies

Type: TypeAlias = Literal["number", "category", "boolean", "date", "text", "id", "ignore"]

STRAY = 0.05  # share of the filled cells that may be no number (no date) in a column of numbers (of dates)
SENTENCE = 5  # words, on average, from which texts that hardly repeat are sentences rather than names or ids
FEW = 20  # different texts that a column may always have and still be a category
MOST_CATEGORIES = 1000
EVIDENCE = 1000  # different cells of a column that are looked at to find its decimal mark
PAIRS = (("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("off", "on"))  # no is before yes
_PADDED = re.compile(r"0[0-9]+")  # 00420 is a code (of a place, of an article): as a number it would lose its zeros
_ID = re.compile(r"(?i:(?:^|[^a-z])(?:id|uuid|guid))$|[a-z]I[dD]$|(?i:^(?:index|idx|key|row|#)$)")


class Guess(NamedTuple):
    """The type of a column, and why, where a reader may wonder."""

    type: Type
    reason: str = ""


def guess(column: Column, decimal: str) -> Guess:
    """Tell the type of a column that has at least one filled cell."""
    counts = tallies(column)
    if pair(column):
        return Guess("boolean")
    if not is_code(column) and _share(numbers(column, decimal), counts) >= 1 - STRAY:
        counter = _counter(column, decimal, counts)
        return Guess("id", counter) if counter else Guess("number")
    if _share(days(as_dates(column).moments), counts) >= 1 - STRAY:
        return Guess("date")
    return _of_texts(texts(column), counts)


def _of_texts(distinct: list[str], counts: NDArray[np.int64]) -> Guess:
    filled = int(counts.sum())
    if len(distinct) > filled / 2:
        words = sum(len(text.split()) * count for text, count in zip(distinct, counts.tolist(), strict=True)) / filled
        if words >= SENTENCE:
            return Guess("text")
        if len(distinct) > FEW:
            return Guess("id", f"{len(distinct)} different short texts in {filled} filled cells, so hardly any repeats")
    return Guess("category") if len(distinct) <= MOST_CATEGORIES else Guess("text")


def _counter(column: Column, decimal: str, counts: NDArray[np.int64]) -> str:
    """Why a column of numbers only numbers the rows; "" if it does not."""
    values = numbers(column, decimal)
    whole = bool(np.all(np.isfinite(values) & (values == np.rint(values))))
    if not whole or len(values) < 2 or len(counts) < counts.sum() or (column.codes < 0).any():
        return ""
    if values.min() in (0, 1) and np.ptp(values) == len(values) - 1:
        return f"it counts the rows, from {values.min():.0f} to {values.max():.0f}"
    return "it is called an id and no number repeats" if _ID.search(column.name) else ""


def pair(column: Column) -> tuple[str, str] | None:
    """The two words of PAIRS that are all a column holds, in any case."""
    if not isinstance(column.distinct, list) or len(column.distinct) > 6:
        return None
    words = {text.lower() for text in column.distinct}
    return next((pair for pair in PAIRS if words == set(pair)), None)


def is_code(column: Column) -> bool:
    """Whether the cells are texts even where they look like numbers: zeros in front, or a file that says so."""
    if not isinstance(column.distinct, list):
        return False
    return column.typed or any(_PADDED.fullmatch(text) for text in column.distinct)


def numbers(column: Column, decimal: str) -> NDArray[np.float64]:
    """The number each different value is, (D,); NaN where it is none."""
    if isinstance(column.distinct, list):
        read = [number(text, decimal) for text in column.distinct]
        return np.array([np.nan if one is None else one for one in read], dtype=np.float64)
    if column.distinct.dtype.kind == "M":
        return np.full(len(column.distinct), np.nan)
    return column.distinct.astype(np.float64)


def as_dates(column: Column) -> Dates:
    """The moment each different value is, (D,); NaT where it is none."""
    if isinstance(column.distinct, list):
        return dates(column.distinct)
    if column.distinct.dtype.kind == "M":
        return Dates(column.distinct.astype("datetime64[us]"))
    return Dates(np.full(len(column.distinct), np.datetime64("NaT"), dtype="datetime64[us]"))


def texts(column: Column) -> list[str]:
    """What a reader would call each different value, (D,)."""
    if isinstance(column.distinct, list):
        return column.distinct
    if column.distinct.dtype.kind == "M":
        return [str(moment).removesuffix(".000000").removesuffix("T00:00:00") for moment in column.distinct]
    return [spelled(value) for value in column.distinct.tolist()]


def spelled(value: float) -> str:
    """A number as a person writes it: 3 rather than 3.0."""
    return str(int(value)) if abs(value) < 2**53 and value == int(value) else repr(value)


def decimal_mark(columns: Iterable[Column]) -> tuple[str, dict[str, str]]:
    """Tell from all columns whether 1,5 or 1.5 is one and a half.

    Returns:
        "." or ",", and the columns (with one of their cells) whose numbers mean one thing with either, such as 1.234,
        where no other column says which it is.
    """
    votes = {".": 0, ",": 0}
    unsure = {}
    for column in columns:
        if isinstance(column.distinct, list) and not column.typed:
            marked = sorted(text for text in column.distinct if "." in text or "," in text)
            vote = _vote(marked[:: len(marked) // EVIDENCE + 1])
            if vote in votes:
                votes[vote] += 1
            elif vote == "either":
                unsure[column.name] = marked[0]
    mark = "," if votes[","] > votes["."] else "."
    return mark, {} if any(votes.values()) else unsure


def _vote(marked: list[str]) -> str:
    """The decimal mark of the cells that hold "." or ","; "either" or "" (no numbers) where they do not tell."""
    with_point = [number(text, ".") is not None for text in marked]
    with_comma = [number(text, ",") is not None for text in marked]
    enough = len(marked) * (1 - STRAY)
    readable = [mark for mark, able in ((".", with_point), (",", with_comma)) if marked and sum(able) >= enough]
    if len(readable) == 2 and with_point != with_comma:
        return "." if sum(with_point) > sum(with_comma) else ","
    return "either" if len(readable) == 2 else "".join(readable)


def _share(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """The share of the filled cells that hold a value which is not NaN."""
    return float(counts[~np.isnan(values)].sum() / counts.sum())
