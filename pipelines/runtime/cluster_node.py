"""A node's side of the cluster: where the project's files are there, and how a task or a stage runs.

A node that sees the project's folder (a shared file system) works in it. Another one gets the files through Ray's
object store, keeps those that never change beside the code that Ray unpacked, and sends back what was written.
"""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.files import TEMPORARY_PREFIX
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import Workers

Contents = dict[str, NDArray[np.uint8]]  # by path from the project's folder, in the order they were written

CARRIED_FOLDER = ".carried"  # in the folder where Ray unpacked the code; Ray deletes both together


class Origin(NamedTuple):
    """The project on the machine that asks, as a node needs to know it."""

    folder: str  # the path at which a node sees the project's folder, if it does
    token_path: str  # a file in that folder; a node that finds the token there sees the same folder
    token: str
    versions: dict[str, str]  # of the libraries that may change a number


class CarriedFiles(NamedTuple):
    """Files for a node that does not see the project's folder."""

    digest: str  # of the inputs: a node unpacks them once
    inputs: dict[str, Any]  # by path: references to objects of Ray's
    scratch: dict[str, Any]  # the same, of the task's scratch folder


class ProjectFolder(NamedTuple):
    path: Path
    is_shared: bool  # else it is a copy on the node


class Reply(NamedTuple):
    """What a node answers: a value, or the error that the asking process has to raise, and files to write there."""

    value: Any = None
    error: Exception | None = None
    files: Contents | None = None  # none where the folder is shared
    is_without_files: bool = False  # it does not see the folder and was sent no files: nothing was done


class CompletedStage(NamedTuple):
    exit_status: int
    output: str  # what the stage printed


def run_task(
    origin: Origin, call: bytes, imports: tuple[str, ...], scratch: str, carried: CarriedFiles | None
) -> Reply:
    """Apply `pickle.loads(call)`, a function and its argument, in a local worker: what dies is that worker.

    The files that come back are those of the folder `scratch`.
    """

    def call_in_worker(folder: Path) -> Any:
        (value,) = _local_worker(origin.token, imports).map([(str(folder), call)])
        return value

    return _reply_from(call_in_worker, origin, carried, (scratch,))


def run_stage_module(
    origin: Origin, verb: str, name: str, outputs: tuple[str, ...], carried: CarriedFiles | None
) -> Reply:
    """Run `python -m pipelines.<verb> <name>` in the project's folder; what it wrote to `outputs` comes back."""
    kept = {key: value for key, value in os.environ.items() if key != "BAKEOFF_CLUSTER"}

    def run_module(folder: Path) -> CompletedStage:
        ended = subprocess.run(
            [sys.executable, "-m", f"pipelines.{verb}", name],
            cwd=folder,
            env={**kept, "BAKEOFF_TRACKING": "off"},  # MLflow is where the run was started
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return CompletedStage(ended.returncode, ended.stdout)

    return _reply_from(run_module, origin, carried, outputs)


def _reply_from(
    work: Callable[[Path], Any], origin: Origin, carried: CarriedFiles | None, outputs: tuple[str, ...]
) -> Reply:
    """Do `work` in the project's folder or in what was carried of it; what it raises is for the process that asks."""
    try:
        _check_versions(origin)
        with _project_folder(origin, carried) as folder:
            if folder is None:
                return Reply(is_without_files=True)
            value = work(folder.path)
            return Reply(value, files={} if folder.is_shared else read_files(folder.path, outputs))
    except OSError as error:  # the disk of a node is not that of the machine where this is read
        reason = f"{error.strerror} (on the node {os.uname().nodename})"
        return Reply(error=OSError(error.errno, reason, error.filename))
    except (UserError, RuntimeError) as error:
        return Reply(error=error)


@lru_cache(maxsize=1)  # a pool that is let go closes its pipes, and its worker ends
def _local_worker(token: str, imports: tuple[str, ...]) -> Workers[tuple[str, bytes], Any]:
    """The worker of this process; a new one for every pool of the asking process, as there is on one machine."""
    return Workers(_call_in_folder, 1, imports)


def _call_in_folder(task: tuple[str, bytes]) -> Any:
    folder, call = task
    os.chdir(folder)
    work: Callable[[Any], Any]
    work, argument = pickle.loads(call)
    return work(argument)


@contextmanager
def _project_folder(origin: Origin, carried: CarriedFiles | None) -> Iterator[ProjectFolder | None]:
    """The project's folder, or a folder with what was carried of it, or None if there is neither."""
    if _is_shared(origin):
        yield ProjectFolder(Path(origin.folder), is_shared=True)
    elif carried is None:
        yield None
    else:
        code_folder = Path.cwd()  # where Ray unpacked it; this process stays there, its workers do not
        inputs_folder = _unpack_inputs(code_folder / CARRIED_FOLDER, carried)
        with tempfile.TemporaryDirectory(dir=code_folder / CARRIED_FOLDER, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for entry in code_folder.iterdir():
                if entry.name != CARRIED_FOLDER:
                    (folder / entry.name).symlink_to(entry)
            for path in carried.inputs:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).symlink_to(inputs_folder / path)
            write_files(folder, _fetch_contents(carried.scratch))
            yield ProjectFolder(folder, is_shared=False)


def _is_shared(origin: Origin) -> bool:
    try:
        return Path(origin.folder, origin.token_path).read_text() == origin.token
    except OSError:
        return False


def _check_versions(origin: Origin) -> None:
    for library, wanted in origin.versions.items():
        found = installed_version(library)
        if found != wanted:
            raise UserError(
                f"the node {os.uname().nodename} has {library} {found or 'not installed'}, and this machine has "
                f"{wanted}: results would differ; install the same constraints.txt on both"
            )


def installed_version(library: str) -> str:
    """The version without what tells builds apart (2.13.0 of 2.13.0+cpu); empty if there is none."""
    try:
        return version(library).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _unpack_inputs(parent: Path, carried: CarriedFiles) -> Path:
    """Write the inputs once per node; a process that is second to finish leaves the first one's folder as it is."""
    folder = parent / carried.digest
    if folder.exists():
        return folder
    parent.mkdir(exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=parent))
    try:
        write_files(unfinished, _fetch_contents(carried.inputs))
        unfinished.rename(folder)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not folder.exists():
            raise
    return folder


def _fetch_contents(references: Mapping[str, Any]) -> Contents:
    import ray

    return dict(zip(references, ray.get(list(references.values())), strict=True))


def read_files(folder: Path, names: Iterable[str]) -> Contents:
    """The files `names` in `folder`, and those in folders so named; the oldest first, as a mark of the end is last."""
    files = {path for name in names for path in (folder / name, *(folder / name).rglob("*")) if path.is_file()}
    finished = [path for path in files if not path.name.startswith(TEMPORARY_PREFIX)]
    finished.sort(key=lambda path: (path.stat().st_mtime_ns, path))
    return {path.relative_to(folder).as_posix(): np.fromfile(path, np.uint8) for path in finished}


def write_files(folder: Path, files: Contents) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        content.tofile(folder / path)
