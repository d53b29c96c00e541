"""Cell parsing: numbers, points in time, and the texts that mean a missing cell."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import allocate, released_chunks
from pipelines.runtime.user_error import UserError

if TYPE_CHECKING:
    import pyarrow

# How people write "no value here". A cell that is one of these, but for spaces around it, is missing.
MISSING_MARKS: frozenset[str] = frozenset(
    ("", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "NONE")
) | {"-", "--", "?", "."}


# Words that may mean it, or be a category of their own, in small letters: they are proposed to the user, not read so.
MISSING_WORDS: frozenset[str] = frozenset(mark.casefold() for mark in MISSING_MARKS if mark) | {
    *("unknown", "unk", "missing", "unspecified", "undefined", "undetermined", "not available", "not known"),
    *("not stated", "not specified", "not recorded", "not applicable", "no data", "no answer", "n.a.", "n. a.", "n.a"),
    *(
        "nil",
        "nd",
        "n/d",
        "n/k",
        "tbd",
        "#null!",
        "(null)",
        "<na>",
        "nat",
        "??",
        "???",
        "---",
        "*",
        "...",
        "…",
        "–",
        "—",
    ),
}


_GROUPED_NUMBER_TEMPLATE = (
    r"[+-]?[1-9][0-9]{0,2}([%s '’\u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*(?:[%s][0-9]+)?"  # 1,234,567.8
)


_PLAIN_NUMBER_TEMPLATE = r"[+-]?(?:[0-9]+[%s]?[0-9]*|[%s][0-9]+)(?:[eE][+-]?[0-9]+)?"  # 1234.5, .5, 1e-3


PLAIN_NUMBER_PATTERNS = {
    mark: rf"^{_PLAIN_NUMBER_TEMPLATE % (mark, mark)}$" for mark in (".", ",")
}  # what pyarrow, told the mark, reads as float() does


_PLAIN_NUMBERS = {mark: re.compile(pattern) for mark, pattern in PLAIN_NUMBER_PATTERNS.items()}


_GROUPED_NUMBER_PATTERNS = {
    mark: re.compile(_GROUPED_NUMBER_TEMPLATE % (other, mark)) for mark, other in ((".", ","), (",", "."))
}


_INFINITY_PATTERN = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


def parse_number(text: str, decimal: str = ".") -> float | None:
    """The number a cell holds: nan if the cell is missing, None if it holds something else.

    Thousands may be set apart by the other of "." and ",", by a space or by an apostrophe: 1,234.5 and 1 234.5.
    """
    text = text.strip()
    if _PLAIN_NUMBERS[decimal].fullmatch(text):
        return float(text.replace(",", "."))
    if text in MISSING_MARKS:
        return float("nan")
    text = text.replace("\N{MINUS SIGN}", "-")
    if match := _GROUPED_NUMBER_PATTERNS[decimal].fullmatch(text):
        return float(text.replace(match[1], "").replace(",", "."))
    if _PLAIN_NUMBERS[decimal].fullmatch(text) or _INFINITY_PATTERN.fullmatch(text):
        return float(text.replace(",", "."))
    return None


def parse_numbers(texts: "pyarrow.StringArray", decimal: str = ".") -> NDArray[np.float64]:
    """`parse_number` of every text (D,); NaN where it is none. Most are written plainly, and pyarrow reads those."""
    numbers = allocate((len(texts),), np.float64)
    for rows in released_chunks(numbers):
        numbers[rows] = _parse_number_chunk(texts[rows], decimal)
    return numbers


def _parse_number_chunk(texts: "pyarrow.StringArray", decimal: str) -> NDArray[np.float64]:
    from pyarrow import compute

    pointed = texts if decimal == "." else compute.replace_substring(texts, decimal, ".")
    is_plain = compute.match_substring_regex(texts, PLAIN_NUMBER_PATTERNS[decimal]).to_numpy(zero_copy_only=False)
    numbers = np.full(len(texts), np.nan)
    numbers[is_plain] = pointed.filter(is_plain).cast("float64")
    others = [parse_number(text, decimal) for text in texts.filter(~is_plain).to_pylist()]
    numbers[~is_plain] = [np.nan if number is None else number for number in others]
    return numbers


def format_number(value: float) -> str:
    """A number as a person writes it: 3 rather than 3.0."""
    return str(int(value)) if abs(value) < 2**53 and value == int(value) else repr(value)


CLOCK_PATTERN = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2}|[AaPp][Mm])?"


_ISO_DATETIME_PATTERN = re.compile(
    rf"([0-9]{{4}})([-/])([0-9]{{1,2}})(?:\2([0-9]{{1,2}})(?:(?:T|\s+){CLOCK_PATTERN})?)?"
)


def parse_datetime(text: str) -> np.datetime64 | None:
    """The moment that an ISO date or time names (2020-01, 2020-01-31, 2020-01-31T12:30:00Z); None if it names none.

    A time with an offset is turned into UTC; one without is taken as it stands. Missing cells name none.
    """
    match = _ISO_DATETIME_PATTERN.fullmatch(text.strip())
    if match is None or (match[2] == "/" and match[4] is None):
        return None
    return to_datetime64(int(match[1]), int(match[3]), int(match[4] or 1), match.groups()[4:])


def to_datetime64(year: int, month: int, day: int, clock: tuple[str | None, ...]) -> np.datetime64 | None:
    """A date and the groups of CLOCK_PATTERN (hour, minute, second, fraction, zone), in microseconds; None if invalid.

    An hour with AM or PM is one of 1 to 12.
    """
    hours, minutes, seconds, fraction, zone = clock
    hour, offset = int(hours or 0), timedelta()
    if zone and zone.lower() in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (zone.lower() == "pm")
    elif zone and zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    micro = int(((fraction or "") + "000000")[:6])
    try:
        local = datetime(year, month, day, hour, int(minutes or 0), int(seconds or 0), micro, timezone(offset))
        return np.datetime64(local.astimezone(UTC).replace(tzinfo=None), "us")
    except (ValueError, OverflowError):
        return None


MAX_FLOAT32 = float(np.finfo(np.float32).max)


DecimalMark = Literal[".", ","]


def parse_value(path: Path | str, line: int, name: str, text: str, decimal: DecimalMark) -> float:
    """The number that a cell holds; NaN if it is empty.

    Raises:
        UserError: if it is no number, or one that float32 cannot hold.
    """
    found = parse_number(text, decimal)
    if found is None:
        raise UserError(
            f"{path}, line {line}: {name} must be a number, found {text!r}; correct it, state `decimal` if another "
            "mark stands before the fraction, or leave the column out"
        )
    if abs(found) > MAX_FLOAT32:
        raise UserError(f"{path}, line {line}: {name} is too large to compute with, found {text}; correct it")
    return found
