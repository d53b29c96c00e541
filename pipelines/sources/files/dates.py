"""Dates and times as people write them: 2020-01-31, 31.12.2020, 12/31/2020, each with a time of day or without."""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.files.parsing import CLOCK, instant, moment

DAY = np.timedelta64(1, "D")
EPOCH = np.datetime64("1970-01-01", "us")
_DOTTED = re.compile(rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.([0-9]{{4}})(?:(?:T|,?\s+){CLOCK})?")  # the day is first
_SLASHED = re.compile(rf"([0-9]{{1,2}})([/-])([0-9]{{1,2}})\2([0-9]{{4}})(?:(?:T|,?\s+){CLOCK})?")  # day or month is


class Dates(NamedTuple):
    """What the texts of a column mean as dates. D texts."""

    moments: NDArray[np.datetime64]  # (D,), NaT where a text is no date
    ambiguous: str = ""  # a text of which the whole column does not say whether the day or the month is first


def dates(texts: list[str]) -> Dates:
    """Read texts as dates; whether 12/11/2020 is in November or in December is decided over all of them."""
    slashed = {text: found for text in texts if (found := _SLASHED.fullmatch(text))}
    day_first = [_slashed(found, day=1, month=3) for found in slashed.values()]
    month_first = [_slashed(found, day=3, month=1) for found in slashed.values()]
    if None not in day_first and None not in month_first and day_first != month_first:
        return Dates(np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[us]"), min(slashed))
    better = max(day_first, month_first, key=lambda read: sum(one is not None for one in read))
    known = dict(zip(slashed, better, strict=True))
    read = [known[text] if text in known else _one(text) for text in texts]
    return Dates(np.array([np.datetime64("NaT") if one is None else one for one in read], dtype="datetime64[us]"))


def days(moments: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Days since 1970-01-01, with the time of day as a fraction; NaN for NaT."""
    return np.asarray((moments - EPOCH) / DAY, dtype=np.float64)


def _slashed(found: re.Match[str], day: int, month: int) -> np.datetime64 | None:
    return instant(int(found[4]), int(found[month]), int(found[day]), found.groups()[4:])


def _one(text: str) -> np.datetime64 | None:
    if found := _DOTTED.fullmatch(text):
        return instant(int(found[3]), int(found[2]), int(found[1]), found.groups()[3:])
    return moment(text)
