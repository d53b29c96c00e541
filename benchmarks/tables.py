"""How fast is a large file of rows read, and into how much memory? Against pyarrow's own reader of the same file.

A file of ten columns (four of fractions, three of whole numbers, three of words) is read to coded columns, to a data
set whose types are inferred, and by pyarrow alone, each in a process of its own with one thread, taking turns. Time is
that of the processor, which what else runs on the machine changes less: the program's own, and the system's, most of
which goes into memory that is touched first. Memory is the peak of what a process holds (anonymous memory: see
benchmarks/memory.py) above that of one which imports the same libraries and reads a table of ten rows.

With `--add`, `bakeoff add` and the stage split run on the file in a copy of this project, once each, and on a
thousandth of its rows, above whose memory theirs is said.

    python -m benchmarks.tables 10000000
    python -m benchmarks.tables 1000000 --format jsonl
    python -m benchmarks.tables 10000000 --add
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pyarrow
import pyarrow.json
import yaml
from pyarrow import csv, parquet

from benchmarks.memory import MB, SAMPLING_SECONDS, measure_memory, run_watched
from benchmarks.pipeline import ROOT, copy_project
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
    """Write a file of random rows, in the format that its name ends in."""
    generator = np.random.default_rng(0)
    counts = [min(ROWS_AT_ONCE, rows - start) for start in range(0, rows, ROWS_AT_ONCE)]
    if path.suffix == ".parquet":
        with parquet.ParquetWriter(path, _random_rows(generator, 1).schema) as writer:
            for count in counts:
                writer.write_table(_random_rows(generator, count))
        return
    with path.open("wb") as file:
        for place, count in enumerate(counts):
            table = _random_rows(generator, count)
            if path.suffix == ".jsonl":
                for batch in table.to_batches(2**14):
                    file.write("".join(f"{json.dumps(row)}\n" for row in batch.to_pylist()).encode())
            else:
                csv.write_csv(table, file, csv.WriteOptions(include_header=place == 0))


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
    "pyarrow": lambda path: PEERS[path.suffix](path),
}
PEERS: Mapping[str, Callable[[Path], object]] = {
    ".csv": lambda path: csv.read_csv(path, csv.ReadOptions(use_threads=False)),
    ".jsonl": lambda path: pyarrow.json.read_json(path, pyarrow.json.ReadOptions(use_threads=False)),
    ".parquet": lambda path: parquet.read_table(path, use_threads=False),
}
ADD_COMMANDS = {
    "add": ("pipelines.cli", "add", "{name}", "{name}.{suffix}", "--target", "label", "--yes"),
    "split": ("pipelines.split", "{name}"),
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
    command = [sys.executable, "-m", "benchmarks.tables", "read", reader, str(small), str(path)]
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


def compare_readers(folder: Path, rows: int, suffix: str, rounds: int) -> None:
    """Print what each reader took of the time and the memory."""
    large, small = folder / f"large.{suffix}", folder / f"small.{suffix}"
    write_table(large, rows)
    write_table(small, 10)
    print(
        f"{rows:,} rows, {large.stat().st_size / MB:,.0f} MB; seconds of the program and of the system, and MB "
        "above a table of ten rows:"
    )
    costs: dict[str, list[ReadCost]] = {name: [] for name in READERS}
    for _ in range(rounds):
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
            print(f"    {name:<15}/ pyarrow  {what:<20}{format_ratio(seconds[name], seconds['pyarrow'])}")


def measure_add(folder: Path, rows: int, suffix: str) -> None:
    """Print what `bakeoff add` and the stage split take of the time and the memory."""
    copy_project(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump({"seed": 20, "problems": {}, "contenders": {}}))
    counts = {"small": max(1000, rows // 1000), "large": rows}
    for name, count in counts.items():
        write_table(folder / f"{name}.{suffix}", count)
    print(f"{rows:,} rows as {suffix} and {counts['small']:,}: seconds of the processor, and peak memory in MB")
    print(f"  {'':<8}{'seconds':>8}{'small':>8}{'large':>8}{'small':>8}{'above':>8}")
    for command, (module, *arguments) in ADD_COMMANDS.items():
        seconds, peaks = {}, {}
        for name in counts:
            before = os.times()
            filled = [argument.format(name=name, suffix=suffix) for argument in arguments]
            peaks[name] = run_watched(folder, module, *filled).anonymous_bytes
            after = os.times()
            seconds[name] = sum(after[2:4]) - sum(before[2:4])
        held = (peaks["large"], peaks["small"], peaks["large"] - peaks["small"])
        shown = "".join(f"{size / MB:>8,.0f}" for size in held)
        print(f"  {command:<8}{seconds['large']:>8.0f}{seconds['small']:>8.0f}{shown}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=DEFAULT_ROWS)
    parser.add_argument("--format", choices=[suffix.removeprefix(".") for suffix in PEERS], default="csv")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--add", action="store_true", help="measure `bakeoff add` and split instead of the readers")
    asked = parser.parse_args(arguments)
    state = ROOT / ".state"  # on the disk: where /tmp is in memory, its files would count as memory
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as temporary:
        if asked.add:
            measure_add(Path(temporary), asked.rows, asked.format)
        else:
            compare_readers(Path(temporary), asked.rows, asked.format, asked.rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        read_and_print_seconds(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
