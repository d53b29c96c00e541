"""Slots: what computes at the same time never exceeds the budget, whoever dies."""

import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.runtime import slots as slots_module
from pipelines.runtime.slots import Slots
from pipelines.runtime.workers import Workers

HOLDER = """
import sys, time
from pathlib import Path
from pipelines.runtime.slots import Slots
slots = Slots(Path(sys.argv[1]), 2)
print(slots.take(), slots.take(), slots.take(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def open_slots(tmp_path: Path) -> Iterator[Callable[[int], Slots]]:
    """Makes views of the same slots; all are given back at the end."""
    opened: list[Slots] = []

    def open_view(count: int) -> Slots:
        opened.append(Slots(tmp_path, count))
        return opened[-1]

    yield open_view
    for each in opened:
        each.give_back(kept=0)


def test_no_more_slots_are_taken_than_there_are(open_slots: Callable[[int], Slots]) -> None:
    first, second = open_slots(2), open_slots(2)
    assert [first.take(), second.take(), first.take(), second.take()] == [True, True, False, False]
    assert (first.held_count, second.held_count) == (1, 1)
    first.give_back(kept=0)
    assert second.is_one_free()
    assert second.held_count == 1
    assert (second.take(), first.take()) == (True, False)


def test_the_slots_of_a_killed_process_are_free_again(open_slots: Callable[[int], Slots], tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline().split() == ["True", "True", "False"]
    ours = open_slots(2)
    assert not ours.is_one_free()
    holder.kill()
    holder.communicate()
    ours.wait()
    assert ours.held_count == 1


def span_of_work(task: tuple[Path, int]) -> tuple[float, float]:
    """When a task began and ended."""
    started = time.monotonic()
    time.sleep(0.05)
    return started, time.monotonic()


@pytest.mark.parametrize(("free", "together"), [(0, 1), (1, 2), (5, 3)])
def test_workers_compute_together_only_as_far_as_slots_are_free(
    free: int, together: int, open_slots: Callable[[int], Slots], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = open_slots(1 + free)
    stage.wait()
    monkeypatch.setattr(slots_module, "_of_this_process", stage)
    with Workers(span_of_work, 3) as pool:
        spans = pool.map([(tmp_path, number) for number in range(9)])
        assert stage.held_count == 1
    most = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    assert most <= together
    assert stage.held_count == 1, "the stage goes on in its own slot"


def test_a_budget_that_is_sent_to_another_process_is_sent_without_the_slots_that_are_held(
    open_slots: Callable[[int], Slots],
) -> None:
    slots = open_slots(2)
    assert slots.take()
    sent = pickle.loads(pickle.dumps(slots))
    assert sent.held_count == 0
    assert sent.take(), "of the two, one is left"
    assert not sent.take()
    sent.give_back(0)
