"""Date parsing: 2020-01-31, 31.12.2020, 12/31/2020, each with a time of day or without."""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.files.parsing import CLOCK_PATTERN, parse_datetime, to_datetime64

ONE_DAY = np.timedelta64(1, "D")
EPOCH = np.datetime64("1970-01-01", "us")
_DOTTED_PATTERN = re.compile(
    rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.([0-9]{{4}})(?:(?:T|,?\s+){CLOCK_PATTERN})?"
)  # the day is first
_SLASHED_PATTERN = re.compile(
    rf"([0-9]{{1,2}})([/-])([0-9]{{1,2}})\2([0-9]{{4}})(?:(?:T|,?\s+){CLOCK_PATTERN})?"
)  # day or month is
# How a text that is a date begins: what a column of millions of texts is looked through for.
DATE_BEGINNING_PATTERN = "^([0-9]{4}[-/]|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9])"


class ParsedDates(NamedTuple):
    """What the texts of a column mean as dates. D texts."""

    datetimes: NDArray[np.datetime64]  # (D,), NaT where a text is no date
    ambiguous_text: str = ""  # a text of which the whole column does not say whether the day or the month is first


def parse_dates(texts: list[str]) -> ParsedDates:
    """Read texts as dates; whether 12/11/2020 is in November or in December is decided over all of them."""
    slashed = {text: found for text in texts if (found := _SLASHED_PATTERN.fullmatch(text))}
    day_first = [_parse_slashed_date(found, day=1, month=3) for found in slashed.values()]
    month_first = [_parse_slashed_date(found, day=3, month=1) for found in slashed.values()]
    if None not in day_first and None not in month_first and day_first != month_first:
        return ParsedDates(np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[us]"), min(slashed))
    better = max(day_first, month_first, key=lambda read: sum(one is not None for one in read))
    known = dict(zip(slashed, better, strict=True))
    read = [known[text] if text in known else _parse_date(text) for text in texts]
    return ParsedDates(np.array([np.datetime64("NaT") if one is None else one for one in read], dtype="datetime64[us]"))


def days_since_epoch(datetimes: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Days since 1970-01-01, with the time of day as a fraction; NaN for NaT."""
    return np.asarray((datetimes - EPOCH) / ONE_DAY, dtype=np.float64)


def _parse_slashed_date(match: re.Match[str], day: int, month: int) -> np.datetime64 | None:
    return to_datetime64(int(match[4]), int(match[month]), int(match[day]), match.groups()[4:])


def _parse_date(text: str) -> np.datetime64 | None:
    if found := _DOTTED_PATTERN.fullmatch(text):
        return to_datetime64(int(found[3]), int(found[2]), int(found[1]), found.groups()[3:])
    return parse_datetime(text)
