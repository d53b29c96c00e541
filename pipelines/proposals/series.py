"""Series proposal: a file whose rows follow each other in time, at equal steps."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.proposals.clocks import find_time_zone
from pipelines.proposals.columns import ReadColumns, column_dates, column_numbers, summarise_columns
from pipelines.proposals.source_proposal import ColumnRole, SourceProposal, Wishes
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.parsing import parse_datetime
from pipelines.sources.series.load import SeriesSettings
from pipelines.sources.series.time_grid import infer_grid
from pipelines.sources.series.times import TIME_UNITS
from pipelines.sources.table.type_inference import distinct_texts

MIN_STEPS = 40  # fewer rows are no series to learn from
MIN_DIFFERENT_TIMES = 0.9  # share of the rows: where more stand twice, the rows are of several things
ALL_NUMBERS = "*"  # what the question for the target takes for every column of numbers


class Cycle(NamedTuple):
    """How a series of some step is read: the season, what a window shows, what is forecast; in steps."""

    season: int | None
    window: int
    horizon: int


CYCLES = {  # by the step that the times keep
    "1 min": Cycle(60, 120, 30),
    "5 min": Cycle(288, 288, 36),
    "10 min": Cycle(144, 144, 36),
    "15 min": Cycle(96, 192, 48),
    "30 min": Cycle(48, 96, 24),
    "1 h": Cycle(24, 96, 24),
    "1 day": Cycle(7, 56, 14),
    "1 week": Cycle(52, 104, 13),
    "1 month": Cycle(12, 48, 12),
    "3 months": Cycle(4, 24, 4),
    "1 year": Cycle(None, 24, 4),
}
OTHER_CYCLE = Cycle(None, 48, 12)
MAX_WINDOW_SHARE = 8  # a window shows at most an eighth of the steps
REPAIRS: tuple[Mapping[str, Any], ...] = (
    {"repeats": "mean"},
    {"gaps": "interpolate"},
    {"repeats": "mean", "gaps": "interpolate"},
    {"repeats": "mean", "gaps": "interpolate", "longest_gap": 24},
)


class TimeColumns(NamedTuple):
    """The columns that say when a row was, and the step they keep."""

    names: tuple[str, ...]
    step: str
    time_zone: str | None  # of clocks that were set back, where what stands twice tells it


def find_time_columns(found: ReadColumns) -> TimeColumns | None:
    """The columns of times of a file that is a series; None if it is none."""
    if found.row_count < MIN_STEPS:
        return None
    for names, times in _candidates(found):
        known = np.unique(times[~np.isnat(times)]).astype("datetime64[us]")
        if len(known) < MIN_DIFFERENT_TIMES * found.row_count:
            continue
        try:
            step = infer_grid("", known, np.arange(len(known))).step
        except UserError:
            continue
        return TimeColumns(names, step, find_time_zone(times))
    return None


def _candidates(found: ReadColumns) -> list[tuple[tuple[str, ...], NDArray[np.datetime64]]]:
    """Columns that may be times, and the time of every row (N,)."""
    columns = found.table.columns
    candidates: list[tuple[tuple[str, ...], NDArray[np.datetime64]]] = [
        ((name,), column_dates(columns[name]))
        for name, inferred in found.types.items()
        if inferred.type == "date" and parse_datetime(distinct_texts(columns[name], slice(1))[0]) is not None
    ]
    units = _unit_columns(found)
    if units:
        numbers = {
            unit: column_numbers(columns[name], found.decimal) for unit, name in zip(TIME_UNITS, units, strict=False)
        }
        candidates.append((units, _join_units(numbers)))
    return candidates


def _unit_columns(found: ReadColumns) -> tuple[str, ...]:
    """Columns called year, month, day, hour, as many as there are in this order; none without a year."""
    called = {name.strip().lower(): name for name in found.table.columns}
    names = []
    for unit in TIME_UNITS:
        name = called.get(unit) or called.get({"month": "mon", "hour": "hr", "minute": "min"}.get(unit, unit))
        if name is None or name not in found.types or found.types[name].type not in ("number", "id", "category"):
            break
        names.append(name)
    return tuple(names)


def _join_units(numbers: Mapping[str, NDArray[np.float64]]) -> NDArray[np.datetime64]:
    """Times of years, months, days, hours, minutes and seconds (N,) each; NaT where one is missing."""
    missing = np.any([np.isnan(each) for each in numbers.values()], axis=0)

    def whole(unit: str, otherwise: int) -> NDArray[np.int64]:
        values = numbers.get(unit, np.full(len(missing), otherwise))
        return np.where(missing, otherwise, np.nan_to_num(values)).astype(np.int64)

    months = ((whole("year", 1970) - 1970) * 12 + whole("month", 1) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (whole("day", 1) - 1)
    seconds = whole("hour", 0) * 3600 + whole("minute", 0) * 60 + whole("second", 0)
    times: NDArray[np.datetime64] = (days.astype("datetime64[s]") + seconds).astype("datetime64[us]")
    times[missing] = np.datetime64("NaT")
    return times


def propose_series(path: str, found: ReadColumns, time: TimeColumns, wishes: Wishes) -> SourceProposal:
    """A source of kind series, with a window, a horizon and a season that suit its step."""
    numbers = [name for name, one in found.types.items() if one.type == "number" and name not in time.names]
    roles: dict[str, ColumnRole] = dict.fromkeys(time.names, "time")
    target = wishes.target
    if target is None and len(numbers) > 1:
        target = wishes.choose_target(summarise_columns(found, roles), ALL_NUMBERS)
    targets = [] if target in (None, ALL_NUMBERS) else [str(target)]
    roles |= dict.fromkeys(targets or numbers, "target")
    cycle = _fit_cycle(CYCLES.get(time.step, OTHER_CYCLE), found.row_count)
    unused = [
        name
        for name, one in found.types.items()
        if name not in time.names and name not in targets and (one.type in ("id", "date", "text"))
    ]
    roles |= dict.fromkeys(unused, "unused")
    inputs = [name for name in found.types if name not in time.names and name not in unused] if unused else []
    source = {
        "kind": "series",
        "path": path,
        "time": time.names[0] if len(time.names) == 1 else list(time.names),
        **({"targets": targets} if targets else {}),
        **({"inputs": inputs} if inputs else {}),
        "window": cycle.window,
        "horizon": cycle.horizon,
        **{name: value for name, value in wishes.settings.items() if name in SeriesSettings.model_fields},
    }
    if found.decimal == ",":
        source["decimal"] = ","
    zone: dict[str, Any] = {"time_zone": time.time_zone} if time.time_zone and "time_zone" not in source else {}
    reasons = [
        f"Its rows are {time.step} apart by {' and '.join(time.names)}, so it is a series: from {cycle.window} steps, "
        f"the next {cycle.horizon} are forecast.",
    ]
    return SourceProposal(
        source,
        f"a series of {found.row_count:,} rows, one every {time.step}",
        summarise_columns(found, roles),
        split={"by": "time"},
        task={"season": cycle.season} if cycle.season else {},
        reasons=tuple(reasons),
        repairs=(*({**zone, **repair} for repair in ({}, *REPAIRS) if zone), *REPAIRS),
    )


def _fit_cycle(cycle: Cycle, steps: int) -> Cycle:
    """The same for a series of few steps: a shorter window, a nearer horizon, no season longer than the window."""
    window = max(2, min(cycle.window, steps // MAX_WINDOW_SHARE))
    season = cycle.season if cycle.season and cycle.season <= window else None
    return Cycle(season, window, max(1, min(cycle.horizon, window // 2)))
