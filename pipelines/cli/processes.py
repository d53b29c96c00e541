"""Other programs of this environment, started as `python -m`, whether or not the environment is activated."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn, TextIO


def run_module(module: str, *arguments: str, stdout: TextIO | None = None) -> int:
    """Run a module in a process of its own, which has the terminal; return its exit status.

    Ctrl-C reaches that process, too, as the terminal sends it to both: it ends in its own way, and then Ctrl-C is
    raised here.

    Args:
        stdout: where its output goes; that of this process if None.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, env=own_environment(), stdout=stdout) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def capture_module(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a module; return what it printed."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=own_environment(), capture_output=True, text=True)


def become_module(module: str, *arguments: str) -> NoReturn:
    """Go on as another program, which has this process's number, terminal and signals."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], own_environment())


def own_environment() -> dict[str, str]:
    """The variables of this process, where `python`, which stages call, is the one of this environment."""
    programs = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join(filter(None, (programs, os.environ.get("PATH"))))}
