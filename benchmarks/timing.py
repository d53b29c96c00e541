"""Alternating runs: ratios are taken within one round, because the speed of a machine drifts."""

import statistics
import time
from collections.abc import Callable, Mapping

Run = Callable[[], object]


def time_alternately(runs: Mapping[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of every run, in rounds of one each; a first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if round_number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def format_ratio(numerators: list[float], denominators: list[float]) -> str:
    """The median of the ratios round by round, with the smallest and the largest."""
    ratios = sorted(one / other for one, other in zip(numerators, denominators, strict=True))
    return f"{statistics.median(ratios):.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} rounds)"
