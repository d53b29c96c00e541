"""Background tracking: a process beside the stages, so that MLflow costs a stage milliseconds.

A stage on its own starts that process. A run puts what its stages have done into a queue, and starts one process for
the queue, which computes when nothing else does.
"""

import fcntl
import os
import select
import sys
import time
from pathlib import Path

from pipelines.runtime.files import write_json
from pipelines.runtime.locks import exclusive_lock
from pipelines.settings import paths

TRACKING_STATE = paths.STATE_FOLDER / "tracking"
TRACKING_VARIABLE = "BAKEOFF_TRACKING"  # who shows in MLflow what is done: unset, every stage by itself ...
NOBODY, BY_THE_RUN = "off", "run"  # ... or nobody, or the run that the stage belongs to
BUSY_LOCK = TRACKING_STATE / "busy"  # locked, and shared, by every process in the background until it ends
QUEUE = TRACKING_STATE / "queue"  # a file per contender and champion that is still to be shown
QUEUE_LOG = TRACKING_STATE / "queue.log"
NICENESS = 10  # of a process in the background: where a core is wanted by both, it gets a tenth of a stage's share
POLL_SECONDS = 0.5  # between two looks at an empty queue


def start_in_background(*arguments: str) -> None:
    """Start `python -m pipelines.tracking` with these arguments, and do not wait.

    What it says goes to a file named after the last argument in .state/tracking/; what starting it cost the stage
    goes to .state/durations/.
    """
    if os.environ.get(TRACKING_VARIABLE) in (NOBODY, BY_THE_RUN):
        return
    started = time.monotonic()
    TRACKING_STATE.mkdir(parents=True, exist_ok=True)
    log = str(TRACKING_STATE / f"{arguments[-1]}.log")
    _spawn(arguments, log)
    write_json(
        paths.STATE_FOLDER / "durations" / f"mlflow-{arguments[-1]}.json", {"seconds": time.monotonic() - started}
    )


def add_to_queue(*arguments: str) -> None:
    """Have the artifacts of a contender, or the champion of a problem (after `--registry`), shown by the queue."""
    write_json(QUEUE / f"{'-'.join(arguments)}.json", {"arguments": arguments, "queued_at": time.time()})


class QueueProcess:
    """The one process of a run that shows what is queued: it starts when it is first needed, and ends with the run.

    It learns of the end by its standard input, which the run holds open; so it ends, too, when the run is killed.
    """

    def __init__(self) -> None:
        self._process_id = 0  # 0 if there is none
        self._write_end = -1

    def ensure_running(self) -> None:
        """Start it, unless it is there."""
        if self._process_id and os.waitpid(self._process_id, os.WNOHANG) == (0, 0):
            return
        self.close()
        TRACKING_STATE.mkdir(parents=True, exist_ok=True)
        read_end, self._write_end = os.pipe()
        self._process_id = _spawn(("--queued",), str(QUEUE_LOG), read_end)
        os.close(read_end)

    def close(self) -> None:
        """Let it end once the queue is empty; see `wait_for_background`."""
        if self._write_end >= 0:
            os.close(self._write_end)
        self._write_end = -1


def wait_for_end_of_input(seconds: float) -> bool:
    """Wait so long for the end of standard input, of which nothing is read; tells whether it has come."""
    try:
        return bool(select.select([sys.stdin.fileno()], [], [], seconds)[0])
    except (ValueError, OSError):  # there is no standard input: whoever started this process closed it
        return True


def read_queue() -> dict[Path, bytes]:
    """What is still to be shown, as the files of the queue have it."""
    return {path: path.read_bytes() for path in sorted(QUEUE.glob("*.json"))}


def leave_queue(path: Path, content: bytes) -> None:
    """Take out what has been shown, unless a stage has queued it anew meanwhile."""
    if path.exists() and path.read_bytes() == content:
        path.unlink()


def _spawn(arguments: tuple[str, ...], log: str, stdin: int | None = None) -> int:
    """Start the process; its standard input is empty unless an open file is given. Returns its number."""
    with BUSY_LOCK.open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_SH)
        os.set_inheritable(busy.fileno(), True)  # the lock lives as long as a process holds the open file
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "pipelines.tracking", *arguments],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
                if stdin is None
                else (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,  # it outlives the stage, and Ctrl-C is not for it
        )
    os.setpriority(os.PRIO_PROCESS, child, NICENESS)
    return child


def wait_for_background() -> None:
    """Wait for every process in the background; say so if it takes a while, and repeat what they complained of."""
    if not BUSY_LOCK.exists():
        return
    with exclusive_lock(BUSY_LOCK, "MLflow is catching up ..."):
        pass
    for log in sorted(TRACKING_STATE.glob("*.log")):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("note: "):
                print(line, file=sys.stderr)
