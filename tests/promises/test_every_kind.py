"""The promises, by real runs with small settings of every task, every learner and every kind of data."""

import csv
import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from models import ARCHITECTURES
from pipelines.data.dependence import parse_dependence
from pipelines.evaluation.units import explain_too_few
from pipelines.settings.params import load_params
from pipelines.tasks import TASKS
from pipelines.training.learners import LEARNERS
from serving.client.client import Client
from serving.server.server import Server, running_server
from tests.support.project import Project
from tests.support.served_rows import find_differences

EVERY: dict[str, Any] = {
    "seed": 20,
    "defaults": {
        "tune": {"trials": 2, "generation": 2},
        "train": {"seeds": 1},
        "budget": {"epochs": 3, "min_steps": 1},
    },
    "problems": {
        "libraries": {
            "task": {"kind": "classification", "weights": "balanced"},
            "source": {"kind": "docstrings", "most": 60},
            "split": {"valid": 0.2, "by": "group", "group": "module"},
        },
        "diabetes": {
            "task": "regression",
            "source": {"kind": "sklearn", "dataset": "diabetes"},
            "split": {"by": "random"},
        },
        "sunspots": {
            "task": {"kind": "forecasting", "season": 11},
            "source": {"kind": "statsmodels", "dataset": "sunspots", "window": 22, "horizon": 4},
            "split": {"by": "time"},
        },
        "photographs": {
            "task": {"kind": "segmentation", "background": "background"},
            "source": {"kind": "sklearn", "dataset": "digits_on_photographs"},
            "split": {"valid": 0.2, "by": "group", "group": "region"},
        },
        "odd": {
            "task": {"kind": "anomaly_detection", "normal": "benign"},
            "source": {"kind": "sklearn", "dataset": "malignant_cells"},
            "split": {"by": "stratified"},
        },
        "noisy": {
            "task": "denoising",
            "source": {"kind": "sklearn", "dataset": "noisy_digits"},
            "split": {"valid": 0.2, "by": "random"},
        },
        "compressed": {
            "task": "reconstruction",
            "source": {"kind": "sklearn", "dataset": "digits"},
            "split": {"valid": 0.2, "by": "stratified"},
        },
        "samples": {
            "task": "generation",
            "source": {"kind": "sklearn", "dataset": "digits"},
            "split": {"by": "stratified"},
        },
    },
    "contenders": {
        "libraries-lstm": {
            "problem": "libraries",
            "architecture": "lstm",
            "fix": {"width": 16, "depth": 1, "tokens": "subwords"},
        },
        "diabetes-gradient_boosting": {
            "problem": "diabetes",
            "architecture": "gradient_boosting",
            "fix": {"rounds": 60},
        },
        "sunspots-esn": {"problem": "sunspots", "architecture": "esn", "fix": {"units": 60}},
        "photographs-unet": {"problem": "photographs", "architecture": "unet", "fix": {"width": 4, "depth": 2}},
        "odd-autoencoder": {"problem": "odd", "architecture": "autoencoder", "fix": {"width": 32}},
        "noisy-pca": {"problem": "noisy", "architecture": "pca"},
        "compressed-pca": {"problem": "compressed", "architecture": "pca"},
        "samples-gan": {"problem": "samples", "architecture": "gan", "budget": {"epochs": 6}},
    },
}

RUN = ("python", "-m", "pipelines.cli", "run")
KILLED = ("libraries", "samples", "odd", "sunspots")  # by gradient, adversarially, on folds, in closed form
MOMENTS = [
    "data/libraries/split/train/*.npy",
    ".state/tune/*libraries-lstm/*/trial-0000/*",  # by gradient, with a stem that is trained
    ".state/train/*samples-gan/*/seed-0/*",  # adversarially
    ".state/train/*odd-autoencoder/*/fold-0/*",
    "artifacts/sunspots/evaluate/*/.unfinished-*",  # while a file of a closed-form model is being written
    "artifacts/odd/export/*",
]


def kill_everything(run: subprocess.Popen[str]) -> None:
    os.killpg(run.pid, signal.SIGKILL)


def kill_the_run(run: subprocess.Popen[str]) -> None:
    run.kill()


def kill_a_stage(run: subprocess.Popen[str]) -> None:
    """Kill one process that a stage runs in, or computes in; the run ends by itself, with what does not need it."""
    for child in psutil.Process(run.pid).children(recursive=True)[-1:]:
        child.kill()


KILLS = (kill_the_run, kill_everything, kill_a_stage)


def finished_trainings(project: Project) -> dict[str, int]:
    """Modification time of every checkpoint of a finished training."""
    state = project.folder / ".state"
    return {str(path.relative_to(state)): path.stat().st_mtime_ns for path in state.glob("t*/**/until-*.json")}


def reached(project: Project, pattern: str) -> Callable[[], bool]:
    return lambda: any(project.folder.glob(pattern))


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of every kind after an undisturbed run of two stages at once."""
    project = Project(tmp_path_factory.mktemp("every"), EVERY)
    project.run_checked(*RUN, BAKEOFF_WORKERS="2", BAKEOFF_TRACKING="off")  # MLflow: tests of their own
    return project


@pytest.fixture(scope="module")
def server(every: Project) -> Any:
    archives = [every.folder / "artifacts" / name / "package" / f"{name}.mar" for name in EVERY["problems"]]
    with running_server(archives) as running:
        yield running


def test_every_task_and_every_learner_is_among_them() -> None:
    kinds = {entry["task"] if isinstance(entry["task"], str) else entry["task"]["kind"]
             for entry in EVERY["problems"].values()}  # fmt: skip
    assert kinds == set(TASKS)
    assert {ARCHITECTURES[entry["architecture"]].learner for entry in EVERY["contenders"].values()} == set(LEARNERS)


def test_a_run_of_eight_stages_at_once_that_is_killed_repeatedly_equals_an_undisturbed_one(
    every: Project, tmp_path: Path
) -> None:
    project = Project(tmp_path / "killed", EVERY, every.folder)
    kills = 0
    seen: dict[str, int] = {}
    for number, moment in enumerate(MOMENTS):
        process = project.start_command(*RUN, *KILLED, BAKEOFF_WORKERS="8", BAKEOFF_TRACKING="off")
        there = reached(project, moment)
        while process.poll() is None and not there():
            time.sleep(0.002)
        if process.poll() is None:
            KILLS[number % len(KILLS)](process)
            kills += 1
        process.wait()
        now = finished_trainings(project)
        assert {name: now.get(name) for name in seen} == seen, "finished work was done again or lost"
        seen = now
    assert kills >= 4, project.read_output()
    project.run_checked(*RUN, *KILLED, BAKEOFF_WORKERS="8", BAKEOFF_TRACKING="off")
    assert project.lock_entries(KILLED) == every.lock_entries(KILLED)
    leftovers = [path for folder in ("data", "artifacts") for path in (project.folder / folder).rglob(".unfinished-*")]
    assert leftovers == []


def test_a_run_that_is_told_so_leaves_mlflow_alone(every: Project) -> None:
    assert not list(every.folder.glob("ml*"))


@pytest.mark.parametrize("problem", EVERY["problems"])
def test_the_served_champion_answers_every_test_row_as_evaluated(
    problem: str, every: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(every.folder)
    assert find_differences(every.folder, load_params(), problem, Client(server.address)) == []


def leaderboard_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "compare" / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def too_few_to_tell(evaluated: Path) -> str:
    """Why no interval can be claimed of the test rows; empty if one can."""
    with np.load(evaluated / "predictions.npz", allow_pickle=False) as arrays:
        rows = len(arrays["test_predictions"])
        if "test_dependence" not in arrays:
            return ""
        return explain_too_few(parse_dependence(str(arrays["test_dependence"]), arrays["test_units"]), rows)


@pytest.mark.parametrize("problem", EVERY["problems"])
def test_every_table_has_a_baseline_and_every_score_its_interval(problem: str, every: Project) -> None:
    folder = every.folder / "artifacts" / problem
    rows = leaderboard_rows(folder)
    goal = json.loads((folder / "compare" / "champion.json").read_text())["goal"]
    assert "baseline" in {row["architecture"] for row in rows}
    assert {row["contender"] for row in rows if row["architecture"] != "baseline"} == {
        name for name, entry in EVERY["contenders"].items() if entry["problem"] == problem
    }
    for evaluated in (folder / "evaluate").iterdir():
        measured = json.loads((evaluated / "metrics.json").read_text())["test"]
        assert goal in measured
        reason = too_few_to_tell(evaluated)
        for row in rows:
            for metric in measured:
                value, low, high = (row[f"test_{metric}{end}"] for end in ("", "_low", "_high"))
                assert math.isfinite(float(value)), (row["contender"], metric)
                assert bool(low) == bool(high), metric
                assert not (low and reason), f"{metric} has an interval, although {reason}"
                assert low or reason or metric != goal, "the goal of enough rows has an interval"
                if low:
                    assert float(low) <= float(value) <= float(high), metric
                if low and metric == goal and row["architecture"] != "baseline" and float(value) not in (0, 1):
                    assert float(low) < float(high), f"{row['contender']} was measured on many rows without uncertainty"
            assert float(row[f"test_{goal}"]) == pytest.approx(float(row["score"]))


@pytest.mark.parametrize("problem", EVERY["problems"])
def test_every_report_states_origin_licence_and_size_of_the_data(problem: str, every: Project) -> None:
    manifest = json.loads((every.folder / "data" / problem / "split" / "manifest.json").read_text())
    page = unescape((every.folder / "artifacts" / problem / "compare" / "report.html").read_text())
    assert manifest["origin"] in page
    assert manifest["licence"] in page
    for part in manifest["parts"].values():
        assert f"{part['examples']:,}" in page
