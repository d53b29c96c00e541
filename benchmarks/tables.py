"""How fast is a large CSV file read, and into how much memory? Against `pyarrow.csv.read_csv` of the same file.

A file of ten columns (four of fractions, three of whole numbers, three of words) is read to coded columns, to a data
set whose types are inferred, and by pyarrow alone, each in a process of its own with one thread, taking turns. Time is
that of the processor, which what else runs on the machine changes less: the program's own, and the system's, most of
which goes into memory that is touched first. Memory is the peak of what a process holds (anonymous memory: see
benchmarks/memory.py) above that of one which imports the same libraries and reads a table of ten rows.

    python -m benchmarks.tables 10000000
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pyarrow
from pyarrow import csv

from benchmarks.memory import MB, SAMPLING_SECONDS, measure_memory
from benchmarks.pipeline import ROOT
from benchmarks.timing import format_ratio
from pipelines.sources.table.load import TableSettings, load_table, read_table

ROUNDS = 3
DEFAULT_ROWS = 10_000_000
ROWS_AT_ONCE = 1_000_000


class ReadCost(NamedTuple):
    """What one reading took."""

    user_seconds: float
    system_seconds: float
    peak_bytes: int  # anonymous memory

    @property
    def seconds(self) -> float:
        return self.user_seconds + self.system_seconds


def write_table(path: Path, rows: int) -> None:
    generator = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, rows, ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, rows - start)
            options = csv.WriteOptions(include_header=start == 0)
            csv.write_csv(_random_rows(generator, count), file, options)


def _random_rows(generator: np.random.Generator, count: int) -> pyarrow.Table:
    words = {"colour": ["red", "green", "blue"], "city": [f"city {n}" for n in range(500)], "label": ["yes", "no"]}
    return pyarrow.table(
        {
            "height": generator.normal(170, 10, count).round(2),
            "weight": generator.normal(70, 12, count).round(1),
            "speed": generator.random(count).round(6),
            "load": generator.normal(0, 1, count).round(8),
            "age": generator.integers(0, 100, count),
            "population": generator.integers(0, 1_000_000, count),
            "year": generator.integers(1990, 2025, count),
            **{name: np.array(values)[generator.integers(0, len(values), count)] for name, values in words.items()},
        }
    )


def _settings(path: Path) -> TableSettings:
    return TableSettings(kind="table", path=str(path), target="label")


READERS: Mapping[str, Callable[[Path], object]] = {
    "coded columns": lambda path: read_table(_settings(path)),
    "data set": lambda path: load_table(_settings(path)),
    "pyarrow.csv": lambda path: csv.read_csv(path, csv.ReadOptions(use_threads=False)),
}


def read_and_print_seconds(reader: str, small: Path, path: Path) -> None:
    """What the measured process does; a small file comes first, so that importing is not counted."""
    pyarrow.set_cpu_count(1)
    READERS[reader](small)
    started = os.times()
    table = READERS[reader](path)
    ended = os.times()
    print(ended.user - started.user, ended.system - started.system)
    del table


def measure_read(reader: str, small: Path, path: Path) -> ReadCost:
    """Read a file in a process of its own, watching its memory."""
    command = [sys.executable, "-m", "benchmarks.tables", reader, str(small), str(path)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    process, peak = psutil.Process(child.pid), 0
    while child.poll() is None:
        peak = max(peak, measure_memory(process)[0])
        time.sleep(SAMPLING_SECONDS)
    output = child.communicate()[0]
    if child.returncode:
        raise SystemExit(f"{reader} failed")
    user_seconds, system_seconds = map(float, output.split())
    return ReadCost(user_seconds, system_seconds, peak)


def main(rows: int) -> None:
    state = ROOT / ".state"
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as temporary:
        large, small = Path(temporary, "large.csv"), Path(temporary, "small.csv")
        write_table(large, rows)
        write_table(small, 10)
        print(
            f"{rows:,} rows, {large.stat().st_size / MB:,.0f} MB; seconds of the program and of the system, and MB "
            "above a table of ten rows:"
        )
        costs: dict[str, list[ReadCost]] = {name: [] for name in READERS}
        for _ in range(ROUNDS):
            for name in READERS:
                cost = measure_read(name, small, large)
                costs[name].append(cost)
                print(f"  {name:<15}{cost.user_seconds:>8.1f} + {cost.system_seconds:.1f} s", flush=True)
        for name, read in costs.items():
            peak = max(cost.peak_bytes for cost in read) - measure_read(name, small, small).peak_bytes
            print(f"  {name:<15}{peak / MB:>8,.0f} MB")
    for what, seconds_of in (("processor time", attrgetter("seconds")), ("the program's", attrgetter("user_seconds"))):
        seconds = {name: [seconds_of(cost) for cost in read] for name, read in costs.items()}
        for name in ("coded columns", "data set"):
            print(f"    {name:<15}/ pyarrow.csv  {what:<20}{format_ratio(seconds[name], seconds['pyarrow.csv'])}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        read_and_print_seconds(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_ROWS)
