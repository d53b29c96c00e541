"""Times of a series: of one column or several, and of clocks that are set forward and back."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.parsing import MISSING_MARKS, parse_datetime, parse_number
from pipelines.sources.files.typed_table import CellTable

YEAR_PATTERN = re.compile(r"[0-9]{4}")
TIME_UNITS = ("year", "month", "day", "hour", "minute", "second")  # what several columns of numbers hold, in this order
LAST_VALUES = {"month": 12, "day": 31, "hour": 24, "minute": 59, "second": 59}  # 24 h is 0 h of the next day


def parse_times(path: Path | str, cells: CellTable, columns: Sequence[str]) -> NDArray[np.datetime64]:
    """The time of every row (n,), datetime64[us].

    Args:
        path: the file, for failures.
        cells: n rows.
        columns: one of times; or a date and a clock; or numbers, the year first and then what TIME_UNITS says.

    Raises:
        UserError: a cell is no time, or no number where it must be one.
    """
    texts = [[text.strip() for text in cells.column_texts(name)] for name in columns]
    if len(columns) > 1 and _holds_years(texts[0]):
        return _join_units(path, cells, columns, texts)
    joined = [" ".join(row) for row in zip(*texts, strict=True)]
    years = all(YEAR_PATTERN.fullmatch(text) for text in joined)
    times = np.empty(len(joined), dtype="datetime64[us]")
    name = " and ".join(columns)
    for row, text in enumerate(joined):
        found = np.datetime64(text, "us") if years else parse_datetime(text)
        if found is None:
            what = "is empty" if text in MISSING_MARKS else f"is no date or time: {text!r}; write 2024-12-31 23:00"
            raise UserError(f"{path}, line {cells.line_numbers[row]}: {name} {what}")
        times[row] = found
    return times


def _holds_years(texts: Sequence[str]) -> bool:
    return all(YEAR_PATTERN.fullmatch(text) or not text for text in texts)


def _join_units(
    path: Path | str, cells: CellTable, columns: Sequence[str], texts: Sequence[Sequence[str]]
) -> NDArray[np.datetime64]:
    if len(columns) > len(TIME_UNITS):
        raise UserError(f"{path}: time names {len(columns)} columns, but a time has {', '.join(TIME_UNITS)} at most")
    numbers = {
        unit: _parse_unit(path, cells, name, unit, column)
        for unit, name, column in zip(TIME_UNITS, columns, texts, strict=False)
    }
    months = (numbers["year"] - 1970) * 12 + numbers.get("month", np.ones(len(cells), dtype=np.int64)) - 1
    first = months.astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (numbers.get("day", np.ones(len(cells), dtype=np.int64)) - 1)
    if (wrong := np.flatnonzero(days.astype("datetime64[M]") != first)).size:
        row = int(wrong[0])
        raise UserError(
            f"{path}, line {cells.line_numbers[row]}: there is no day {numbers['day'][row]} in {first[row]}; correct it"
        )
    seconds = sum(
        numbers[unit] * size for unit, size in (("hour", 3600), ("minute", 60), ("second", 1)) if unit in numbers
    )
    return (days.astype("datetime64[s]") + np.asarray(seconds, dtype=np.int64)).astype("datetime64[us]")


def _parse_unit(path: Path | str, cells: CellTable, name: str, unit: str, texts: Sequence[str]) -> NDArray[np.int64]:
    low, high = int(unit in ("year", "month", "day")), LAST_VALUES.get(unit, 9999)
    numbers = np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        number = parse_number(text)
        if number is None or not low <= number <= high or number % 1:
            raise UserError(
                f"{path}, line {cells.line_numbers[row]}: {name} must be a {unit}, a whole number from {low} to "
                f"{high}, found {text!r}; time names the columns in the order {', '.join(TIME_UNITS)}"
            )
        numbers[row] = int(number)
    return numbers


def to_utc(
    path: Path | str, times: NDArray[np.datetime64], lines: NDArray[np.int64], time_zone: str
) -> NDArray[np.datetime64]:
    """Times (n,) that clocks of a zone show, as UTC; of two rows of one time, where clocks were set back, the second
    is an hour later.

    Raises:
        UserError: there is no such zone, or its clocks never showed a time.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(f"{path}: time_zone: {time_zone!r} is not known here; write it as Europe/Berlin") from None
    seen: Counter[np.datetime64] = Counter()
    found = np.empty_like(times)
    for row, time in enumerate(times):
        local = time.astype(datetime).replace(tzinfo=zone, fold=int(seen[time] > 0))
        seen[time] += 1
        utc = local.astimezone(UTC)
        if utc.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            raise UserError(
                f"{path}, line {lines[row]}: clocks in {time_zone} never showed {time.astype('datetime64[s]')}, they "
                "were put forward over it; take time_zone out if the times are of one standard time all year"
            )
        found[row] = np.datetime64(utc.replace(tzinfo=None), "us")
    return found
