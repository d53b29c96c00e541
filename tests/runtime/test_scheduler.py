"""The scheduler: a stage runs after what it reads, others beside it, and a failure stays where it is."""

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runtime.dvc_project import Outcome, PlannedStage
from pipelines.runtime.scheduler import Run, RunSettings, StageEnd, _longest_ways
from pipelines.runtime.user_error import UserError


class FileProject:
    """Stages that are up to date when a file of their name is there: a run's view of DVC, without DVC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun: list[str] = []
        self.finished: list[str] = []

    def held(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def begin(self, address: str) -> Outcome:
        self.begun.append(address)
        if address == "refused":
            raise UserError("its output is a dependency of its own")
        return "up to date" if (self.folder / address).exists() else "must run"

    def record(self, address: str) -> None:
        self.finished.append(address)

    def environment(self, address: str) -> dict[str, str]:
        return {"STAGE": address}


class Ends:
    def __init__(self) -> None:
        self.seen: list[StageEnd] = []
        self.most_at_once = 0

    def on_end(self, end: StageEnd) -> None:
        self.seen.append(end)

    def on_tick(self, run: Run) -> None:
        self.most_at_once = max(self.most_at_once, len(run.running))


def run_plan(plan: Sequence[PlannedStage], folder: Path, slots: int = 2) -> tuple[dict[str, StageEnd], FileProject]:
    project = FileProject(folder)
    observer = Ends()
    ends = Run(plan, project, RunSettings(slots, folder / "state"), observer).run()
    assert observer.seen == ends
    assert observer.most_at_once <= slots
    return {end.address: end for end in ends}, project


def writes(folder: Path, *needed: str) -> str:
    """A command that fails unless the files of other stages are there, and then writes the stage's own."""
    return "\n".join([*(f"test -e {folder / name}" for name in needed), f'echo x > "{folder}/$STAGE"'])


@pytest.mark.parametrize("slots", [1, 2, 8])
def test_a_stage_runs_when_what_it_reads_is_there(slots: int, tmp_path: Path) -> None:
    plan = [
        PlannedStage("a", writes(tmp_path), ()),
        PlannedStage("b", writes(tmp_path, "a"), ("a",)),
        PlannedStage("c", writes(tmp_path, "a"), ("a",)),
        PlannedStage("d", writes(tmp_path, "b", "c"), ("b", "c")),
    ]
    ends, project = run_plan(plan, tmp_path, slots)
    assert {end.end for end in ends.values()} == {"done"}, ends
    assert sorted(project.finished) == ["a", "b", "c", "d"]
    again, project = run_plan(plan, tmp_path, slots)
    assert {end.end for end in again.values()} == {"up to date"}
    assert project.finished == []


def test_two_stages_run_at_the_same_time(tmp_path: Path) -> None:
    def meets(own: str, other: str) -> str:
        return f"touch {tmp_path}/{own}\nwhile ! test -e {tmp_path}/{other}; do sleep 0.02; done"

    plan = [PlannedStage("x", meets("1", "2"), ()), PlannedStage("y", meets("2", "1"), ())]
    ends, _ = run_plan(plan, tmp_path)
    assert [end.end for end in ends.values()] == ["done", "done"]


def test_what_a_cluster_computes_needs_no_slot_here(tmp_path: Path) -> None:
    def meets(count: int) -> str:
        return f"touch {tmp_path}/$STAGE\nwhile test $(ls {tmp_path} | grep -c tune) -lt {count}; do sleep 0.02; done"

    plan = [PlannedStage(f"tune@{number}", meets(3), ()) for number in range(3)]
    plan.append(PlannedStage("split@here", "true", ()))
    ends = Run(plan, FileProject(tmp_path), RunSettings(1, tmp_path / "state", cluster_cpu_count=3), Ends()).run()
    assert {end.end for end in ends} == {"done"}


def test_what_does_not_depend_on_a_failure_is_still_done(tmp_path: Path) -> None:
    plan = [
        PlannedStage("bad", "echo first\necho; echo bad: the disk >&2; echo is full >&2\nfalse\necho never", ()),
        PlannedStage("after", writes(tmp_path), ("bad",)),
        PlannedStage("long_after", writes(tmp_path), ("after",)),
        PlannedStage("refused", "true", ()),
        PlannedStage("good", writes(tmp_path), ()),
    ]
    ends, project = run_plan(plan, tmp_path)
    assert {address: end.end for address, end in ends.items()} == {
        "bad": "failed", "after": "skipped", "long_after": "skipped", "refused": "failed", "good": "done",
    }  # fmt: skip
    assert ends["bad"].reason == "the disk is full"
    assert ends["after"].reason == "bad failed"
    assert ends["refused"].reason == "its output is a dependency of its own"
    assert project.finished == ["good"]
    assert "after" not in project.begun


def test_a_stage_that_is_killed_has_failed(tmp_path: Path) -> None:
    ends, _ = run_plan([PlannedStage("a", "kill -9 $PPID", ())], tmp_path)
    assert (ends["a"].end, ends["a"].reason) == ("failed", "its process was ended by signal 9")


def chain(name: str, length: int) -> list[PlannedStage]:
    return [PlannedStage(f"{name}{place}", "true", (f"{name}{place - 1}",) if place else ()) for place in range(length)]


def test_one_chain_is_finished_after_the_other(tmp_path: Path) -> None:
    chains = [chain(name, 3) for name in "abcd"]
    plan = [stage for place in range(3) for stage in (each[place] for each in chains)]  # as DVC plans them
    ends, _ = run_plan(plan, tmp_path, slots=1)
    assert list(ends) == [stage.address for each in chains for stage in each]


def test_a_chain_as_long_as_all_the_rest_goes_first(tmp_path: Path) -> None:
    plan = [*chain("a", 1), *chain("b", 1), *chain("long", 6)]
    _, project = run_plan(plan, tmp_path, slots=2)
    assert project.begun[0] == "long0"


def test_an_exception_ends_the_stages_that_run(tmp_path: Path) -> None:
    class Interrupting(Ends):
        def on_tick(self, run: Run) -> None:
            if (tmp_path / "number").exists() and (tmp_path / "number").read_text().strip():
                raise KeyboardInterrupt

    plan = [PlannedStage("a", f"echo $$ > {tmp_path}/number\nsleep 600", ())]
    with pytest.raises(KeyboardInterrupt):
        Run(plan, FileProject(tmp_path), RunSettings(2, tmp_path / "state"), Interrupting()).run()
    number = int((tmp_path / "number").read_text())
    while _is_alive(number):
        pass


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, signal.SIG_DFL)
        return Path(f"/proc/{number}/stat").read_text().split(")")[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@given(st.lists(st.tuples(st.floats(0, 100), st.sets(st.integers(0, 9))), min_size=1, max_size=10))
def test_the_longest_way_goes_through_what_reads_a_stage(entries: list[tuple[float, set[int]]]) -> None:
    plan = [
        PlannedStage(str(number), "true", tuple(str(one) for one in sorted(upstream) if one < number))
        for number, (_, upstream) in enumerate(entries)
    ]
    seconds = {str(number): length for number, (length, _) in enumerate(entries)}
    ways = _longest_ways(plan, seconds)

    def longest(address: str) -> float:
        readers = [stage.address for stage in plan if address in stage.upstream]
        return seconds[address] + max(map(longest, readers), default=0.0)

    assert ways == pytest.approx({stage.address: longest(stage.address) for stage in plan})


def test_the_expected_time_falls_to_nothing(tmp_path: Path) -> None:
    left: list[float] = []

    class Watching(Ends):
        def on_tick(self, run: Run) -> None:
            left.append(run.seconds_left())

    plan = [PlannedStage(f"tune@{number}", "true", ()) for number in range(4)]
    Run(plan, FileProject(tmp_path), RunSettings(2, tmp_path / "state"), Watching()).run()
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
