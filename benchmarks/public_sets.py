"""Six public sets, each a competition with its baselines: what does this checkout reach on them, and what another?

    python -m benchmarks.public_sets ../shared/data                          every set that the folder holds
    python -m benchmarks.public_sets ../shared/data titanic sms              some of them
    python -m benchmarks.public_sets ../shared/data --checkout . --checkout ../before

Each set is a problem in a copy of a checkout of this project that was never run: every contender has three trials and
one training of so many epochs, a split as that checkout has it by default. Of an earlier one, where a trial and a
training had budgets of their own, both are given these epochs. The rows of the test part are not the same in all
checkouts, as the way they are drawn has changed. Of sets that take little time three splits (where the set has one of
its own, three seeds) are averaged, and the standard error of their mean is beside it. Under a table stands what ships
of each split, in brackets where the verdict is not to ship it.
"""

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from benchmarks import automl, papers
from benchmarks.pipeline import ROOT, project_copy
from pipelines.cli.processes import own_environment
from pipelines.evaluation.number_format import format_number

TRIALS, SEED = 3, 20
Scores = dict[str, dict[str, float]]  # contender or baseline -> metric -> on test
SHIP_KEYS = ("ship", "better_than_baseline")  # of champion.json, now and before


class PublicSet(NamedTuple):
    write: Callable[[Path, Path], dict[str, Any]]  # (folder of data, one to write in) -> the problem of params.yaml
    metrics: tuple[str, ...]
    epochs: Mapping[str, int]  # of each architecture that competes
    draws: int = 1  # splits


class Reached(NamedTuple):
    draws: tuple[Scores, ...]
    ships: tuple[str, ...]  # the champion of each draw, in brackets if it is not to be shipped
    seconds: float


def _write_titanic(data: Path, _: Path) -> dict[str, Any]:
    source = {"kind": "table", "path": str(data / "titanic" / "train.csv"), "target": "Survived"}
    return {"task": "classification", "source": source, "split": {"by": "stratified"}}


def _write_california(data: Path, _: Path) -> dict[str, Any]:
    path = data / "california_housing" / "housing.csv"
    source = {"kind": "table", "path": str(path), "target": "median_house_value"}
    return {"task": "regression", "source": source, "split": {"by": "random"}}


def _write_sms(data: Path, _: Path) -> dict[str, Any]:
    source = {"kind": "text", "path": str(data / "sms_spam" / "sms.tsv"), "target": 1, "text": 2, "header": False}
    return {"task": "classification", "source": source, "split": {"by": "stratified"}}


def _write_fashion(data: Path, folder: Path) -> dict[str, Any]:
    path = automl.SETS["fashion"].write(data, folder)
    source = {"kind": "arrays", "path": str(path), "arrays": {"inputs": "x", "target": "y"}}
    return {"task": "classification", "source": source, "split": {"by": "stratified"}}


def _write_paper_set(name: str) -> Callable[[Path, Path], dict[str, Any]]:
    one = papers.SETS[name]
    return lambda data, folder: one.write(data / one.folder, folder)


SETS: Mapping[str, PublicSet] = {
    "california": PublicSet(
        _write_california, ("rmse", "mae"), {"linear_regression": 1, "gradient_boosting": 1, "mlp": 15}
    ),
    "titanic": PublicSet(
        _write_titanic,
        ("log_loss", "accuracy"),
        {"logistic_regression": 1, "gradient_boosting": 1, "mlp": 30},
        draws=3,
    ),
    "sms": PublicSet(_write_sms, ("log_loss", "accuracy"), {"logistic_regression": 1, "mlp": 8}),
    "etth1": PublicSet(_write_paper_set("etth1"), ("mae", "rmse"), {"linear_regression": 1, "mlp": 8}),
    "vowels": PublicSet(
        _write_paper_set("vowels"), ("log_loss", "accuracy"), {"esn": 1, "mlp": 60, "lstm": 30}, draws=3
    ),
    "fashion": PublicSet(
        _write_fashion, ("log_loss", "accuracy"), {"logistic_regression": 1, "mlp": 12, "lenet5": 12}, draws=3
    ),
}  # fmt: skip


def make_entry(project: Path, problem: str, architecture: str, epochs: int) -> dict[str, Any]:
    """A contender in the words that the checkout knows."""
    tune, train = {"trials": TRIALS, "generation": TRIALS}, {"seeds": 1}
    entry = {"problem": problem, "architecture": architecture, "tune": tune, "train": train}
    if (project / "pipelines" / "training" / "budget.py").exists():
        return {**entry, "budget": {"epochs": epochs, "min_steps": 1}}
    return {**entry, "tune": {**tune, "epochs": epochs}, "train": {**train, "epochs": epochs}}


def measure_set(name: str, data: Path, checkout: Path) -> Reached:
    """What every contender and baseline reaches on test."""
    one, started_at = SETS[name], time.monotonic()
    boards, ships = [], []
    for draw in range(one.draws):
        with project_copy(root=checkout) as project:
            params = {
                "seed": SEED + draw,
                "problems": {name: one.write(data, project.parent)},
                "contenders": {f"{name}-{kind}": make_entry(project, name, kind, n) for kind, n in one.epochs.items()},
            }
            (project / "params.yaml").write_text(json.dumps(params, indent=1))
            _run(project, name)
            board, champion = read_result(project / "artifacts" / name / "compare", one.metrics)
            boards.append({row.removeprefix(f"{name}-"): scores for row, scores in board.items()})
            ships.append(champion.removeprefix(f"{name}-"))
    return Reached(tuple(boards), tuple(ships), time.monotonic() - started_at)


def _run(project: Path, name: str) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "run", name]
    environment = {**own_environment(), "PYTHONPATH": str(project), "BAKEOFF_DEVICE": "cpu"}
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"bakeoff run {name}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}")


def read_result(folder: Path, metrics: Sequence[str]) -> tuple[Scores, str]:
    """The test scores of a leaderboard's rows, and the champion, in brackets if it is not to be shipped."""
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    champion = json.loads((folder / "champion.json").read_text(encoding="utf-8"))
    name = champion["contender"]
    ships = next(champion[key] for key in SHIP_KEYS if key in champion)
    scores = {row["contender"]: {metric: float(row[f"test_{metric}"]) for metric in metrics} for row in rows}
    return scores, name if ships else f"({name})"


def format_set(name: str, reached: Mapping[str, Reached]) -> list[str]:
    """A table with a row for each contender and baseline, and the metrics of each checkout side by side."""
    metrics = SETS[name].metrics
    titles = [f"{commit} {metric}" for commit in reached for metric in metrics]
    rows = list(dict.fromkeys(row for one in reached.values() for row in one.draws[0]))
    lines = [f"{name:36}" + "".join(f"{title:>22}" for title in titles)]
    for row in rows:
        cells = [
            _format_mean([scores[row][metric] for scores in one.draws if row in scores])
            for one in reached.values()
            for metric in metrics
        ]
        lines.append(f"  {row:34}" + "".join(f"{cell:>22}" for cell in cells))
    for commit, one in reached.items():
        lines.append(f"  {commit} ships {', '.join(one.ships)}; {one.seconds:.0f} s")
    return lines


def _format_mean(values: Sequence[float]) -> str:
    """With its standard error, if it is of several; a dash if it is of none."""
    if not values:
        return "–"
    error = f" ± {format_number(stdev(values) / math.sqrt(len(values)))}" if len(values) > 1 else ""
    return f"{format_number(fmean(values))}{error}"


def _name_commit(checkout: Path) -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout.strip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sets that are named in every checkout, and print a table of each as it is ready."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public_sets", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all of them if none is named")
    parser.add_argument("--checkout", type=Path, action="append", help="of this project; this one if none is named")
    asked = parser.parse_intermixed_args(arguments)  # options may stand between the names
    if unknown := set(asked.sets) - set(SETS):
        parser.error(f"no set is called {min(unknown)!r}; there are {', '.join(SETS)}")
    checkouts = {_name_commit(folder): folder.absolute() for folder in asked.checkout or [ROOT]}
    print(f"{os.cpu_count()} cores")
    for name in asked.sets or SETS:
        reached = {commit: measure_set(name, asked.data.absolute(), folder) for commit, folder in checkouts.items()}
        print("\n" + "\n".join(format_set(name, reached)), flush=True)


if __name__ == "__main__":
    main()
