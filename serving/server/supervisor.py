"""Process supervisor: runs a command and stops it, with all its children, when the parent process ends.

TorchServe is a Java process with Python processes below it. When their parent is killed without a chance to clean
up (`kill -9`), they would run on for ever. So this process stands between: its standard input is a pipe from the
parent, which closes when the parent ends for whatever reason. It imports the standard library alone, because it is
run as a file.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

STOP_TIMEOUT_SECONDS = 8.0  # between SIGTERM and SIGKILL


def main(folder: Path, command: list[str]) -> int:
    """Run `command` in `folder` until it ends or standard input closes; then remove the folder.

    Prints the number of the command's process group. When the command ends by itself, the folder stays until
    standard input closes, so that its log can be read.
    """
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)  # the pipe alone decides when to end
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            restore_signals=True,
            preexec_fn=_restore_signals,
        )
    try:
        print(process.pid, flush=True)
        closed = False
        while not closed and process.poll() is None:
            closed = bool(select.select([sys.stdin], [], [], 0.2)[0])
        stop_group(process.pid, process)
        sys.stdin.read()
    finally:
        stop_group(process.pid, process)
        shutil.rmtree(folder, ignore_errors=True)
    return process.returncode


def _restore_signals() -> None:
    """Restore the signals that the supervisor ignores, because ignored signals are inherited."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)


def stop_group(group: int, process: subprocess.Popen[bytes]) -> None:
    """Stop a process group: SIGTERM, wait for its leader, then SIGKILL for what is left."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(group, signal.SIGTERM)
        process.wait(STOP_TIMEOUT_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
