"""Time grid: the regular step of a series, the position of every row, and filled gaps."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dates import format_time
from pipelines.runtime.user_error import UserError

GapPolicy = Literal["refuse", "interpolate", "previous"]

MICROSECONDS_PER_SECOND = 10**6  # microseconds, in which times are counted here
MICROSECONDS_PER_DAY = 86_400 * MICROSECONDS_PER_SECOND
UNIT_MICROSECONDS = {
    "week": 7 * MICROSECONDS_PER_DAY,
    "day": MICROSECONDS_PER_DAY,
    "h": 3600 * MICROSECONDS_PER_SECOND,
    "min": 60 * MICROSECONDS_PER_SECOND,
    "s": MICROSECONDS_PER_SECOND,
    "ms": 1000,
    "us": 1,
}
PLURAL_UNITS = frozenset({"week", "day", "month", "year"})  # units that take a plural
MIN_MONTH_MICROSECONDS = 28 * MICROSECONDS_PER_DAY
MIN_REGULAR_SHARE = 0.5  # the share of rows that must be one step after the row before; with fewer there is no step


class TimeGrid(NamedTuple):
    """A grid of T steps, and where n rows stand on it."""

    step: str  # "1 h", "15 min", "1 month"
    step_of_row: NDArray[np.int64]  # (n,), rising; 0 is the first step
    times: NDArray[np.datetime64]  # (T,), datetime64[us]


class CalendarMonths(NamedTuple):
    """Times as months, for a month is not so many seconds; n rows."""

    months: NDArray[np.int64]  # (n,), since 1970
    offsets: NDArray[np.int64]  # (n,), microseconds since the month began, or until it ends
    from_end: bool  # until it ends: the last day of every month


class FilledSeries(NamedTuple):
    """T steps of F variables without a missing value."""

    values: NDArray[np.float32]  # (T, F)
    last_known_steps: NDArray[np.int64]  # (T,), the last step that each step's values were made from
    kept_steps: slice  # of the steps before: those from the first to the last at which every variable has a value
    filled_cells: int  # how many were filled
    gap_count: int  # runs of missing values
    longest_gap: int  # steps of the longest run


def infer_grid(path: Path | str, times: NDArray[np.datetime64], lines: NDArray[np.int64]) -> TimeGrid:
    """Find the step that times (n,) keep: so many seconds, or so many months of the calendar.

    Args:
        path: the file, for failures.
        times: rising, datetime64[us].
        lines: (n,), the line of the file on which each stands.

    Raises:
        UserError: if there are fewer than three times, or one does not fall on the step that most keep.
    """
    if len(times) < 3:
        raise UserError(f"{path}: {len(times)} different times are too few to find the step of a series; add rows")
    calendar = _to_calendar_months(times)
    count = calendar.months if calendar else times.astype(np.int64)
    phase = calendar.offsets if calendar else np.zeros(len(times), dtype=np.int64)
    steps, times_found = np.unique(np.diff(count), return_counts=True)
    step = int(steps[np.argmax(times_found)])
    step_text = _format_step(step, "month" if calendar else None)
    if step == 0 or times_found.max() < MIN_REGULAR_SHARE * (len(times) - 1):
        row = 1 + int(np.argmax(np.diff(count) != step))
        raise UserError(
            _irregular_step_error(path, times, lines, row, f"{step_text}, which fewer than half of the rows keep")
        )
    rest = count % step
    usual_phase = _most_frequent(phase)
    is_irregular = (rest != _most_frequent(rest)) | (phase != usual_phase)
    if is_irregular.any():
        raise UserError(_irregular_step_error(path, times, lines, int(np.argmax(is_irregular)), step_text))
    step_of_row = (count - count[0]) // step
    steps_from_start = np.arange(step_of_row[-1] + 1) * step  # (T,), steps since the first time, in units of `count`
    if calendar is None:
        return TimeGrid(step_text, step_of_row, times[0] + steps_from_start.astype("timedelta64[us]"))
    month = times[0].astype("datetime64[M]") + steps_from_start
    if calendar.from_end:
        return TimeGrid(
            step_text, step_of_row, (month + 1).astype("datetime64[us]") - np.timedelta64(int(usual_phase), "us")
        )
    return TimeGrid(step_text, step_of_row, month.astype("datetime64[us]") + np.timedelta64(int(usual_phase), "us"))


def fill_gaps(
    path: Path | str,
    grid: TimeGrid,
    rows: NDArray[np.float64],
    names: tuple[str, ...],
    gap_policy: GapPolicy,
    max_gap: int,
    is_word: NDArray[np.bool_],
) -> FilledSeries:
    """Put rows (n, F) on the grid, and fill what is missing there as stated.

    Between two words (`is_word`, (F,)) there is no line: the last one is repeated.

    Raises:
        UserError: if something is missing and gaps are refused, a gap is longer than `longest` steps, or a variable has
            no value at all.
    """
    widest = int(np.argmax(np.diff(grid.step_of_row)))
    absent = int(np.diff(grid.step_of_row)[widest]) - 1
    if absent and (gap_policy == "refuse" or absent > max_gap):  # before a grid with years of nothing is made
        raise UserError(
            _gap_error(path, grid, gap_policy, max_gap, int(grid.step_of_row[widest]) + 1, absent, "no row")
        )
    values = np.full((len(grid.times), len(names)), np.nan)
    values[grid.step_of_row] = rows
    kept_steps = _shared_span(path, values, names) if gap_policy != "refuse" else slice(0, len(values))
    values = values[kept_steps]
    last_known_steps = np.arange(len(values))
    cells, gap_count, longest_gap = int(np.isnan(values).sum()), 0, 0
    for column, name in enumerate(names):
        missing = np.isnan(values[:, column])
        if not missing.any():
            continue
        first, lengths = _missing_runs(missing)
        gap_count, longest_gap = gap_count + len(first), max(longest_gap, int(lengths.max()))
        if gap_policy == "refuse" or longest_gap > max_gap:
            worst = int(np.argmax(lengths > (0 if gap_policy == "refuse" else max_gap)))
            start = int(first[worst]) + kept_steps.start
            raise UserError(
                _gap_error(path, grid, gap_policy, max_gap, start, int(lengths[worst]), f"{name} has no value")
            )
        present = np.flatnonzero(~missing)
        next_filled = np.searchsorted(present, np.arange(len(values)))
        if gap_policy == "interpolate" and not is_word[column]:
            values[:, column] = np.interp(np.arange(len(values)), present, values[present, column])
            last_known_steps = np.maximum(last_known_steps, present[next_filled])
        else:
            values[missing, column] = values[present[next_filled[missing] - 1], column]
    return FilledSeries(values.astype(np.float32), last_known_steps, kept_steps, cells, gap_count, longest_gap)


def _to_calendar_months(times: NDArray[np.datetime64]) -> CalendarMonths | None:
    """Times (n,) as months of the calendar; None if they do not keep to its months."""
    if np.median(np.diff(times).astype(np.int64)) < MIN_MONTH_MICROSECONDS:
        return None
    months = times.astype("datetime64[M]")
    begun, left = (times - months).astype(np.int64), ((months + 1) - times).astype(np.int64)
    from_start, from_end = (float(np.mean(within == _most_frequent(within))) for within in (begun, left))
    if max(from_start, from_end) <= MIN_REGULAR_SHARE:
        return None
    return CalendarMonths(months.astype(np.int64), begun if from_start >= from_end else left, from_start < from_end)


def _most_frequent(values: NDArray[np.int64]) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[np.argmax(counts)])


def _format_step(step: int, unit: str | None) -> str:
    """A step in words: 3600000000 microseconds are "1 h", 12 months "1 year"."""
    if unit == "month":
        number, unit = (step // 12, "year") if step and step % 12 == 0 else (step, "month")
    else:
        unit = next(name for name, size in UNIT_MICROSECONDS.items() if step % size == 0)
        number = step // UNIT_MICROSECONDS[unit]
    return f"{number} {unit}{'s' if number != 1 and unit in PLURAL_UNITS else ''}"


def _irregular_step_error(
    path: Path | str, times: NDArray[np.datetime64], lines: NDArray[np.int64], row: int, step: str
) -> str:
    other, where = (row - 1, "before") if row else (1, "after")
    return (
        f"{path}, line {lines[row]}: the steps of a series must be equal, but {format_time(times[row])} (the time "
        f"{where} it is {format_time(times[other])}, line {lines[other]}) does not fall on the step of {step}; "
        "correct the row or bring the series to a regular step first"
    )


def _gap_error(
    path: Path | str, grid: TimeGrid, gap_policy: GapPolicy, max_gap: int, start: int, length: int, what: str
) -> str:
    gap_length = f"{length} step{'' if length == 1 else 's'} of {grid.step}"
    found = f"{path}: {what} for {gap_length} from {format_time(grid.times[start])}"
    if gap_policy == "refuse":
        return f"{found}; fill it in, or state gaps: interpolate or gaps: previous"
    return f"{found}, more than longest_gap: {max_gap}; fill it in or raise longest_gap"


def _shared_span(path: Path | str, values: NDArray[np.float64], names: tuple[str, ...]) -> slice:
    """The steps from the first to the last at which every variable (T, F) has a value: nothing is filled outwards."""
    there = ~np.isnan(values)
    for column, name in enumerate(names):
        if not there[:, column].any():
            raise UserError(f"{path}: the column {name} has no value at all; leave it out of inputs and targets")
    first, last = int(there.argmax(axis=0).max()), len(values) - int(there[::-1].argmax(axis=0).max())
    if first >= last:
        raise UserError(f"{path}: the columns {', '.join(names)} have values at different times; they must share some")
    return slice(first, last)


def _missing_runs(missing: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each run of True in (T,) begins, and how long it is."""
    edges = np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8))
    first = np.flatnonzero(edges == 1)
    return first, np.flatnonzero(edges == -1) - first
