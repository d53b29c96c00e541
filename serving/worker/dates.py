"""Date conversion: ISO 8601 text in requests and replies, days since 1970-01-01 in the graph."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from serving.worker.request_error import RequestError, describe_value

EPOCH = datetime(1970, 1, 1)
DAY = timedelta(days=1)
ISO_LENGTHS = (4, 7, 10)  # characters of "1961", "1961-03", "1961-03-01"
STEP_PATTERN = re.compile(r"\s*(\d+)?\s*([A-Za-z]+)\s*")
MONTHS_PER_UNIT = {"month": 1, "year": 12}
DAY_UNITS = {"day": DAY, "week": 7 * DAY}
CLOCK_UNITS = {
    "h": timedelta(hours=1), "min": timedelta(minutes=1), "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1),
}  # fmt: skip


def iso_to_days(text: str) -> float:
    """Convert a date or time to days since 1970-01-01; one with an offset is converted to UTC.

    >>> iso_to_days("1970-01-02T12:00")
    1.5

    Raises:
        ValueError: the text is no ISO date.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        at = at.astimezone(UTC).replace(tzinfo=None)
    return (at - EPOCH) / DAY


def days_to_iso(count: float, *, whole: bool = False) -> str:
    """Convert days since 1970-01-01 to ISO text, with the time of day if it has one; `whole`: to the nearest day.

    Raises:
        OverflowError: the day lies before the year 1 or after 9999.
    """
    at = EPOCH + timedelta(days=round(count) if whole else count)
    return at.date().isoformat() if at.time() == datetime.min.time() else at.isoformat()


class Timestamp(NamedTuple):
    """A point in time and how many characters of it were given: "1961" is written again as "1961"."""

    instant: datetime
    characters: int


def parse_timestamp(value: object, where: str) -> Timestamp:
    """Parse an ISO date or time; a year or a month alone will do.

    Raises:
        RequestError: it is something else.
    """
    if isinstance(value, str):
        try:
            short = re.fullmatch(r"\d{4}(-\d{2})?", value)
            return Timestamp(
                datetime.fromisoformat(value + "-01-01"[: 10 - len(value)] if short else value), len(value)
            )
        except ValueError:
            pass
    raise RequestError(
        400, f'{where}: expected a date or time such as "2024-03-01T12:00", found {describe_value(value)}'
    )


def forecast_times(start: Timestamp, step: str, count: int, where: str) -> list[str]:
    """The ISO times of `count` steps after `start`, each `step` long ("15 min", "1 day", "1 month").

    A month or a year later is the same day of the month, or the last one where the month is shorter; after the
    last day of a month come last days of months.

    Raises:
        RequestError: the length of a step is not known, or a time is after the year 9999.
    """
    found = STEP_PATTERN.fullmatch(step)
    unit = found[2] if found else ""
    unit = unit if unit in CLOCK_UNITS else unit.removesuffix("s")
    if found is None or unit not in {*CLOCK_UNITS, *DAY_UNITS, *MONTHS_PER_UNIT}:
        raise RequestError(400, f"{where}: expected none, because this model does not know the time between its steps")
    multiple = int(found[1] or 1)
    characters = 0 if unit in CLOCK_UNITS else start.characters
    try:
        return [
            _format_timestamp(_add_steps(start.instant, unit, multiple * number), characters)
            for number in range(1, count + 1)
        ]
    except (OverflowError, ValueError) as error:
        raise RequestError(
            400, f"{where}: expected a year that leaves room for the forecast, found {start.instant}"
        ) from error


def _add_steps(start: datetime, unit: str, number: int) -> datetime:
    if unit not in MONTHS_PER_UNIT:
        return start + {**CLOCK_UNITS, **DAY_UNITS}[unit] * number
    year, month = divmod(start.year * 12 + start.month - 1 + MONTHS_PER_UNIT[unit] * number, 12)
    last = _days_in_month(year, month + 1)
    is_last = start.day == _days_in_month(start.year, start.month)
    return start.replace(year=year, month=month + 1, day=last if is_last else min(start.day, last))


def _days_in_month(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _format_timestamp(at: datetime, characters: int) -> str:
    return at.isoformat()[:characters] if characters in ISO_LENGTHS else at.isoformat()
