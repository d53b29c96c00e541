"""Loader of a time series: windows of its past, each with the steps that follow it.

A window is the input of a network, its future the target.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import BeforeValidator, model_validator
from pydantic import Field as Setting

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.dates import format_time
from pipelines.data.parts import PARTS, Part
from pipelines.data.schema import Field, Schema
from pipelines.data.wording import format_count, format_list
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.parsing import DecimalMark
from pipelines.sources.files.setting_types import ColumnNames, list_to_tuple
from pipelines.sources.files.tabular_file import TabularSettings, read_cells, resolve_rows, rows_name
from pipelines.sources.files.typed_table import CellTable
from pipelines.sources.series.rows import RepeatPolicy, merge_repeated_times, parse_series_rows, sort_by_time
from pipelines.sources.series.time_grid import FilledSeries, GapPolicy, TimeGrid, fill_gaps, infer_grid
from pipelines.sources.series.words import WORD_SIGN

MIN_STUCK_STEPS = 10  # steps without any change, at least, that look like an instrument that stood still


class SeriesSettings(TabularSettings):
    """`source: {kind: series, path: load.csv, time: date, targets: [load], window: 96, horizon: 24}`"""

    kind: Literal["series"]
    # its column of times: 2024-12-31, 2024-12-31 23:00, 2024-12, 2024; or several: year, month, day, hour, minute
    time: Annotated[str | tuple[str, ...], BeforeValidator(list_to_tuple)]
    time_zone: str | None = None  # of times that clocks show which are set forward and back: Europe/Berlin
    targets: ColumnNames = ()  # columns that are forecast; all when absent
    inputs: ColumnNames = ()  # columns that a network sees; all when absent, the targets always
    window: int = Setting(default=48, ge=1)  # steps that a network sees
    horizon: int = Setting(default=12, ge=1)  # steps that are forecast
    stride: int = Setting(default=1, ge=1)  # steps from one window to the next
    season: int | None = Setting(default=None, ge=2)  # steps after which the series resembles itself
    gaps: GapPolicy = (
        "refuse"  # where a value is missing: stop, draw a line between its neighbours, or keep the last one
    )
    longest_gap: int = Setting(default=3, ge=1)  # steps; a longer gap is never filled
    repeats: RepeatPolicy = "refuse"  # where a time stands twice: stop, keep the first row, or average them
    decimal: DecimalMark = "."
    title: str = ""
    origin: str = ""
    licence: str = ""
    unit: str = ""  # of the targets

    @property
    def time_columns(self) -> tuple[str, ...]:
        return (self.time,) if isinstance(self.time, str) else self.time

    @model_validator(mode="after")
    def _check_variables(self) -> "SeriesSettings":
        if not self.time_columns or len(set(self.time_columns)) < len(self.time_columns):
            raise ValueError("time must name one column, or several that differ: [year, month, day, hour]")
        for setting in ("targets", "inputs"):
            names = getattr(self, setting)
            if both := [name for name in self.time_columns if name in names]:
                raise ValueError(f"{setting} must not name {both[0]!r}, which is the column of times")
            if len(set(names)) < len(names):
                raise ValueError(f"{setting} names a column twice: {', '.join(names)}")
        return self


def load_series(settings: SeriesSettings) -> Dataset:
    """Read the rows of a regular time series, and cut it into windows.

    Raises:
        UserError: if a cell is no number or no time, a time repeats, a value is missing, unless settings say what to do
            then; if steps are unequal, or too few.
    """
    path = resolve_rows(settings.path)
    cells = read_cells(path, settings, decimal=settings.decimal)
    columns = _select_columns(path, cells, settings)
    rows, names = parse_series_rows(path, cells, settings.time_columns, columns, settings.decimal, settings.time_zone)
    is_word = np.array([name not in columns for name in names])
    targets = _select_targets(path, settings, columns, names)
    sorted_rows, order_findings = sort_by_time(rows)
    series_rows, repeat_findings = merge_repeated_times(path, sorted_rows, settings.repeats, is_word)
    grid = infer_grid(path, series_rows.times, series_rows.line_numbers)
    filled_series = fill_gaps(path, grid, series_rows.values, names, settings.gaps, settings.longest_gap, is_word)
    return cut_windows(
        filled_series.values,
        grid.times[filled_series.kept_steps],
        names,
        window=settings.window,
        horizon=settings.horizon,
        targets=targets,
        step=grid.step,
        title=settings.title or Path(rows_name(settings)).stem,
        origin=settings.origin or f"the file {rows_name(settings)}",
        licence=settings.licence or "not stated",
        notes=_window_notes(settings, grid, targets, names),
        findings=(
            *order_findings,
            *repeat_findings,
            *_gap_findings(settings, grid, filled_series),
            *_stuck_findings(settings, filled_series.values, names),
            *_season_findings(settings),
        ),
        stride=settings.stride,
        unit=settings.unit,
        last_known_steps=filled_series.last_known_steps,
    )


def cut_windows(
    values: NDArray[np.float32],
    times: NDArray[np.datetime64],
    names: tuple[str, ...],
    *,
    window: int,
    horizon: int,
    targets: tuple[str, ...],
    step: str,
    title: str,
    origin: str,
    licence: str,
    notes: tuple[str, ...] = (),
    findings: tuple[Finding, ...] = (),
    stride: int = 1,
    unit: str = "",
    last_known_steps: NDArray[np.int64] | None = None,
) -> Dataset:
    """Cut a regular series without missing values into examples; T steps, F variables, N windows.

    Nothing is copied: the examples are views of `values`.

    Args:
        values: (T, F), in the order of time.
        times: (T,), datetime64[s].
        names: of the F variables.
        window, horizon: W and H, how many steps are input and how many are forecast.
        targets: the variables that are forecast, some of `names`.
        step: the time from one step to the next: "1 h", "1 month".
        stride: steps from one window to the next.
        unit: of the targets.
        last_known_steps: (T,), the last step that each step's values were made from, where a gap was filled by what
            came later; None if every step knows of itself alone.

    Returns:
        Input `window` (N, W, F) and target `future` (N, H, targets). The keys are `time`, when each window's first
        forecast step is, `origin`, that step's place in the series, and `known`, the last place its window knows of.

    Raises:
        UserError: if the series is too short for one window in each part.
    """
    assert np.isfinite(values).all(), "gaps are filled, or refused, before windows are cut"
    steps = len(values)
    _check_length(title, steps, window, horizon)
    target_columns = [names.index(name) for name in targets]
    target_values = values if targets == names else values[:, target_columns]  # (T, targets)
    # (T, F) -> (N, F, W) -> (N, W, F); the last windows have nothing after them
    inputs = sliding_window_view(values[: steps - horizon], window, axis=0)[::stride].swapaxes(1, 2)
    future = sliding_window_view(target_values[window:], horizon, axis=0)[::stride].swapaxes(1, 2)
    first = np.arange(window, steps - horizon + 1, stride)  # (N,)
    window_field = Field(
        name="window", kind="steps", dtype="float32", shape=(window, len(names)), columns=names, step=step,
        unit=unit if targets == names else "",
    )  # fmt: skip
    future_field = window_field.model_copy(
        update={"name": "future", "shape": (horizon, len(targets)), "columns": targets, "unit": unit}
    )
    schema = Schema(inputs=(window_field,), target=future_field, title=title, origin=origin, licence=licence)
    keys = {
        "time": times[first].astype("datetime64[s]"),
        "origin": first.astype(np.int64),
        "known": (first - 1 if last_known_steps is None else last_known_steps[first - 1]).astype(np.int64),
    }
    return Dataset(schema, Part((inputs,), future), notes, findings, keys)


def _check_length(title: str, steps: int, window: int, horizon: int) -> None:
    needed = window + len(PARTS) * horizon
    if steps < needed:
        raise UserError(
            f"{title}: {steps} steps are too few: a window of {window} steps and {horizon} steps after it, "
            f"apart from each other in each of {len(PARTS)} parts, need {needed}; "
            "make window or horizon smaller, or add data"
        )


def _select_columns(path: str, cells: CellTable, settings: SeriesSettings) -> tuple[str, ...]:
    """The columns that are read, in the file's order."""
    others = tuple(name for name in cells.names if name not in settings.time_columns)
    stated = {"time": settings.time_columns, "targets": settings.targets, "inputs": settings.inputs}
    for setting, wanted in stated.items():
        for name in wanted:
            if name not in cells.names:
                raise UserError(f"{path}: {setting} names {name!r}, but the columns are {', '.join(cells.names)}")
    if not others:
        raise UserError(f"{path}: beside the time {settings.time!r} there is no column to foretell; add one")
    shown = {*(settings.inputs or others), *settings.targets}
    return tuple(name for name in others if name in shown)


def _select_targets(
    path: str, settings: SeriesSettings, columns: tuple[str, ...], names: tuple[str, ...]
) -> tuple[str, ...]:
    """The variables to forecast, some of `names`, in the file's order: columns of numbers."""
    wanted = set(settings.targets or settings.inputs or columns)
    if words := [name for name in settings.targets if name not in names]:
        raise UserError(f"{path}: targets names {words[0]!r}, which holds words; only numbers are forecast")
    targets = tuple(name for name in columns if name in wanted and name in names)
    if not targets:
        raise UserError(f"{path}: beside the time {settings.time!r} there is no column of numbers to foretell; add one")
    return targets


def _gap_findings(settings: SeriesSettings, grid: TimeGrid, filled_series: FilledSeries) -> tuple[Finding, ...]:
    steps = len(grid.times)
    span = f"{steps} steps of {grid.step} from {format_time(grid.times[0])} to {format_time(grid.times[-1])}"
    dropped_steps = steps - len(filled_series.values)
    if not filled_series.filled_cells and not dropped_steps:
        return (Finding("gaps", "fine", 0, f"{span}: none is missing."),)
    sentences = [f"{span}."]
    if dropped_steps:
        sentences.append(
            f"{format_count(dropped_steps, 'step')} at the ends were left out, where a variable has not begun or has "
            "ended."
        )
    if filled_series.filled_cells:
        how = (
            "filled on a line between their neighbours; a window that would so know its future is in no part"
            if settings.gaps == "interpolate"
            else "given the value before them"
        )
        sentences.append(
            f"{format_count(filled_series.filled_cells, 'value')} in {format_count(filled_series.gap_count, 'gap')}, "
            f"the longest of {format_count(filled_series.longest_gap, 'step')}, were missing and {how}. "
            "Where they are forecast, these filled values count as the reference."
        )
    return (Finding("gaps", "notice", filled_series.filled_cells + dropped_steps, " ".join(sentences)),)


def _stuck_findings(
    settings: SeriesSettings, values: NDArray[np.float32], names: tuple[str, ...]
) -> tuple[Finding, ...]:
    """Variables that move, and yet stay exactly the same for a good part of a window."""
    min_steps, steps, stuck = max(MIN_STUCK_STEPS, settings.window // 4), 0, []
    for place, name in enumerate(names):
        starts = np.flatnonzero(np.diff(values[:, place], prepend=np.nan) != 0)
        lengths = np.diff(starts, append=len(values))
        if len(starts) > len(values) / 2 and lengths.max() >= min_steps:
            stuck.append(f"{name} for {lengths.max()}")
            steps = max(steps, int(lengths[lengths >= min_steps].sum()))
    if not stuck:
        return ()
    sentence = (
        f"Values stay exactly the same for {min_steps} steps or more, for {steps} steps in all where it is most; at "
        f"the longest, {format_list(stuck)}. "
        "Check whether an instrument stood still or a gap was filled."
    )
    return (Finding("stuck", "notice", steps, sentence),)


def _season_findings(settings: SeriesSettings) -> tuple[Finding, ...]:
    if settings.season is None or settings.season <= settings.window:
        return ()
    sentence = (
        f"A season lasts {settings.season} steps, but a window shows {settings.window}: no network can see what was "
        "a season ago. Make window larger."
    )
    return (Finding("season", "notice", 1, sentence),)


def _window_notes(
    settings: SeriesSettings, grid: TimeGrid, targets: tuple[str, ...], names: tuple[str, ...]
) -> tuple[str, ...]:
    notes = [
        f"{settings.window} steps of {grid.step} are read and the next {settings.horizon} of "
        f"{', '.join(targets)} are forecast."
    ]
    if words := [name for name in names if WORD_SIGN in name]:
        notes.append(
            f"Each word is a variable of its own, 1 where it stands and 0 elsewhere: {format_list(words, 20)}."
        )
    if settings.time_zone is not None:
        notes.append(f"Times are those that clocks in {settings.time_zone} show; here they are in UTC.")
    return tuple(notes)
