"""Claim: what is promised, when it is accepted, and what a simulation found."""

import math
from collections.abc import Callable
from typing import NamedTuple

MAX_FALSE_ALARMS = 0.06  # of equals that are called different, at a nominal 5 %
MAX_RETRAINED_ALARMS = 0.05  # of equal architectures, each trained anew
COVERAGE = (0.93, 0.97)  # of intervals at a nominal 95 %
STANDARD_ERRORS = 2  # of the simulation itself, by which a share may miss its bound


class Finding(NamedTuple):
    """A claim that was tried."""

    claim: str
    accepted: str  # when
    found: str
    holds: bool


Audit = Callable[[int], list[Finding]]  # of the number of repeats


def judge_alarms(claim: str, alarms: int, repeats: int, most: float = MAX_FALSE_ALARMS) -> Finding:
    """Accept false alarms up to a share, 6 % where nothing else is said."""
    share = alarms / repeats
    slack = STANDARD_ERRORS * math.sqrt(most * (1 - most) / repeats)
    return Finding(
        f"{claim}: equals called different",
        f"at most {most:.0%} (+ {slack:.1%} of chance)",
        f"{share:.1%} of {repeats:,}",
        share <= most + slack,
    )


def judge_coverage(claim: str, held: int, shown: int, repeats: int, most: float = COVERAGE[1]) -> Finding:
    """Accept intervals that hold the truth 93 to 97 times in a hundred, or are not shown."""
    if not shown:
        return Finding(f"{claim}: interval", "93 to 97 %, or not shown", f"not shown in {repeats:,}", True)
    share, (least, _) = held / shown, COVERAGE
    slack = STANDARD_ERRORS * math.sqrt(least * (1 - least) / shown)
    return Finding(
        f"{claim}: interval holds the truth",
        f"{least:.0%} to {most:.0%} (± {slack:.1%} of chance), or not shown",
        f"{share:.1%} of {shown:,}" + (f", not shown in {repeats - shown:,}" if shown < repeats else ""),
        least - slack <= share <= most + slack,
    )
