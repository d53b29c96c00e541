"""Pipeline benchmark: the time of a run from nothing, of a run with nothing to do, and MLflow's share of a stage.

In a copy of the project: `dvc repro` from nothing, then `dvc repro` and `make run` with nothing to do. MLflow's share
is the time a stage spends on starting the process that shows its results; the process itself runs beside the next
stages, and how long the last one outlives the run is printed too.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipelines.runtime.dvc_yaml import read_stages

ROOT = Path(__file__).parent.parent
ROUNDS = 5


def copy_project(folder: Path) -> None:
    file_list = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in file_list.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / ".venv").symlink_to(Path(sys.prefix))


def time_command(folder: Path, *command: str) -> float:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def read_duration(folder: Path, name: str) -> float:
    return float(json.loads((folder / ".state" / "durations" / f"{name}.json").read_text())["seconds"])


def print_mlflow_shares(folder: Path) -> None:
    shares = []
    for stage in read_stages():
        if stage.verb in ("evaluate", "package"):
            stage_seconds, mlflow_seconds = (
                read_duration(folder, f"{stage.verb}-{stage.name}"),
                read_duration(folder, f"mlflow-{stage.name}"),
            )
            shares.append(100 * mlflow_seconds / stage_seconds)
            print(f"  {stage.title}: {stage_seconds:.1f} s, MLflow's share {shares[-1]:.2f} %")
    print(f"    MLflow's largest share of a stage  {max(shares):.2f} %")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "project")
        folder.mkdir()
        copy_project(folder)
        first_seconds = time_command(folder, "dvc", "repro")
        mlflow_lag = time_command(folder, "python", "-m", "pipelines.tracking", "--wait")
        print(
            f"dvc repro from nothing: {first_seconds:.0f} s for {len(read_stages())} stages; MLflow complete "
            f"{mlflow_lag:.1f} s later"
        )
        print_mlflow_shares(folder)
        for command in (("dvc", "repro"), ("make", "run")):
            idle_seconds = [time_command(folder, *command) for _ in range(ROUNDS)]
            print(
                f"{' '.join(command)} with nothing to do: {statistics.median(idle_seconds):.1f} s "
                f"({min(idle_seconds):.1f} to {max(idle_seconds):.1f} in {ROUNDS} runs)"
            )


if __name__ == "__main__":
    main()
