"""Pool of worker processes, which retries a task whose worker died and ends with its parent.

A fork server imports the heavy libraries once; workers fork from it in milliseconds. A task that
kills its worker (out of memory, a crash in native code) is tried once more in a fresh one and then
given up with a reason, so that one bad setting cannot end a search.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

from pipelines.runtime.slots import POLL_SECONDS, slots_of_this_process
from pipelines.runtime.user_error import UserError

T = TypeVar("T")
R = TypeVar("R")

FORKSERVER = multiprocessing.get_context("forkserver")
MAX_TRIES = 2  # a worker that dies twice on the same task died of it
WORKERS_PER_GPU = 4
MODULES_VARIABLE = "BAKEOFF_FORK_SERVER_IMPORTS"  # what the fork server imports: names, with spaces between them
KILLED = "its process was killed (out of memory?)"


class Crash(NamedTuple):
    """The outcome of a task whose worker died each time it was tried."""

    reason: str


class Worker(NamedTuple):
    process: Any
    connection: Connection


def worker_count(device: str) -> int:
    """How many workers to use: BAKEOFF_WORKERS, else a process per core, or four sharing a GPU."""
    override = os.environ.get("BAKEOFF_WORKERS", "")
    if override:
        if not override.isdigit() or int(override) < 1:
            raise UserError(f"BAKEOFF_WORKERS must be a whole number of at least 1, found {override!r}")
        return int(override)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if device == "cpu" else min(WORKERS_PER_GPU, cores)


def import_in_fork_server(modules: Sequence[str]) -> None:
    """Have the fork server import these when it starts, which is with the first process that needs it."""
    os.environ[MODULES_VARIABLE] = " ".join(modules)
    FORKSERVER.set_forkserver_preload(["pipelines.runtime.fork_server_imports"])


class TaskPool(ABC, Generic[T, R]):
    """Workers, here or elsewhere, that tasks are handed to; a context, at whose end nothing is left under way."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def submit(self, key: Any, task: T, *, first: bool = False) -> None:
        """Have a task done when a worker is free; `first` asks for it to come before those that wait already."""

    @abstractmethod
    def collect_results(self) -> list[tuple[Any, R | Crash]]:
        """Wait until something ends; (key, result) of all that has. Raises what a task raised."""

    def map(self, tasks: Sequence[T], on_result: Callable[[int, R | Crash], None] | None = None) -> list[R | Crash]:
        """Work on all tasks; `on_result(index, result)` is called as each ends."""
        results: dict[int, R | Crash] = {}
        for index, task in enumerate(tasks):
            self.submit(index, task)
        while len(results) < len(tasks):
            for index, result in self.collect_results():
                results[index] = result
                if on_result is not None:
                    on_result(index, result)
        return [results[index] for index in range(len(tasks))]


class Workers(TaskPool[T, R]):
    """`count` processes that apply `work` to tasks; results come back in the order of the tasks."""

    def __init__(self, work: Callable[[T], R], count: int, imports: Sequence[str] = ()) -> None:
        """Start the workers; the fork server imports the module of `work` and `imports` first."""
        import_in_fork_server([work.__module__, *imports])
        self.work = work
        self.idle = [self._start_worker() for _ in range(count)]
        self.queue: deque[tuple[Any, T, int]] = deque()  # key, task, which try this will be
        self.busy: dict[Connection, tuple[Worker, Any, T, int]] = {}
        self.slots = slots_of_this_process()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker, *_ in self.busy.values():  # an exception is on its way: nobody waits for these
            worker.process.kill()
        for worker in (*self.idle, *(worker for worker, *_ in self.busy.values())):
            worker.connection.close()
            worker.process.join()
        if self.slots is not None:
            self.slots.give_back(kept=1)  # the stage's own

    def _start_worker(self) -> Worker:
        ours, theirs = FORKSERVER.Pipe()
        process = FORKSERVER.Process(target=_run_worker, args=(self.work, theirs), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, ours)

    def submit(self, key: Any, task: T, *, first: bool = False) -> None:
        """Have a task done when a worker is free; `first` puts it before those that wait already."""
        self.queue.appendleft((key, task, 1)) if first else self.queue.append((key, task, 1))
        self._start_queued_tasks()

    def collect_results(self) -> list[tuple[Any, R | Crash]]:
        """Wait until something ends; (key, result) of all that has. Raises what a task raised."""
        assert self.busy, "nothing was submitted"
        finished: list[tuple[Any, R | Crash]] = []
        while not finished:
            for connection in wait(list(self.busy), POLL_SECONDS if self.slots and self.queue else None):
                assert isinstance(connection, Connection)
                worker, key, task, tries = self.busy.pop(connection)
                result = self._receive_result(worker, tries)
                if result is None:
                    self.queue.appendleft((key, task, tries + 1))
                else:
                    finished.append((key, result))
            self._start_queued_tasks()
            if self.slots is not None:
                self.slots.give_back(kept=max(1, len(self.busy)))
        return finished

    def _start_queued_tasks(self) -> None:
        while self.queue and self.idle and self._has_slot():
            key, task, tries = self.queue.popleft()
            worker = self.idle.pop()
            self.busy[worker.connection] = (worker, key, task, tries)
            self._send_task(worker, task)

    def _has_slot(self) -> bool:
        """Whether one more worker may compute; the first does so in the place of this process, which waits."""
        return self.slots is None or len(self.busy) < self.slots.held_count or self.slots.take()

    def _send_task(self, worker: Worker, task: T) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # dead while idle: reading from it says so
            worker.connection.send(task)

    def _receive_result(self, worker: Worker, tries: int) -> R | Crash | None:
        """What a worker sent; None to try again in the fresh worker that replaces a dead one."""
        try:
            status, value = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            worker.connection.close()
            self.idle.append(self._start_worker())
            return Crash(_crash_reason(worker.process.exitcode)) if tries >= MAX_TRIES else None
        self.idle.append(worker)
        if status == "failed":
            raise value
        if status == "raised":
            raise RuntimeError(f"a worker failed:\n{value}")
        result: R = value
        return result


def _crash_reason(exitcode: int | None) -> str:
    if exitcode == -signal.SIGKILL:
        return KILLED
    if exitcode is not None and exitcode < 0:
        return f"its process died of {signal.Signals(-exitcode).name}"
    return f"its process ended with status {exitcode}"


def _run_worker(work: Callable[[Any], Any], connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends us
    exit_with_parent()
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer = ("returned", work(task))
        except (UserError, OSError) as error:  # for the user: the parent raises the same
            answer = ("failed", error)
        except Exception:  # for us: the parent raises it with this traceback; this process stays usable
            answer = ("raised", traceback.format_exc())
        try:
            connection.send(answer)
        except BrokenPipeError:
            return


def exit_with_parent() -> None:
    """End this worker at once when the process that asked for it is gone, even by `kill -9`."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait_for_parent() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait_for_parent, daemon=True).start()
