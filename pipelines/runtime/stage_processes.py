"""Stage processes: stages that run side by side, forked from a server that has imported the libraries.

A command `python -m pipelines.tune digits-mlp` is the function `tune` of that module, called as the module itself would
call it; any other command goes to the shell, as DVC does it. What a stage prints goes to a file of its own.
"""

import contextlib
import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, Protocol, final

from pipelines.runtime.cluster import run_stage_on_cluster
from pipelines.runtime.progress import ProgressState, report_progress_to
from pipelines.runtime.slots import Slots, hold_slot
from pipelines.runtime.stage_runner import run_stage
from pipelines.runtime.workers import FORKSERVER, exit_with_parent

CLUSTER_VERBS = ("tune", "train", "evaluate")  # stages that a cluster computes, where there is one
WHOLE_ON_CLUSTER = ("evaluate",)  # those that are one task of it; the others send trials and seeds
STAGE_COMMAND = re.compile(r"python -m (pipelines\.([a-z_]+)) ([a-z0-9_-]+)")


class StageTask(NamedTuple):
    """What a stage is started with."""

    command: str
    environment: Mapping[str, str]  # besides the run's own
    log: Path  # what the stage prints
    state: Path  # the scratch folder
    slots: Slots | None  # None: a cluster computes


class RunningStage(Protocol):
    """A stage that is running."""

    address: str
    log: Path
    started_at: float  # by time.monotonic
    progress: ProgressState | None

    @property
    def handles(self) -> tuple[Any, ...]:
        """What `multiprocessing.connection.wait` waits for: its end, and news of it."""
        ...

    def exit_status(self) -> int | None:
        """The status of an ended stage, minus the signal if one ended it; None while it runs."""
        ...

    def receive_progress(self) -> None: ...
    def kill(self) -> None: ...
    def close(self) -> None: ...


def start_stage(address: str, task: StageTask) -> RunningStage:
    """Start the command of a stage."""
    task.log.parent.mkdir(parents=True, exist_ok=True)
    task.log.write_bytes(b"")  # what is there is of an earlier run
    return ForkedStage(address, task) if STAGE_COMMAND.fullmatch(task.command) else ShellStage(address, task)


@final
class ForkedStage:
    """A stage of this project, forked from the server."""

    def __init__(self, address: str, task: StageTask) -> None:
        self.address = address
        self.log = task.log
        self.started_at = time.monotonic()
        self.progress: ProgressState | None = None
        self._connection, theirs = FORKSERVER.Pipe(duplex=False)
        self._process = FORKSERVER.Process(target=_run_stage_of_task, args=(task, theirs))
        self._process.start()
        theirs.close()

    @property
    def handles(self) -> tuple[Any, ...]:
        return (self._process.sentinel,) if self._connection.closed else (self._process.sentinel, self._connection)

    def exit_status(self) -> int | None:
        status: int | None = self._process.exitcode
        return status

    def receive_progress(self) -> None:
        try:
            while not self._connection.closed and self._connection.poll():
                self.progress = self._connection.recv()
        except (EOFError, OSError):
            self._connection.close()

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self._process.join()
        self._connection.close()


@final
class ShellStage:
    """Any other command, run by the shell as DVC does; the slot is held for it."""

    progress: ProgressState | None = None
    handles: tuple[Any, ...] = ()

    def __init__(self, address: str, task: StageTask) -> None:
        self.address = address
        self.log = task.log
        self.started_at = time.monotonic()
        self._slots = task.slots
        self._had_slot = task.slots is not None and task.slots.take()
        with task.log.open("wb") as log:
            self._process = subprocess.Popen(
                _shell_command(task.command),
                env={**os.environ, **task.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def exit_status(self) -> int | None:
        return self._process.poll()

    def receive_progress(self) -> None: ...

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        self._process.wait()
        if self._slots is not None and self._had_slot:
            self._slots.give_back(kept=self._slots.held_count - 1)


def _shell_command(command: str) -> list[str]:
    """Each line in a shell of its own, as DVC does it, until one fails."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    lines = (f"{shlex.quote(shell)} -c {shlex.quote(line)} || exit $?" for line in command.splitlines())
    return [shell, "-c", "\n".join(lines)]


def start_fork_server() -> None:
    """Start the server already, so that it imports while other work goes on."""
    forkserver.ensure_running()


def _run_stage_of_task(task: StageTask, connection: Connection) -> None:
    match = STAGE_COMMAND.fullmatch(task.command)
    assert match is not None, "other commands go to the shell"
    module, verb, name = match.groups()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's to handle; it ends us
    exit_with_parent()
    _share_fork_server()
    _redirect_output(task.log)
    os.environ.update(task.environment)
    if task.slots is not None:
        hold_slot(task.slots)
    elif verb in WHOLE_ON_CLUSTER:
        completed = run_stage_on_cluster(verb, name, task.state)
        sys.stderr.write(completed.output)
        sys.exit(completed.exit_status)
    report_progress_to(connection.send)
    sys.argv = [f"pipelines/{verb}.py", name]
    run_stage(getattr(importlib.import_module(module), verb), task.state)


def _share_fork_server() -> None:
    """Let this process's own workers be forked from the server that it was forked from.

    Python means to do so (the docstring of `ensure_running` says it), but starts a second server, because it looks at
    the number of the server's process, which is known to the process alone that started it.
    """
    forkserver._forkserver.ensure_running = resource_tracker.ensure_running  # type: ignore[method-assign]  # as above


def _redirect_output(log: Path) -> None:
    with log.open("wb") as file:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
