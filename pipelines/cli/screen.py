"""Screen of a run: how it stands, redrawn on a terminal, in plain lines elsewhere."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipelines.runtime.dvc_project import stage_title
from pipelines.runtime.progress import format_duration
from pipelines.runtime.scheduler import Run, StageEnd
from pipelines.runtime.stage_processes import RunningStage

BAR_WIDTH = 40  # characters


class Screen:
    """Shows the ends of stages and, on a terminal, what runs now."""

    def __init__(self, total: int, evaluated_row: Callable[[str], str | None]) -> None:
        """Prepare the screen; nothing is drawn before the block begins.

        Args:
            total: stages of the run.
            evaluated_row: the row of a leaderboard for a contender that is finished, by its name.
        """
        self.ends: list[StageEnd] = []
        self._total = total
        self._evaluated_row = evaluated_row
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def on_end(self, end: StageEnd) -> None:
        self.ends.append(end)
        if end.end in ("up to date", "skipped"):
            return
        text = {"restored": "from DVC's cache", "failed": f"FAILED: {end.reason}"}.get(end.end)
        text = text or format_duration(end.seconds)
        if not self._console.is_terminal or end.end == "failed":
            self._console.print(f"[{len(self.ends)} of {self._total}] {stage_title(end.address)}  {text}", markup=False)
        verb, _, name = end.address.partition("@")
        if verb == "evaluate" and end.end in ("done", "restored") and (row := self._evaluated_row(name)):
            self._console.print(row, markup=False)

    def on_tick(self, run: Run) -> None:
        if self._console.is_terminal:
            self._live.update(_draw(run), refresh=True)


def _draw(run: Run) -> Group:
    total, done = len(run.stages), len(run.ends)
    failed = sum(end.end in ("failed", "skipped") for end in run.ends.values())
    text = f"{done} of {total} stages   {format_duration(time.monotonic() - run.started_at)}"
    if run.running:
        text += f"   about {format_duration(run.seconds_left())} left"
    if failed:
        text += f"   {failed} failed or skipped"
    head = Table.grid(padding=(0, 2))
    head.add_row(ProgressBar(total=total, completed=done, width=BAR_WIDTH), text)
    running = Table.grid(padding=(0, 2))
    for process in run.running:
        running.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in _process_cells(process)))
    return Group(head, running)


def _process_cells(process: RunningStage) -> tuple[str, ...]:
    """What it does, how far it is, its best score so far, and since when."""
    progress = process.progress
    how_far = progress.counted if progress else ""
    text = progress.text if progress else ""
    return f"  {stage_title(process.address)}", how_far, text, format_duration(time.monotonic() - process.started_at)


def print_failures(ends: list[StageEnd]) -> None:
    """Say what failed and why, and how many stages were skipped for it."""
    failed = [end for end in ends if end.end == "failed"]
    skipped = sum(end.end == "skipped" for end in ends)
    for end in failed:
        print(f"{stage_title(end.address)} failed: {end.reason}", file=sys.stderr)
        if end.log is not None and Path(end.log).exists():
            print(f"  all that it said: {end.log}", file=sys.stderr)
    if skipped:
        print(f"{skipped} stages that depend on {'it' if len(failed) == 1 else 'them'} were skipped", file=sys.stderr)
