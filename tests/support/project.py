"""A copy of this project in a folder of its own, with smaller settings, run as a user runs it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.environment import users_environment

ROOT = Path(__file__).parents[2]
COMMAND_TIMEOUT = 3600  # seconds; only a command that hangs takes as long, however slow the machine
SMALL_PARAMS: dict[str, Any] = {
    "seed": 20,
    "defaults": {
        "tune": {"trials": 4, "generation": 2},
        "train": {"seeds": 2},
        "budget": {"epochs": 5, "min_steps": 1},
    },
    "problems": {
        "digits": {
            "task": "classification",
            "source": {"kind": "sklearn", "dataset": "digits"},
            "split": {"valid": 0.2, "test": 0.2, "by": "stratified"},
            "augment": {"copies": 2, "shift": 1, "rotate": 10},
        }
    },
    "contenders": {
        "digits-logistic_regression": {"problem": "digits", "architecture": "logistic_regression"},
        "digits-lenet5": {"problem": "digits", "architecture": "lenet5", "search": {"width": [1, 2]}},
    },
}


class Project:
    """A folder with its own git history and DVC cache; commands run in it with this environment's programs."""

    def __init__(self, folder: Path, params: Mapping[str, Any], source: Path = ROOT) -> None:
        self.folder = folder
        file_names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=source,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in filter(None, file_names.split("\0")):
            if (source / name).is_file() and Path(name).name != "dvc.lock":
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, folder / name)
        self.write_params(params)
        self.run_checked("git", "init", "--quiet")
        self.commit("start")

    def write_params(self, params: Mapping[str, Any]) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(dict(params), sort_keys=False))

    def commit(self, message: str) -> None:
        self.run_checked("git", "add", "--all")
        self.run_checked("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", message)

    def start_command(self, *command: str, **extra: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own; its output goes to a file, as nobody reads a pipe here."""
        with (self.folder.parent / f"{self.folder.name}-output.txt").open("w") as output:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=users_environment(**{"PYTHONPATH": "", **extra}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def run_command(self, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        process = self.start_command(*command, **extra)
        try:
            process.wait(timeout=COMMAND_TIMEOUT)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(command, process.returncode, self.read_output())

    def run_checked(self, *command: str, **extra: str) -> str:
        completed = self.run_command(*command, **extra)
        assert completed.returncode == 0, completed.stdout
        return str(completed.stdout)

    def read_output(self) -> str:
        return (self.folder.parent / f"{self.folder.name}-output.txt").read_text()

    @property
    def lock_text(self) -> str:
        return (self.folder / "dvc.lock").read_text()

    def lock_entries(self, problems: Iterable[str]) -> dict[str, Any]:
        """What dvc.lock says of every stage of these problems, by address."""
        stages: dict[str, Any] = yaml.load(self.lock_text, yaml.CSafeLoader)["stages"]
        names = tuple(problems)
        found = {address: entry for address, entry in stages.items() if address.split("@")[1].startswith(names)}
        assert {address.split("@")[1].partition("-")[0] for address in found} == set(names)
        return found
