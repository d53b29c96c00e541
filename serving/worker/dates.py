"""Dates and times: ISO 8601 text in requests and replies, days since 1970-01-01 in the graph."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from serving.worker.request_error import Refusal, shown

EPOCH = datetime(1970, 1, 1)
DAY = timedelta(days=1)
LENGTHS = (4, 7, 10)  # characters of "1961", "1961-03", "1961-03-01"
STEP = re.compile(r"\s*(\d+)?\s*([A-Za-z]+)\s*")
MONTHS = {"month": 1, "year": 12}
DATES = {"day": DAY, "week": 7 * DAY}
CLOCK = {
    "h": timedelta(hours=1), "min": timedelta(minutes=1), "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1),
}  # fmt: skip


def days(text: str) -> float:
    """Count days from 1970-01-01 to a date or time; one with an offset is moved to UTC.

    >>> days("1970-01-02T12:00")
    1.5

    Raises:
        ValueError: the text is no ISO date.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - EPOCH) / DAY


def iso(count: float, *, whole: bool = False) -> str:
    """Write days since 1970-01-01 as ISO text, with the time of day if it has one; `whole`: the nearest day.

    Raises:
        OverflowError: the day lies before the year 1 or after 9999.
    """
    moment = EPOCH + timedelta(days=round(count) if whole else count)
    return (
        moment.date().isoformat()
        if moment - datetime.combine(moment, datetime.min.time()) == timedelta()
        else (moment.isoformat())
    )


class Moment(NamedTuple):
    """A point in time and how many characters of it were given: "1961" is written again as "1961"."""

    at: datetime
    characters: int


def moment(value: object, where: str) -> Moment:
    """Read an ISO date or time; a year or a month alone will do.

    Raises:
        Refusal: it is something else.
    """
    if isinstance(value, str):
        try:
            short = re.fullmatch(r"\d{4}(-\d{2})?", value)
            return Moment(datetime.fromisoformat(value + "-01-01"[: 10 - len(value)] if short else value), len(value))
        except ValueError:
            pass
    raise Refusal(400, f'{where}: expected a date or time such as "2024-03-01T12:00", found {shown(value)}')


def following(start: Moment, step: str, count: int, where: str) -> list[str]:
    """Write the `count` moments after `start`, one `step` ("15 min", "1 day", "1 month") apart.

    A month or a year later is the same day of the month, or the last one where the month is shorter; after the
    last day of a month come last days of months.

    Raises:
        Refusal: the model knows no step, or the years run out.
    """
    found = STEP.fullmatch(step)
    unit = found[2] if found else ""
    unit = unit if unit in CLOCK else unit.removesuffix("s")
    if found is None or unit not in {*CLOCK, *DATES, *MONTHS}:
        raise Refusal(400, f"{where}: expected none, because this model does not know the time between its steps")
    each = int(found[1] or 1)
    characters = 0 if unit in CLOCK else start.characters
    try:
        return [_written(_later(start.at, unit, each * number), characters) for number in range(1, count + 1)]
    except (OverflowError, ValueError) as error:
        raise Refusal(400, f"{where}: expected a year that leaves room for the forecast, found {start.at}") from error


def _later(start: datetime, unit: str, number: int) -> datetime:
    if unit not in MONTHS:
        return start + {**CLOCK, **DATES}[unit] * number
    year, month = divmod(start.year * 12 + start.month - 1 + MONTHS[unit] * number, 12)
    last = _length(year, month + 1)
    is_last = start.day == _length(start.year, start.month)
    return start.replace(year=year, month=month + 1, day=last if is_last else min(start.day, last))


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _written(at: datetime, characters: int) -> str:
    return at.isoformat()[:characters] if characters in LENGTHS else at.isoformat()
