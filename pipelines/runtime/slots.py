"""Computing slots: one budget of processes that compute, shared by all the stages of a run.

A slot is a file, and to hold it is to hold its lock: the kernel gives it back when its holder dies, however it dies. A
stage holds one from its first line to its last; its workers need one each, but the first may use the stage's own,
because a stage that waits for its workers does not compute. A process that was not started by a run has no budget.
"""

import fcntl
import time
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.02


class Slots:
    """`count` slots, of which several processes take and return some."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._held: list[IO[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def __reduce__(self) -> tuple[type["Slots"], tuple[Path, int]]:
        """What is sent to another process: the same budget, of which that one holds nothing."""
        return Slots, (self._folder, self._count)

    @property
    def held_count(self) -> int:
        """How many slots this process holds."""
        return len(self._held)

    def take(self) -> bool:
        """Take a slot if one is free."""
        for number in range(self._count):
            file = (self._folder / str(number)).open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
            else:
                self._held.append(file)
                return True
        return False

    def wait(self) -> None:
        """Take a slot as soon as one is free."""
        while not self.take():
            time.sleep(POLL_SECONDS)

    def give_back(self, kept: int) -> None:
        """Return all slots but `kept` of them."""
        while len(self._held) > kept:
            self._held.pop().close()

    def is_one_free(self) -> bool:
        """Whether a slot could be taken now; the answer may be out of date at once."""
        taken = self.take()
        self.give_back(self.held_count - int(taken))
        return taken


def hold_slot(slots: Slots) -> None:
    """Wait for a slot for this process; its workers then share the same budget."""
    global _of_this_process
    slots.wait()
    _of_this_process = slots


def slots_of_this_process() -> Slots | None:
    """The budget that this process and its workers share; None if nobody gave it one."""
    return _of_this_process


_of_this_process: Slots | None = None
