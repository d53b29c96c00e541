"""Pool of workers on a Ray cluster: the same tasks and the same results as on one machine, on many.

BAKEOFF_CLUSTER names the cluster: auto, host:port (from a node of it), or ray://host:port (from anywhere). The code
travels as Ray's working directory. What tasks read and write is in a folder that the nodes see too, or travels through
Ray's object store; every node finds out for itself, so a cluster may have nodes of both kinds.

What a task's own process dies of is found out on its node, as on one machine (cluster_node.py). What is lost with a
node is not the task's fault, and is done again elsewhere.
"""

import hashlib
import pickle
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import numpy as np

from pipelines.runtime.cluster_connection import (
    CODE_ENTRIES,
    cluster_address,
    connect_to_cluster,
    list_files,
    project_folder_on_nodes,
)
from pipelines.runtime.cluster_node import (
    CarriedFiles,
    CompletedStage,
    Origin,
    Reply,
    installed_version,
    run_stage_module,
    run_task,
)
from pipelines.runtime.dvc_yaml import find_stage
from pipelines.runtime.files import write_bytes, write_text
from pipelines.runtime.libraries import FINGERPRINTED_LIBRARIES
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import KILLED, MAX_TRIES, WORKERS_PER_GPU, Crash, TaskPool, Workers

MAX_LOSSES = 10  # nodes that may be lost under one task; a cluster that loses more is not one to wait for
NOTICE_SECONDS = 10.0  # seconds without any result, after which a cluster that cannot run the tasks is named


class ScratchTask(Protocol):
    """A task with a folder that it goes on from and leaves its files in."""

    @property
    def folder(self) -> Path: ...


T = TypeVar("T", bound=ScratchTask)
R = TypeVar("R")


class TaskNeeds(NamedTuple):
    """What tasks need of the machine they run on."""

    device: str  # cpu, or cuda for a share of a GPU
    files: tuple[Path, ...]  # files and folders that they read, and that do not change meanwhile
    scratch: Path  # a folder of this pool's own


def open_workers(work: Callable[[T], R], count: int, imports: Sequence[str], needs: TaskNeeds) -> TaskPool[T, R]:
    """`count` workers on this machine, or as many as the cluster of BAKEOFF_CLUSTER has."""
    if cluster_address():
        return ClusterWorkers(work, imports, needs)
    return Workers(work, count, imports)


class ClusterWorkers(TaskPool[T, R]):
    """The CPUs of a cluster, which apply `work` to tasks; all that are submitted are queued by Ray."""

    def __init__(self, work: Callable[[T], R], imports: Sequence[str], needs: TaskNeeds) -> None:
        gpus = 1 / WORKERS_PER_GPU if needs.device == "cuda" else 0
        self.work, self.imports = work, (work.__module__, *imports)
        self.calls = _RemoteCalls(run_task, needs.files, needs.scratch, gpus)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.calls.close()

    def submit(self, key: Any, task: T, *, first: bool = False) -> None:
        """Have a task done when a CPU is free; Ray starts them in its own order, whatever `first` says."""
        call = pickle.dumps((self.work, task))
        self.calls.start(_Call(key, (call, self.imports, task.folder.as_posix()), task.folder))

    def collect_results(self) -> list[tuple[Any, R | Crash]]:
        """Wait until something ends; (key, result) of all that has. Raises what a task raised."""
        return [(key, reply if isinstance(reply, Crash) else reply.value) for key, reply in self.calls.collect()]


def cluster_cpu_count() -> int:
    """How many CPUs the cluster has now, at least 1, as it may grow; 0 if there is no cluster to use.

    Raises:
        UserError: the cluster cannot be reached.
    """
    if not cluster_address():
        return 0
    cpus: float = connect_to_cluster().cluster_resources().get("CPU", 0)
    return max(1, round(cpus))


def run_stage_on_cluster(verb: str, name: str, state: Path) -> CompletedStage:
    """Run a stage as one task of the cluster; its outputs, its duration and what it says of a failure come back.

    May be called from several threads at once.

    Args:
        state: the folder of scratch files.
    """
    stage = find_stage(verb, name)
    if stage is None:
        raise UserError(f"dvc.yaml has no stage {verb} {name}")
    inputs = [Path(dep) for dep in stage.deps if Path(dep).parts[0] not in CODE_ENTRIES]
    notes = (state / "durations" / f"{verb}-{name}.json", state / "failures" / f"{verb}-{name}.txt")
    outputs = (*stage.outs, *(path.as_posix() for path in notes))
    calls = _RemoteCalls(run_stage_module, inputs, state / "cluster", gpus=0)
    try:
        calls.start(_Call(None, (verb, name, outputs), None, replaces=stage.outs))
        ((_, reply),) = calls.collect()
    finally:
        calls.close()
    if isinstance(reply, Crash):
        return CompletedStage(1, f"{verb} {name}: {reply.reason}\n")
    completed: CompletedStage = reply.value
    return completed


class _Call(NamedTuple):
    """Arguments with which a function is to be called on a node, and how often that was tried."""

    key: Any
    arguments: tuple[Any, ...]
    scratch: Path | None  # whose files go with it
    replaces: tuple[str, ...] = ()  # files and folders that the files that come back replace
    tries: int = 1
    losses: int = 0


class _RemoteCalls:
    """Calls of a function of cluster_node.py: tried again when they are lost, with files where a node needs them."""

    def __init__(self, function: Callable[..., Reply], inputs: Iterable[Path], scratch: Path, gpus: float) -> None:
        self.ray = connect_to_cluster()
        self.wanted = {"CPU": 1, "GPU": gpus}
        # No retries of Ray's: what was lost with a node and what killed its own process are not the same
        self.function = self.ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(function)
        self.inputs = list(inputs)
        self.carried: CarriedFiles | None = None  # made when the first node asks for it
        self.running: dict[Any, _Call] = {}
        self.is_notice_due = True
        token = uuid.uuid4().hex
        self.token_path = scratch / f".seen-{token[:12]}"
        write_text(self.token_path, token)
        versions = {library: installed_version(library) for library in FINGERPRINTED_LIBRARIES}
        self.origin = Origin(project_folder_on_nodes(), self.token_path.as_posix(), token, versions)

    def close(self) -> None:
        """End what is still under way: nobody waits for it."""
        for reference in self.running:
            self.ray.cancel(reference, force=True)
        self.token_path.unlink(missing_ok=True)

    def start(self, call: _Call) -> None:
        carried = self.carried
        if carried is not None and call.scratch is not None:
            carried = carried._replace(scratch=self._put_files([call.scratch]))
        self.running[self.function.remote(self.origin, *call.arguments, carried)] = call

    def collect(self) -> list[tuple[Any, Reply | Crash]]:
        """Wait until something ends; (key, reply) of all that has, its files in place. Raises what was raised."""
        assert self.running, "nothing was started"
        finished: list[tuple[Any, Reply | Crash]] = []
        while not finished:
            try:
                ended, _ = self.ray.wait(list(self.running), timeout=NOTICE_SECONDS)
                if not ended:
                    self._notice_lack()
                for reference in ended:
                    call = self.running.pop(reference)
                    reply = self._receive_reply(reference, call)
                    if reply is not None:
                        finished.append((call.key, reply))
            except ConnectionError as error:  # only a client, ray://, survives this; a node ends with its cluster
                self.running.clear()
                raise UserError(f"the connection to the cluster was lost ({error}); run again to go on") from None
        return finished

    def _receive_reply(self, reference: Any, call: _Call) -> Reply | Crash | None:
        """What a node answered; None if the call was started again."""
        errors = self.ray.exceptions
        try:
            reply: Reply = self.ray.get(reference)
        except (errors.WorkerCrashedError, errors.OutOfMemoryError):  # the same, seen by Ray instead of by the node
            if call.tries >= MAX_TRIES:
                return Crash(KILLED)
            self.start(call._replace(tries=call.tries + 1))
            return None
        except (errors.NodeDiedError, errors.ObjectLostError) as error:
            if call.losses >= MAX_LOSSES:
                raise UserError(f"{MAX_LOSSES + 1} nodes were lost under one task; the last: {error}") from None
            self.start(call._replace(losses=call.losses + 1))
            return None
        except errors.RuntimeEnvSetupError as error:
            raise UserError(f"a node could not unpack the project's code: {' '.join(str(error).split())}") from None
        if reply.is_without_files:
            self.carried = self.carried or self._carry_inputs()
            self.start(call)
            return None
        if reply.error is not None:
            raise reply.error
        _write_reply_files(call, reply)
        return reply

    def _carry_inputs(self) -> CarriedFiles:
        """Put the inputs where every node can fetch them; their digest is of paths and contents."""
        digest = hashlib.blake2b(digest_size=16)
        for path in list_files(self.inputs):
            digest.update(f"{path.as_posix()}\n".encode())
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "blake2b").digest())
        return CarriedFiles(digest.hexdigest(), self._put_files(self.inputs), {})

    def _put_files(self, paths: Iterable[Path]) -> dict[str, Any]:
        """References to the contents of files, by path, the oldest first; large ones are mapped, not read."""
        references = {}
        for path in sorted(list_files(paths), key=lambda path: path.stat().st_mtime_ns):
            if path.is_absolute() or ".." in path.parts:
                raise UserError(f"{path} is outside of the project's folder, and a node does not see that folder")
            content = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
            references[path.as_posix()] = self.ray.put(np.asarray(content))
        return references

    def _notice_lack(self) -> None:
        """Say once if no node can run the tasks, as it is before a cluster that scales itself has grown."""
        resources = self.ray.cluster_resources()
        lacking = [name for name, amount in self.wanted.items() if amount > resources.get(name, 0)]
        if lacking and self.is_notice_due:
            self.is_notice_due = False
            print(f"  waiting: the cluster has no {' and no '.join(lacking)} now", file=sys.stderr, flush=True)


def _write_reply_files(call: _Call, reply: Reply) -> None:
    """Put the files that came back into place, in the order they were written on the node."""
    if not reply.files:
        return
    for path in map(Path, call.replaces):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name, content in reply.files.items():
        write_bytes(Path(name), content.tobytes())
