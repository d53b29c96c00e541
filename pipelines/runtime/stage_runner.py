"""Runner of one stage: its name from the command line, a lock, errors as sentences."""

import errno
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psutil
from threadpoolctl import threadpool_limits

from pipelines.runtime.dvc_yaml import Stage, read_stages
from pipelines.runtime.files import delete_unfinished_files, write_json, write_text
from pipelines.runtime.locks import exclusive_lock
from pipelines.runtime.user_error import UserError


def run_stage(work: Callable[[str], None], state: Path) -> None:
    """Run `work(name)` as the stage of that name; end the process with 0, 1 or 130.

    A `UserError` is printed as a sentence after the stage's name. Anything else is our defect: the
    traceback goes to a file, and the sentence says where.
    """
    verb = work.__name__
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m pipelines.{verb} NAME   (a name from params.yaml)")
    name = sys.argv[1]
    if not Path("params.yaml").exists():
        sys.exit(f"{verb} {name}: there is no params.yaml here; run from the project's folder")
    try:
        with exclusive_lock(state / "locks" / f"{verb}-{name}", f"waiting: another process is running {verb} {name}"):
            _exit_when_orphaned()
            _delete_unfinished_outputs(_announce_stage(verb, name))
            with threadpool_limits(limits=1):  # a sum that is split over threads depends on how many there are
                work(name)
            seconds = time.time() - psutil.Process().create_time()  # imports are part of what a stage costs
            write_json(state / "durations" / f"{verb}-{name}.json", {"seconds": seconds})
    except UserError as failure:
        sys.exit(f"\n{verb} {name}: {failure}")
    except KeyboardInterrupt:
        print(f"\n{verb} {name}: stopped; run again to go on from here", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            sys.exit(_save_traceback(state, verb, name, error))
        sys.exit(
            f"\n{verb} {name}: could not write {error.filename or 'a file'}: {error.strerror}; "
            "free some space or permit writing, and run again: what is finished is kept"
        )
    except Exception as error:  # the last line of defence: users get a sentence, we get the traceback
        sys.exit(_save_traceback(state, verb, name, error))


def _announce_stage(verb: str, name: str) -> Stage:
    """Say which stage of how many this is."""
    order = read_stages()
    position = next((number for number, stage in enumerate(order, 1) if stage[:2] == (verb, name)), None)
    if position is None:
        known = ", ".join(stage.name for stage in order if stage.verb == verb)
        raise UserError(f"params.yaml names no {name!r} for this stage; it has: {known or 'none'}")
    print(f"[{position} of {len(order)}] {verb} {name}", file=sys.stderr, flush=True)
    return order[position - 1]


def _delete_unfinished_outputs(stage: Stage) -> None:
    """Remove half-written files that a killed run of this stage left beside or in its outputs."""
    for folder in {place for out in stage.outs for place in (Path(out), Path(out).parent)}:
        delete_unfinished_files(folder)


def _save_traceback(state: Path, verb: str, name: str, error: Exception) -> str:
    path = state / "failures" / f"{verb}-{name}.txt"
    traceback_text = "".join(traceback.format_exception(error))
    try:
        write_text(path, traceback_text)
    except OSError:  # a full disk, say
        return f"\n{verb} {name}: failed, and could not write why to {path}:\n{traceback_text}"
    return (
        f"\n{verb} {name}: failed in a way that is not your mistake: {type(error).__name__}: {error}\n"
        f"The whole story is in {path}; please report it."
    )


def _exit_when_orphaned() -> None:
    """End this process when the one that started it is killed.

    DVC killed by `kill -9` leaves its stage running; run again, DVC would clear the folder that the
    old stage still writes to.
    """
    parent = os.getppid()

    def poll_parent() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=poll_parent, daemon=True).start()
