"""What a person sees while a stage runs: one line redrawn on a terminal, plain lines elsewhere."""

import sys
import time
from typing import TextIO

REDRAW = 0.1  # seconds between two drawings on a terminal
REPEAT = 10.0  # seconds between two plain lines in a file


class Progress:
    """Counts `done` of `total` under a label, with the time that is probably left.

    The first and the last state are always shown; in between a terminal sees every change, and a
    file one line in ten seconds, so that a log stays readable.
    """

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self.label = label
        self.total = total
        self.stream = sys.stderr if stream is None else stream
        self.terminal = self.stream.isatty()
        self.started = time.monotonic()
        self.drawn = -1e9
        self.skipped = 0

    def update(self, done: int, text: str = "", *, already: int = 0) -> None:
        """Show that `done` of the total are over, `already` of them in an earlier, interrupted run."""
        now = time.monotonic()
        self.skipped = max(self.skipped, already)
        last = done >= self.total
        if not last and now - self.drawn < (REDRAW if self.terminal else REPEAT):
            return
        self.drawn = now
        line = f"  {self.label} {done} of {self.total}{self._left(done, now)}{f'  {text}' if text else ''}"
        if self.terminal:
            self.stream.write(f"\r\x1b[2K{line}" + ("\n" if last else ""))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def _left(self, done: int, now: float) -> str:
        fresh = done - self.skipped
        if fresh <= 0 or done >= self.total:
            return f"  {duration(now - self.started)}" if done >= self.total else ""
        return f"  about {duration((now - self.started) / fresh * (self.total - done))} left"


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> duration(4.2), duration(61), duration(7322)
    ('4 s', '1 min 1 s', '2 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
