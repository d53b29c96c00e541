"""The regular grid of a time series: its step, its place for every row, and what is done where a step is missing."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dates import said
from pipelines.runtime.user_error import Failure

Gaps = Literal["refuse", "interpolate", "previous"]

SECOND = 10**6  # microseconds, in which times are counted here
DAY = 86_400 * SECOND
UNITS = {"week": 7 * DAY, "day": DAY, "h": 3600 * SECOND, "min": 60 * SECOND, "s": SECOND, "ms": 1000, "us": 1}
WORDS = frozenset({"week", "day", "month", "year"})  # units that take a plural
SHORTEST_MONTH = 28 * DAY
MOST = 0.5  # the share of rows that must be one step after the row before; with fewer there is no step


class Timeline(NamedTuple):
    """A grid of T steps, and where n rows stand on it."""

    step: str  # "1 h", "15 min", "1 month"
    places: NDArray[np.int64]  # (n,), rising; 0 is the first step
    times: NDArray[np.datetime64]  # (T,), datetime64[us]


class Calendar(NamedTuple):
    """Times as months, for a month is not so many seconds; n rows."""

    months: NDArray[np.int64]  # (n,), since 1970
    within: NDArray[np.int64]  # (n,), microseconds since the month began, or until it ends
    from_end: bool  # until it ends: the last day of every month


class Filled(NamedTuple):
    """T steps of F variables without a missing value."""

    values: NDArray[np.float32]  # (T, F)
    known: NDArray[np.int64]  # (T,), the last step that each step's values were made from
    kept: slice  # of the steps before: those from the first to the last at which every variable has a value
    cells: int  # how many were filled
    gaps: int  # runs of missing values
    longest: int  # steps of the longest run


def regular(path: Path, times: NDArray[np.datetime64], lines: NDArray[np.int64]) -> Timeline:
    """Find the step that times (n,) keep: so many seconds, or so many months of the calendar.

    Args:
        path: the file, for failures.
        times: rising, datetime64[us].
        lines: (n,), the line of the file on which each stands.

    Raises:
        Failure: if there are fewer than three times, or one does not fall on the step that most keep.
    """
    if len(times) < 3:
        raise Failure(f"{path}: {len(times)} different times are too few to find the step of a series; add rows")
    calendar = _months(times)
    count = calendar.months if calendar else times.astype(np.int64)
    phase = calendar.within if calendar else np.zeros(len(times), dtype=np.int64)
    steps, times_found = np.unique(np.diff(count), return_counts=True)
    step = int(steps[np.argmax(times_found)])
    text = _text(step, "month" if calendar else None)
    if step == 0 or times_found.max() < MOST * (len(times) - 1):
        row = 1 + int(np.argmax(np.diff(count) != step))
        raise Failure(_irregular(path, times, lines, row, f"{text}, which fewer than half of the rows keep"))
    rest = count % step
    usual_phase = _commonest(phase)
    astray = (rest != _commonest(rest)) | (phase != usual_phase)
    if astray.any():
        raise Failure(_irregular(path, times, lines, int(np.argmax(astray)), text))
    places = (count - count[0]) // step
    grid = np.arange(places[-1] + 1) * step  # (T,), steps since the first time, in units of `count`
    if calendar is None:
        return Timeline(text, places, times[0] + grid.astype("timedelta64[us]"))
    month = times[0].astype("datetime64[M]") + grid
    if calendar.from_end:
        return Timeline(text, places, (month + 1).astype("datetime64[us]") - np.timedelta64(int(usual_phase), "us"))
    return Timeline(text, places, month.astype("datetime64[us]") + np.timedelta64(int(usual_phase), "us"))


def filled(
    path: Path,
    timeline: Timeline,
    rows: NDArray[np.float64],
    names: tuple[str, ...],
    how: Gaps,
    longest: int,
) -> Filled:
    """Put rows (n, F) on the grid, and fill what is missing there as stated.

    Raises:
        Failure: if something is missing and gaps are refused, a gap is longer than `longest` steps, or a variable has
            no value at all.
    """
    widest = int(np.argmax(np.diff(timeline.places)))
    absent = int(np.diff(timeline.places)[widest]) - 1
    if absent and (how == "refuse" or absent > longest):  # before a grid with years of nothing is made
        raise Failure(_gap(path, timeline, how, longest, int(timeline.places[widest]) + 1, absent, "no row"))
    values = np.full((len(timeline.times), len(names)), np.nan)
    values[timeline.places] = rows
    kept = _span(path, values, names) if how != "refuse" else slice(0, len(values))
    values = values[kept]
    known = np.arange(len(values))
    cells, gaps, most = int(np.isnan(values).sum()), 0, 0
    for column, name in enumerate(names):
        missing = np.isnan(values[:, column])
        if not missing.any():
            continue
        first, lengths = _runs(missing)
        gaps, most = gaps + len(first), max(most, int(lengths.max()))
        if how == "refuse" or most > longest:
            worst = int(np.argmax(lengths > (0 if how == "refuse" else longest)))
            start = int(first[worst]) + kept.start
            raise Failure(_gap(path, timeline, how, longest, start, int(lengths[worst]), f"{name} has no value"))
        there = np.flatnonzero(~missing)
        place = np.searchsorted(there, np.arange(len(values)))
        if how == "interpolate":
            values[:, column] = np.interp(np.arange(len(values)), there, values[there, column])
            known = np.maximum(known, there[place])
        else:
            values[missing, column] = values[there[place[missing] - 1], column]
    return Filled(values.astype(np.float32), known, kept, cells, gaps, most)


def _months(times: NDArray[np.datetime64]) -> Calendar | None:
    """Times (n,) as months of the calendar; None if they do not keep to its months."""
    if np.median(np.diff(times).astype(np.int64)) < SHORTEST_MONTH:
        return None
    months = times.astype("datetime64[M]")
    begun, left = (times - months).astype(np.int64), ((months + 1) - times).astype(np.int64)
    from_start, from_end = (float(np.mean(within == _commonest(within))) for within in (begun, left))
    if max(from_start, from_end) <= MOST:
        return None
    return Calendar(months.astype(np.int64), begun if from_start >= from_end else left, from_start < from_end)


def _commonest(values: NDArray[np.int64]) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[np.argmax(counts)])


def _text(step: int, unit: str | None) -> str:
    """A step in words: 3600000000 microseconds are "1 h", 12 months "1 year"."""
    if unit == "month":
        number, unit = (step // 12, "year") if step and step % 12 == 0 else (step, "month")
    else:
        unit = next(name for name, size in UNITS.items() if step % size == 0)
        number = step // UNITS[unit]
    return f"{number} {unit}{'s' if number != 1 and unit in WORDS else ''}"


def _irregular(path: Path, times: NDArray[np.datetime64], lines: NDArray[np.int64], row: int, step: str) -> str:
    other, where = (row - 1, "before") if row else (1, "after")
    return (
        f"{path}, line {lines[row]}: the steps of a series must be equal, but {said(times[row])} (the time {where} it "
        f"is {said(times[other])}, line {lines[other]}) does not fall on the step of {step}; "
        "correct the row or bring the series to a regular step first"
    )


def _gap(path: Path, timeline: Timeline, how: Gaps, longest: int, start: int, length: int, what: str) -> str:
    many = f"{length} step{'' if length == 1 else 's'} of {timeline.step}"
    found = f"{path}: {what} for {many} from {said(timeline.times[start])}"
    if how == "refuse":
        return f"{found}; fill it in, or state gaps: interpolate or gaps: previous"
    return f"{found}, more than longest_gap: {longest}; fill it in or raise longest_gap"


def _span(path: Path, values: NDArray[np.float64], names: tuple[str, ...]) -> slice:
    """The steps from the first to the last at which every variable (T, F) has a value: nothing is filled outwards."""
    there = ~np.isnan(values)
    for column, name in enumerate(names):
        if not there[:, column].any():
            raise Failure(f"{path}: the column {name} has no value at all; leave it out of inputs and targets")
    first, last = int(there.argmax(axis=0).max()), len(values) - int(there[::-1].argmax(axis=0).max())
    if first >= last:
        raise Failure(f"{path}: the columns {', '.join(names)} have values at different times; they must share some")
    return slice(first, last)


def _runs(missing: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each run of True in (T,) begins, and how long it is."""
    edges = np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8))
    first = np.flatnonzero(edges == 1)
    return first, np.flatnonzero(edges == -1) - first
