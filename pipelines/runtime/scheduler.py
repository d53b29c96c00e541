"""Scheduler: the stages of a run, each started as soon as what it reads is there and a slot is free.

Which stage is done is DVC's to say, and its work is done here, in one process, between the ends of stages. What is
nearest to its end goes first, so that one problem is finished after the other and there is soon something to see; but a
chain of stages that would take as long as all the rest goes before it, so that no core waits for it at the end.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from pipelines.runtime.durations import read_duration
from pipelines.runtime.dvc_project import Outcome, PlannedStage, stage_title
from pipelines.runtime.slots import Slots
from pipelines.runtime.stage_processes import CLUSTER_VERBS, RunningStage, StageTask, start_stage
from pipelines.runtime.user_error import UserError

TICK_SECONDS = 0.1  # seconds between two looks at slots, and between two drawings
TYPICAL_SECONDS = {"tune": 15.0, "train": 10.0, "evaluate": 4.0}  # of a stage that never ran here
SHORT_SECONDS = 1.5  # the same, of all others
MAX_REASON_LINES = 12  # lines of what a stage said last: as many as there are mistakes in params.yaml named at once

End = Literal["up to date", "restored", "done", "failed", "skipped"]


class Project(Protocol):
    """What a run needs of DVC; benchmarks measure a run without it."""

    def held(self) -> AbstractContextManager[None]: ...
    def begin(self, address: str) -> Outcome: ...
    def record(self, address: str) -> None: ...
    def environment(self, address: str) -> dict[str, str]: ...


class StageEnd(NamedTuple):
    """A stage that needs no more work, or gets none."""

    address: str
    end: End
    seconds: float = 0.0
    reason: str = ""  # of a failure: what the stage said last, or which stage before it failed
    log: Path | None = None


class RunSettings(NamedTuple):
    """What does not change results."""

    slot_count: int  # stages that compute on this machine at once
    state: Path  # the scratch folder
    cluster_cpu_count: int = 0  # stages that have a cluster compute, at once, besides


class Observer(Protocol):
    """Who is told how the run stands."""

    def on_end(self, end: StageEnd) -> None: ...
    def on_tick(self, run: "Run") -> None: ...


class Run:
    """Stages of a plan, until none is left."""

    def __init__(
        self, plan: Sequence[PlannedStage], project: Project, settings: RunSettings, observer: Observer
    ) -> None:
        self.stages = {stage.address: stage for stage in plan}
        self.seconds = {address: _expected_seconds(address, settings.state) for address in self.stages}
        self.ends: dict[str, StageEnd] = {}
        self.running: list[RunningStage] = []
        self.started_at = time.monotonic()
        self._project = project
        self._settings = settings
        self._observer = observer
        self._remote_verbs = CLUSTER_VERBS if settings.cluster_cpu_count else ()
        self._slots = Slots(settings.state / "run" / "slots", settings.slot_count)
        self._ways = _longest_ways(plan, self.seconds)

    def run(self) -> list[StageEnd]:
        """Bring all stages to an end; how each ended, in that order."""
        try:
            while len(self.ends) < len(self.stages):
                self._start_ready_stages()
                if self.running:
                    self._wait_for_running()
                self._observer.on_tick(self)
        finally:
            for process in self.running:  # an exception or Ctrl-C is on its way
                process.kill()
                process.close()
        return list(self.ends.values())

    def seconds_left(self) -> float:
        """About how long the rest takes, if no slot is ever empty."""
        now = time.monotonic()
        running = {process.address: now - process.started_at for process in self.running}
        left = sum(
            max(0.0, seconds - running.get(address, 0.0))
            for address, seconds in self.seconds.items()
            if address not in self.ends
        )
        return left / (self._settings.slot_count + self._settings.cluster_cpu_count)

    def _start_ready_stages(self) -> None:
        address = self._next_to_start()
        if address is None:
            return
        with self._project.held():
            while address is not None:
                self._begin(address)
                address = self._next_to_start()

    def _next_to_start(self) -> str | None:
        """A stage that is ready, if there is a process and a slot for it."""
        remote_count = sum(self._is_remote(process.address) for process in self.running)
        local_count = len(self.running) - remote_count
        is_slot_free = local_count < self._settings.slot_count and (not local_count or self._slots.is_one_free())
        is_cluster_free = remote_count < self._settings.cluster_cpu_count
        ready = [
            address
            for address in self._ready_stages()
            if (is_cluster_free if self._is_remote(address) else is_slot_free)
        ]
        longest = max(ready, key=lambda address: self._ways[address], default=None)
        if longest is None or self._ways[longest] >= self.seconds_left():
            return longest
        return min(ready, key=lambda address: self._ways[address])

    def _is_remote(self, address: str) -> bool:
        """Whether a cluster computes the stage, so that it needs no slot here."""
        return address.partition("@")[0] in self._remote_verbs

    def _ready_stages(self) -> list[str]:
        """What could run, in the order of the plan."""
        busy = {process.address for process in self.running}
        return [
            stage.address
            for stage in self.stages.values()
            if stage.address not in self.ends
            and stage.address not in busy
            and all(one in self.ends or one not in self.stages for one in stage.upstream)
        ]

    def _begin(self, address: str) -> None:
        try:
            outcome = self._project.begin(address)
        except UserError as error:
            self._end(StageEnd(address, "failed", reason=str(error)))
            return
        if outcome != "must run":
            self._end(StageEnd(address, outcome))
            return
        task = StageTask(
            self.stages[address].command,
            self._project.environment(address),
            self._settings.state / "run" / "logs" / f"{address.replace('@', '-').replace('/', '-')}.log",
            self._settings.state,
            None if self._is_remote(address) else self._slots,
        )
        self.running.append(start_stage(address, task))

    def _wait_for_running(self) -> None:
        wait([handle for process in self.running for handle in process.handles], TICK_SECONDS)
        for process in list(self.running):
            process.receive_progress()
            if process.exit_status() is not None:
                self.running.remove(process)
                process.close()
                self._complete(process)

    def _complete(self, process: RunningStage) -> None:
        seconds = time.monotonic() - process.started_at
        reason = _failure_reason(process)
        if not reason:
            try:
                self._project.record(process.address)
            except UserError as error:
                reason = str(error)
        self._end(StageEnd(process.address, "failed" if reason else "done", seconds, reason, process.log))

    def _end(self, end: StageEnd) -> None:
        self.ends[end.address] = end
        self._observer.on_end(end)
        if end.end in ("failed", "skipped"):
            for stage in self.stages.values():
                if end.address in stage.upstream and stage.address not in self.ends:
                    self._end(StageEnd(stage.address, "skipped", reason=f"{end.address} {end.end}"))


def _failure_reason(process: RunningStage) -> str:
    """What a stage said last, without its own name; "" if it ended well."""
    status = process.exit_status()
    if status == 0:
        return ""
    if status is not None and status < 0:
        return f"its process was ended by signal {-status}"
    said = process.log.read_text(encoding="utf-8", errors="replace").strip()
    last = (
        said.splitlines()[-1:] if "Traceback (most recent call last)" in said else said.split("\n\n")[-1].splitlines()
    )
    reason = " ".join(line.strip() for line in last[-MAX_REASON_LINES:])
    return reason.removeprefix(f"{stage_title(process.address)}: ") or f"it ended with status {status} and said nothing"


def _expected_seconds(address: str, state: Path) -> float:
    """How long a stage took the last time, or stages like it usually do."""
    verb, _, name = address.partition("@")
    seconds = read_duration(state, verb, name)
    return TYPICAL_SECONDS.get(verb, SHORT_SECONDS) if seconds is None else seconds


def _longest_ways(plan: Sequence[PlannedStage], seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds from the beginning of each stage to the end of the last that depends on it."""
    ways = dict(seconds)
    for stage in reversed(plan):  # what a stage reads stands before it
        for address in stage.upstream:
            if address in ways:
                ways[address] = max(ways[address], seconds[address] + ways[stage.address])
    return ways
