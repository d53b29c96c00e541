"""Rows of a time series: read, sorted by time, each time once."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.parsing import DecimalMark, parse_value
from pipelines.sources.files.typed_table import CellTable
from pipelines.sources.series.times import parse_times, to_utc
from pipelines.sources.series.words import holds_words, word_variables

RepeatPolicy = Literal["refuse", "first", "mean"]


class SeriesRows(NamedTuple):
    """What a file says, in the order of time; n rows, F variables."""

    times: NDArray[np.datetime64]  # (n,), datetime64[us]
    values: NDArray[np.float64]  # (n, F), NaN where a cell is missing
    line_numbers: NDArray[np.int64]  # (n,), of the file


def parse_series_rows(
    path: Path | str,
    cells: CellTable,
    time: Sequence[str],
    names: Sequence[str],
    decimal: DecimalMark,
    time_zone: str | None = None,
) -> tuple[SeriesRows, tuple[str, ...]]:
    """Read the cells of the columns of times and of the variables, as they stand in the file.

    Returns:
        The rows, and the names of their F variables: `names`, with a variable for each word of a column of words.

    Raises:
        UserError: if a cell is no time, or no number that fits float32.
    """
    lines = cells.line_numbers
    times = parse_times(path, cells, time)
    if time_zone is not None:
        times = to_utc(path, times, lines, time_zone)
    variables: list[str] = []
    columns: list[NDArray[np.float64]] = []  # (n, 1), or (n, W) of W words
    for name in names:
        texts = cells.column_texts(name)
        if holds_words(texts):
            words, values = word_variables(path, name, texts)
        else:
            words = (name,)
            numbers = [parse_value(path, line, name, text, decimal) for line, text in zip(lines, texts, strict=True)]
            values = np.array(numbers, dtype=np.float64)[:, None]
        variables += words
        columns.append(values)
    return SeriesRows(times, np.concatenate(columns, axis=1), lines), tuple(variables)


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
    path: Path | str, series_rows: SeriesRows, repeat_policy: RepeatPolicy, is_word: NDArray[np.bool_]
) -> tuple[SeriesRows, tuple[Finding, ...]]:
    """Leave one row for each time.

    Args:
        path: the file, for failures.
        series_rows: n rows in the order of time.
        repeat_policy: what is done with a time that stands there again.
        is_word: (F,), which variables stand for words: the first of those is kept, since words have no mean.

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
            "take them out, or state repeats: first or repeats: mean; where clocks were set back, state time_zone, "
            "such as Europe/Berlin"
        )
    values = series_rows.values[first]
    if repeat_policy == "mean":
        there = ~np.isnan(series_rows.values)
        sums, value_counts = np.zeros_like(values), np.zeros_like(values)
        np.add.at(sums, group_of_row, np.where(there, series_rows.values, 0))
        np.add.at(value_counts, group_of_row, there)
        means = np.divide(sums, value_counts, out=np.full_like(sums, math.nan), where=value_counts > 0)
        values = np.where(is_word, values, means)
    treatment = "they were averaged" if repeat_policy == "mean" else "the first was kept"
    sentence = f"{format_count(extra, 'row')} with a time that stood there before ({where}): {treatment}."
    finding = Finding("repeated_times", "notice", extra, sentence)
    return SeriesRows(times, values, series_rows.line_numbers[first]), (finding,)
