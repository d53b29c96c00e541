"""Rows of a time series: read, sorted by time, each time once."""

import math
import re
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_table import CsvTable
from pipelines.sources.files.parsing import MISSING_MARKS, DecimalMark, parse_datetime, parse_value

YEAR_PATTERN = re.compile(r"[0-9]{4}")

RepeatPolicy = Literal["refuse", "first", "mean"]


class SeriesRows(NamedTuple):
    """What a file says, in the order of time; n rows, F variables."""

    times: NDArray[np.datetime64]  # (n,), datetime64[us]
    values: NDArray[np.float64]  # (n, F), NaN where a cell is missing
    line_numbers: NDArray[np.int64]  # (n,), of the file


def parse_series_rows(
    path: Path, cells: CsvTable, time: str, names: tuple[str, ...], decimal: DecimalMark
) -> SeriesRows:
    """Read the cells of the column of times and of the variables, as they stand in the file.

    Raises:
        UserError: if a cell is no time, or no number that fits float32.
    """
    texts = [text.strip() for text in cells.column_texts(time)]
    years = all(YEAR_PATTERN.fullmatch(text) for text in texts)
    times = np.empty(len(texts), dtype="datetime64[us]")
    for row, text in enumerate(texts):
        found = np.datetime64(text, "us") if years else parse_datetime(text)
        if found is None:
            what = "is empty" if text in MISSING_MARKS else f"is no date or time: {text!r}; write 2024-12-31 23:00"
            raise UserError(f"{path}, line {cells.line_numbers[row]}: {time} {what}")
        times[row] = found
    values = np.empty((len(texts), len(names)))
    for column, name in enumerate(names):
        for row, (line, text) in enumerate(zip(cells.line_numbers, cells.column_texts(name), strict=True)):
            values[row, column] = parse_value(path, line, name, text, decimal)
    return SeriesRows(times, values, cells.line_numbers)


def sort_by_time(series_rows: SeriesRows) -> tuple[SeriesRows, tuple[Finding, ...]]:
    """Sort rows by time, and say so if they were not."""
    unordered_rows = np.flatnonzero(np.diff(series_rows.times).astype(np.int64) < 0)
    if not len(unordered_rows):
        return series_rows, ()
    order = np.argsort(series_rows.times, kind="stable")
    sentence = (
        f"{format_count(len(unordered_rows), 'row')} came earlier than the row before (first in line "
        f"{series_rows.line_numbers[unordered_rows[0] + 1]}): the rows were sorted by time."
    )
    finding = Finding("order_of_time", "notice", len(unordered_rows), sentence)
    times, values, line_numbers = series_rows
    return SeriesRows(times[order], values[order], line_numbers[order]), (finding,)


def merge_repeated_times(
    path: Path, series_rows: SeriesRows, repeat_policy: RepeatPolicy
) -> tuple[SeriesRows, tuple[Finding, ...]]:
    """Leave one row for each time.

    Raises:
        UserError: if a time repeats and that is refused.
    """
    times, first, group_of_row, counts = np.unique(
        series_rows.times, return_index=True, return_inverse=True, return_counts=True
    )
    extra = len(series_rows.times) - len(times)
    if not extra:
        return series_rows, ()
    row = int(first[np.argmax(counts > 1)])
    where = (
        f"lines {series_rows.line_numbers[row]} and {series_rows.line_numbers[row + 1]} are both of "
        f"{series_rows.times[row]}"
    )
    if repeat_policy == "refuse":
        raise UserError(
            f"{path}: {where}; {format_count(extra, 'row')} in all with a time that stood there before: "
            "take them out, or state repeats: first or repeats: mean"
        )
    values = series_rows.values[first]
    if repeat_policy == "mean":
        there = ~np.isnan(series_rows.values)
        sums, value_counts = np.zeros_like(values), np.zeros_like(values)
        np.add.at(sums, group_of_row, np.where(there, series_rows.values, 0))
        np.add.at(value_counts, group_of_row, there)
        values = np.divide(sums, value_counts, out=np.full_like(sums, math.nan), where=value_counts > 0)
    treatment = "they were averaged" if repeat_policy == "mean" else "the first was kept"
    sentence = f"{format_count(extra, 'row')} with a time that stood there before ({where}): {treatment}."
    finding = Finding("repeated_times", "notice", extra, sentence)
    return SeriesRows(times, values, series_rows.line_numbers[first]), (finding,)
