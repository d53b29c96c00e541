"""Progress line of a stage: redrawn on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TextIO, TypeVar

T = TypeVar("T")

REDRAW_SECONDS = 0.1  # seconds between two drawings on a terminal
LOG_LINE_SECONDS = 10.0  # seconds between two plain lines in a file
QUIET_SECONDS = 2.0  # seconds of work of which nothing is shown


class ProgressState(NamedTuple):
    """How far a stage is."""

    label: str  # "trial", "seed"
    done: int
    total: int | None  # None: nobody knows how many there will be
    text: str  # "best accuracy 0.9812"

    @property
    def counted(self) -> str:
        """How many are over: "trial 3 of 12"."""
        return f"{self.label} {self.done}" + ("" if self.total is None else f" of {self.total}")


def report_progress_to(report: Callable[[ProgressState], None]) -> None:
    """Have every change of this process's progress reported instead of printed."""
    global _report
    _report = report


_report: Callable[[ProgressState], None] | None = None


class Progress:
    """Counts `done` of `total` under a label, with the time that is probably left.

    The first and the last state are always shown; in between a terminal sees every change, and a
    file one line in ten seconds, so that a log stays readable.
    """

    def __init__(self, label: str, total: int | None, stream: TextIO | None = None) -> None:
        self.label = label
        self.total = total
        self.stream = sys.stderr if stream is None else stream
        self.is_terminal = self.stream.isatty()
        self.started_at = time.monotonic()
        self.last_drawn_at = -1e9
        self.done_earlier = 0

    def update(self, done: int, text: str = "", *, done_earlier: int = 0) -> None:
        """Show that `done` of the total are over, `done_earlier` of them in an earlier, interrupted run."""
        state = ProgressState(self.label, done, self.total, text)
        if _report is not None:
            _report(state)
            return
        now = time.monotonic()
        self.done_earlier = max(self.done_earlier, done_earlier)
        is_last = self.total is not None and done >= self.total
        if not is_last and now - self.last_drawn_at < (REDRAW_SECONDS if self.is_terminal else LOG_LINE_SECONDS):
            return
        self.last_drawn_at = now
        line = f"  {state.counted}{self._format_remaining(done, now)}{f'  {text}' if text else ''}"
        if self.is_terminal:
            self.stream.write(f"\r\x1b[2K{line}" + ("\n" if is_last else ""))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def _format_remaining(self, done: int, now: float) -> str:
        done_now = done - self.done_earlier
        if self.total is None or done >= self.total:
            return f"  {format_duration(now - self.started_at)}"
        if done_now <= 0:
            return ""
        return f"  about {format_duration((now - self.started_at) / done_now * (self.total - done))} left"


def show_progress(items: Iterable[T], label: str, total: int | None, stream: TextIO | None = None) -> Iterator[T]:
    """Pass items on, and show how many there were, and the time left, where it takes long.

    Args:
        items: in their order.
        label: what one of them is: "file".
        total: how many there will be, about; None: it is only shown how many there were.
        stream: where to; the standard error when absent.
    """
    progress = Progress(label, total, stream)
    shown_at, is_shown = time.monotonic() + QUIET_SECONDS - REDRAW_SECONDS, False
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - shown_at >= REDRAW_SECONDS and (total is None or done < total):
            shown_at, is_shown = time.monotonic(), True
            progress.update(done)
    if is_shown:
        progress.total = done if total is None else total
        progress.update(progress.total)


def format_duration(seconds: float) -> str:
    """A duration as people say it.

    >>> format_duration(4.2), format_duration(61), format_duration(7322)
    ('4 s', '1 min 1 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
