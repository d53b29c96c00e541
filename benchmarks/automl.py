"""How good is what two commands reach in a minute? Beside FLAML and scikit-learn's defaults, in the same time.

    python -m benchmarks.automl ../shared/data                          every set, one minute each
    python -m benchmarks.automl ../shared/data --minutes 5 titanic      one of them, five minutes

The folder holds Titanic, California housing, SMS spam, Fashion-MNIST (of which 10,000 pictures are taken) and ETTh1, in
the places that SETS names. Each set is added by `bakeoff add --yes` in a copy of this project that was never run, and
`bakeoff run --minutes` competes. The others see the same split: they are fitted to all rows outside the test part, and
scored on the test part. FLAML has as many seconds as `run` was given; what has none to spend (scikit-learn's defaults)
ends sooner, or is stopped after them. One run each, one after the other: nothing else should run on the machine.

`champion` is what ships, which is the cheapest that is shown to be as good as the best within the problem's margin;
`best` is the first of the leaderboard, which validation ranks.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.pipeline import project_copy
from pipelines.cli.processes import own_environment

PICTURES = 10_000  # of Fashion-MNIST's train part
PATIENCE = 3.0  # times the seconds that FLAML was given, after which it is stopped
HIGHER_IS_BETTER = ("accuracy",)
EMPTY_PARAMS = "seed: 20\nproblems: {}\ncontenders: {}\n"


class DataSet(NamedTuple):
    write: Callable[[Path, Path], Path]  # (folder of data, folder to write in) -> what is added
    options: tuple[str, ...]  # of `bakeoff add`
    peers: tuple[str, ...]
    metrics: tuple[str, ...]  # the first is the one that ratios are of


class Result(NamedTuple):
    name: str  # who
    seconds: float
    scores: dict[str, float]  # by metric; empty where it did not end in time
    note: str = ""


def _idx_bytes(path: Path, header: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8, offset=header)


def _write_pictures(data: Path, folder: Path) -> Path:
    """The first pictures of Fashion-MNIST's train part, as arrays."""
    source = data / "fashion_mnist"
    pictures = _idx_bytes(source / "train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)[:PICTURES]
    labels = _idx_bytes(source / "train-labels-idx1-ubyte.gz", 8)[:PICTURES]
    np.savez(folder / "fashion.npz", x=pictures, y=labels)
    return folder / "fashion.npz"


SETS: dict[str, DataSet] = {
    "titanic": DataSet(
        lambda data, _: data / "titanic" / "train.csv",
        ("--target", "Survived"),
        ("FLAML", "linear", "forest", "boosting"),
        ("log_loss", "accuracy"),
    ),
    "california": DataSet(
        lambda data, _: data / "california_housing" / "housing.csv",
        ("--target", "median_house_value"),
        ("FLAML", "linear", "forest", "boosting"),
        ("rmse", "mae"),
    ),
    "sms": DataSet(
        lambda data, _: data / "sms_spam" / "sms.tsv",
        ("--target", "column_1"),  # it has no names of columns
        ("FLAML", "linear", "forest"),
        ("log_loss", "accuracy"),
    ),
    "fashion": DataSet(_write_pictures, (), ("FLAML", "linear", "forest", "boosting"), ("log_loss", "accuracy")),
    "etth1": DataSet(
        lambda data, _: data / "etth1" / "ETTh1.csv", ("--target", "OT"), ("FLAML", "linear", "forest"), ("mae", "rmse")
    ),
}


def measure_set(name: str, data: Path, minutes: float) -> list[Result]:
    """What everybody reaches on a set; ours first."""
    one = SETS[name]
    with project_copy() as project:
        (project / "params.yaml").write_text(EMPTY_PARAMS)
        place = one.write(data.absolute(), project.parent)
        added_in = _run_bakeoff(project, "add", name, str(place), *one.options, "--yes")
        ran_in = _run_bakeoff(project, "run", name, "--minutes", f"{minutes:g}")
        seconds = 60 * minutes
        return [
            *_own_results(project, name, added_in + ran_in),
            *(_run_peer(project, name, p, seconds) for p in one.peers),
        ]


def _run_bakeoff(project: Path, *arguments: str) -> float:
    """Seconds of a command, whose end is shown if it fails."""
    started_at = time.monotonic()
    ended = _run_module(project, "pipelines.cli", *arguments)
    if ended.returncode:
        raise SystemExit(f"bakeoff {' '.join(arguments)}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return time.monotonic() - started_at


def _run_module(
    project: Path, module: str, *arguments: str, timeout: float | None = None
) -> "subprocess.CompletedProcess[str]":
    environment = {**own_environment(), "PYTHONPATH": str(project)}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=timeout)


def _own_results(project: Path, name: str, seconds: float) -> Iterator[Result]:
    champion = json.loads((project / f"artifacts/{name}/compare/champion.json").read_text())["contender"]
    board = (project / f"artifacts/{name}/compare/leaderboard.csv").read_text().splitlines()
    ranked = [line.split(",")[1] for line in board[1:]]
    folder = project / f"artifacts/{name}/evaluate"
    best = next(contender for contender in ranked if (folder / contender).is_dir())
    for title, contender in (("champion", champion), ("best", best)):
        scores = json.loads((folder / contender / "metrics.json").read_text())["test"]
        yield Result(f"bakeoff, {title}", seconds, scores, contender)


def _run_peer(project: Path, name: str, peer: str, seconds: float) -> Result:
    limit = seconds * (PATIENCE if peer == "FLAML" else 1.0)
    started_at = time.monotonic()
    try:
        ended = _run_module(project, "benchmarks.automl_peers", name, peer, str(seconds), timeout=limit)
    except subprocess.TimeoutExpired:
        return Result(peer, limit, {}, "not ready in time")
    taken = time.monotonic() - started_at
    if ended.returncode:
        return Result(peer, taken, {}, ended.stderr.strip().splitlines()[-1])
    return Result(peer, taken, json.loads(ended.stdout.splitlines()[-1]))


def print_results(name: str, results: Sequence[Result]) -> None:
    """A table: who, the scores on the test part, the ratio to the best of all (1 is the best), seconds."""
    metrics = SETS[name].metrics
    print(f"\n{name}\n  {'':22}{''.join(f'{metric:>12}' for metric in metrics)}{'ratio':>8}{'seconds':>9}")
    for result in results:
        cells = "".join(f"{result.scores.get(metric, float('nan')):12.4f}" for metric in metrics)
        print(
            f"  {result.name:22}{cells}{_ratio(result, results, metrics[0]):8.3f}{result.seconds:9.0f}  {result.note}"
        )


def _ratio(result: Result, results: Sequence[Result], metric: str) -> float:
    """How much worse than the best, as a factor of 1 or more."""
    scores = [one.scores[metric] for one in results if metric in one.scores]
    if metric not in result.scores:
        return float("nan")
    if metric in HIGHER_IS_BETTER:
        return max(scores) / result.scores[metric]
    return result.scores[metric] / min(scores)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sets that are named, and print a table of each as it is ready."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.automl", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them if none is named")
    parser.add_argument("--minutes", type=float, default=1.0, help="of `bakeoff run` and of every other (default: 1)")
    asked = parser.parse_intermixed_args(arguments)  # options may stand between the names
    if unknown := set(asked.sets) - set(SETS):
        parser.error(f"no set is called {min(unknown)!r}; there are {', '.join(SETS)}")
    print(f"{asked.minutes:g} minutes, {os.cpu_count()} cores")
    for name in asked.sets or SETS:
        print_results(name, measure_set(name, asked.data, asked.minutes))


if __name__ == "__main__":
    main()
