"""The rows of a time series as a file has them, put in order, each time once."""

import math
import re
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.runtime.user_error import Failure
from pipelines.sources.files.csv_cells import Cells
from pipelines.sources.files.parsing import MISSING, Decimal, many, moment, value_of

YEAR = re.compile(r"[0-9]{4}")

Repeats = Literal["refuse", "first", "mean"]


class Readings(NamedTuple):
    """What a file says, in the order of time; n rows, F variables."""

    times: NDArray[np.datetime64]  # (n,), datetime64[us]
    values: NDArray[np.float64]  # (n, F), NaN where a cell is missing
    lines: NDArray[np.int64]  # (n,), of the file


def read_rows(path: Path, cells: Cells, time: str, names: tuple[str, ...], decimal: Decimal) -> Readings:
    """Read the cells of the column of times and of the variables, as they stand in the file.

    Raises:
        Failure: if a cell is no time, or no number that fits float32.
    """
    place = cells.names.index(time)
    texts = [row[place].strip() for row in cells.rows]
    years = all(YEAR.fullmatch(text) for text in texts)
    times = np.empty(len(texts), dtype="datetime64[us]")
    for row, text in enumerate(texts):
        found = np.datetime64(text, "us") if years else moment(text)
        if found is None:
            what = "is empty" if text in MISSING else f"is no date or time: {text!r}; write 2024-12-31 23:00"
            raise Failure(f"{path}, line {cells.first_line[row]}: {time} {what}")
        times[row] = found
    values = np.empty((len(texts), len(names)))
    for column, name in enumerate(names):
        place = cells.names.index(name)
        for row, line in enumerate(cells.rows):
            values[row, column] = value_of(path, cells.first_line[row], name, line[place], decimal)
    return Readings(times, values, np.array(cells.first_line, dtype=np.int64))


def in_order(readings: Readings) -> tuple[Readings, tuple[Finding, ...]]:
    """Sort rows by time, and say so if they were not."""
    back = np.flatnonzero(np.diff(readings.times).astype(np.int64) < 0)
    if not len(back):
        return readings, ()
    order = np.argsort(readings.times, kind="stable")
    sentence = (
        f"{many(len(back), 'row')} came earlier than the row before (first in line {readings.lines[back[0] + 1]}): "
        "the rows were sorted by time."
    )
    found = Finding("order_of_time", "notice", len(back), sentence)
    times, values, lines = readings
    return Readings(times[order], values[order], lines[order]), (found,)


def each_once(path: Path, readings: Readings, repeats: Repeats) -> tuple[Readings, tuple[Finding, ...]]:
    """Leave one row for each time.

    Raises:
        Failure: if a time repeats and that is refused.
    """
    times, first, number, counts = np.unique(readings.times, return_index=True, return_inverse=True, return_counts=True)
    extra = len(readings.times) - len(times)
    if not extra:
        return readings, ()
    row = int(first[np.argmax(counts > 1)])
    where = f"lines {readings.lines[row]} and {readings.lines[row + 1]} are both of {readings.times[row]}"
    if repeats == "refuse":
        raise Failure(
            f"{path}: {where}; {many(extra, 'row')} in all with a time that stood there before: "
            "take them out, or state repeats: first or repeats: mean"
        )
    values = readings.values[first]
    if repeats == "mean":
        there = ~np.isnan(readings.values)
        sums, found = np.zeros_like(values), np.zeros_like(values)
        np.add.at(sums, number, np.where(there, readings.values, 0))
        np.add.at(found, number, there)
        values = np.divide(sums, found, out=np.full_like(sums, math.nan), where=found > 0)
    done = "they were averaged" if repeats == "mean" else "the first was kept"
    sentence = f"{many(extra, 'row')} with a time that stood there before ({where}): {done}."
    finding = Finding("repeated_times", "notice", extra, sentence)
    return Readings(times, values, readings.lines[first]), (finding,)
