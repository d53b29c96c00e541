"""Pipeline benchmark: what a run costs beyond its computing, from nothing and with nothing to do.

    python -m benchmarks.pipeline               the shipped params.yaml: `bakeoff run` beside the floor; nothing to do
    python -m benchmarks.pipeline plain         the same, and `dvc repro` from nothing, which takes a while
    python -m benchmarks.pipeline stages 400    as many stages of a linear regression: the overhead of each

The floor is the time that the same stages take side by side in the same warm processes without DVC: nothing is hashed,
stored, looked up or locked, and nothing is shown in MLflow. Each run is one in a copy of the project of its own. How
busy the cores are is that of the whole machine until the last stage ends, so nothing else should run.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from pipelines.cli.competition import modules_of
from pipelines.cli.processes import own_environment
from pipelines.runtime.dvc_project import DvcProject, Outcome
from pipelines.runtime.locks import RUN_VARIABLE
from pipelines.runtime.scheduler import Run, RunSettings, StageEnd
from pipelines.runtime.workers import import_in_fork_server, worker_count
from pipelines.tracking.background import TRACKING_VARIABLE

ROOT = Path(__file__).parent.parent
ROUNDS = 5
SAMPLE_SECONDS = 0.5
LINEAR = {
    "seed": 20,
    "defaults": {"tune": {"trials": 1, "generation": 1}, "train": {"seeds": 1}},
    "problems": {
        "diabetes": {
            "task": "regression",
            "source": {"kind": "sklearn", "dataset": "diabetes"},
            "split": {"valid": 0.2, "test": 0.2, "by": "random"},
        }
    },
}


class Timing(NamedTuple):
    """What a command took."""

    seconds: float
    busy_cores: float  # on average, until the last stage ended


class WithoutDvc:
    """A project in which every stage must run and nothing is kept."""

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()

    def begin(self, address: str) -> Outcome:
        return "must run"

    def record(self, address: str) -> None: ...

    def environment(self, address: str) -> dict[str, str]:
        return {RUN_VARIABLE: str(os.getpid()), TRACKING_VARIABLE: "off"}


class Silent:
    def on_end(self, end: StageEnd) -> None:
        if end.end != "done":
            raise SystemExit(f"{end.address} {end.end}: {end.reason}")

    def on_tick(self, run: Run) -> None: ...


@contextmanager
def project_copy(params: dict[str, Any] | None = None, root: Path = ROOT) -> Iterator[Path]:
    """A copy of this project, or of another checkout of it, that was never run."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "project")
        folder.mkdir()
        copy_project(folder, root)
        (folder / "dvc.lock").unlink(missing_ok=True)
        if params is not None:
            (folder / "params.yaml").write_text(json.dumps(params, indent=1))  # JSON is YAML
        yield folder


def copy_project(folder: Path, root: Path = ROOT) -> None:
    file_list = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in file_list.splitlines():
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / ".venv").symlink_to(Path(sys.prefix))


def time_command(folder: Path, *command: str) -> Timing:
    started, samples = time.time(), []
    before = psutil.cpu_times()
    with subprocess.Popen(command, cwd=folder, env=own_environment(), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            time.sleep(SAMPLE_SECONDS if time.time() - started > 30 else SAMPLE_SECONDS / 20)
            samples.append((time.time(), psutil.cpu_times()))
    seconds = time.time() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    last_end = max((path.stat().st_mtime for path in (folder / ".state" / "durations").glob("*")), default=0.0)
    moment, after = next((sample for sample in samples if sample[0] >= last_end), samples[-1])
    waited = after.idle + after.iowait - before.idle - before.iowait
    return Timing(seconds, psutil.cpu_count() - waited / (moment - started))


def time_floor() -> None:
    """Run all stages of the project in the current folder without DVC."""
    import_in_fork_server(modules_of(()))
    plan = DvcProject().plan()
    started = time.perf_counter()
    Run(plan, WithoutDvc(), RunSettings(worker_count("cpu"), Path(".state")), Silent()).run()
    print(time.perf_counter() - started, len(plan))


def measure_floor(params: dict[str, Any] | None) -> tuple[float, int]:
    """Seconds of the floor, and how many stages there are."""
    with project_copy(params) as folder:
        command = [sys.executable, "-m", "benchmarks.pipeline", "floor"]
        found = subprocess.run(
            command, cwd=folder, env=own_environment(), check=True, stdout=subprocess.PIPE, text=True
        )
    seconds, count = found.stdout.split()[-2:]
    return float(seconds), int(count)


def time_nothing_to_do(folder: Path) -> None:
    for command in (("bakeoff", "run"), ("dvc", "repro")):
        idle = [time_command(folder, *command).seconds for _ in range(ROUNDS)]
        print(
            f"  {' '.join(command)} with nothing to do: {statistics.median(idle):.1f} s "
            f"({min(idle):.1f} to {max(idle):.1f} in {ROUNDS} runs)",
            flush=True,
        )


def compare_with_floor(params: dict[str, Any] | None, *, plain: bool) -> None:
    floor, stages = measure_floor(params)
    print(f"{stages} stages; the floor is {floor:.0f} s", flush=True)
    with project_copy(params) as folder:
        run = time_command(folder, "bakeoff", "run")
        print(
            f"  bakeoff run from nothing: {run.seconds:.0f} s, {run.seconds / floor:.2f} x the floor, "
            f"{(run.seconds - floor) / stages:.2f} s more per stage; {run.busy_cores:.2f} cores busy",
            flush=True,
        )
        time_nothing_to_do(folder)
    if plain:
        with project_copy(params) as folder:
            seconds = time_command(folder, "dvc", "repro").seconds
            print(f"  dvc repro from nothing: {seconds:.0f} s; bakeoff run takes {run.seconds / seconds:.2f} of it")


def linear_params(stage_count: int) -> dict[str, Any]:
    """Parameters of about so many stages: three for each contender."""
    names = [f"diabetes-{number}" for number in range((stage_count - 6) // 3)]
    return {
        **LINEAR,
        "contenders": {name: {"problem": "diabetes", "architecture": "linear_regression"} for name in names},
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["floor"]:
        time_floor()
    elif sys.argv[1:2] == ["stages"]:
        compare_with_floor(linear_params(int(sys.argv[2])), plain=False)
    else:
        compare_with_floor(None, plain=sys.argv[1:] == ["plain"])
