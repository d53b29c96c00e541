"""Exclusive file locks, which the kernel releases when their holder dies, however it dies."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RUN_VARIABLE = "BAKEOFF_RUN"  # in the environment of stages that a run started: the number of the run's process


@contextmanager
def exclusive_lock(path: Path, wait_message: str) -> Iterator[None]:
    """Hold the lock of a file; if another process has it, print `wait_message` and wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(wait_message, file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_lock_holder(path: Path) -> str | None:
    """What the process that holds the lock of a file wrote into it, its number; None if nobody holds it."""
    try:
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read().strip()
    except FileNotFoundError:
        pass
    return None
