"""Cell texts parsed as numbers and points in time."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator

from pipelines.runtime.user_error import Failure

# How people write "no value here". A cell that is one of these, but for spaces around it, is missing.
MISSING: frozenset[str] = frozenset(
    ("", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "NONE")
) | {"-", "--", "?", "."}


_GROUP = r"[+-]?[1-9][0-9]{0,2}([%s '’\u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*(?:[%s][0-9]+)?"  # 1,234,567.8


_PLAIN = r"[+-]?(?:[0-9]+[%s]?[0-9]*|[%s][0-9]+)(?:[eE][+-]?[0-9]+)?"  # 1234.5, .5, 1e-3


_NUMBER = {mark: re.compile(_PLAIN % (mark, mark)) for mark in (".", ",")}


_GROUPED = {mark: re.compile(_GROUP % (other, mark)) for mark, other in ((".", ","), (",", "."))}


_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


def number(text: str, decimal: str = ".") -> float | None:
    """The number a cell holds: nan if the cell is missing, None if it holds something else.

    Thousands may be set apart by the other of "." and ",", by a space or by an apostrophe: 1,234.5 and 1 234.5.
    """
    text = text.strip()
    if _NUMBER[decimal].fullmatch(text):
        return float(text.replace(",", "."))
    if text in MISSING:
        return float("nan")
    text = text.replace("\N{MINUS SIGN}", "-")
    if matched := _GROUPED[decimal].fullmatch(text):
        return float(text.replace(matched[1], "").replace(",", "."))
    if _NUMBER[decimal].fullmatch(text) or _INFINITE.fullmatch(text):
        return float(text.replace(",", "."))
    return None


CLOCK = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2}|[AaPp][Mm])?"


_ISO = re.compile(rf"([0-9]{{4}})([-/])([0-9]{{1,2}})(?:\2([0-9]{{1,2}})(?:(?:T|\s+){CLOCK})?)?")


def moment(text: str) -> np.datetime64 | None:
    """The moment that an ISO date or time names (2020-01, 2020-01-31, 2020-01-31T12:30:00Z); None if it names none.

    A time with an offset is turned into UTC; one without is taken as it stands. Missing cells name none.
    """
    found = _ISO.fullmatch(text.strip())
    if found is None or (found[2] == "/" and found[4] is None):
        return None
    return instant(int(found[1]), int(found[3]), int(found[4] or 1), found.groups()[4:])


def instant(year: int, month: int, day: int, clock: tuple[str | None, ...]) -> np.datetime64 | None:
    """A date and what CLOCK found (hour, minute, second, fraction, zone), to the microsecond; None if there is no such.

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


LARGEST = float(np.finfo(np.float32).max)


Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]


Decimal = Literal[".", ","]


def value_of(path: Path, line: int, name: str, text: str, decimal: Decimal) -> float:
    """The number that a cell holds; NaN if it is empty.

    Raises:
        Failure: if it is no number, or one that float32 cannot hold.
    """
    found = number(text, decimal)
    if found is None:
        raise Failure(
            f"{path}, line {line}: {name} must be a number, found {text!r}; correct it, state the decimal mark, "
            "or leave the column out"
        )
    if abs(found) > LARGEST:
        raise Failure(f"{path}, line {line}: {name} is too large to compute with, found {text}; correct it")
    return found


def many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
