"""Percentile bootstrap: confidence intervals of scores.

The rows of a set are drawn again, with replacement, a thousand times; the middle 95 % of the thousand scores is the
interval. It holds the trained model fixed: it measures the uncertainty of the score from the sample of rows, not from
the training.

Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

Shapes: N rows, R resamples.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks import Calibration, Task
from pipelines.tasks.task import Reference

MAX_BLOCK_CELLS = 4_000_000  # of a (rows, resamples) table of counts held at once: 32 MB


class Interval(NamedTuple):
    """Both ends are NaN where the metric is undefined in every resample."""

    low: float
    high: float


def resample_counts(rows: int, seed: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    """Yield how often each row is drawn in each resample, a (some resamples, N) block at a time.

    The draws depend on the number of rows and the seed alone, so that all contenders are scored on the same resamples.
    """
    generator = np.random.default_rng(seed)
    row_probabilities = np.full(rows, 1 / rows)
    block = max(1, MAX_BLOCK_CELLS // rows)
    for start in range(0, resamples, block):
        yield generator.multinomial(rows, row_probabilities, size=min(block, resamples - start))


PROPORTION_METRICS = {
    "accuracy",
    "precision",
    "recall",
    "f1",
    "coverage",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "top_5_accuracy",
    "precision_at_threshold",
    "recall_at_threshold",
    "f1_at_threshold",
    "balanced_accuracy_at_threshold",
    "accuracy_at_threshold",
}  # metrics that are 1 exactly when there is no mistake


def percentile_interval(values: NDArray[np.float64], level: float) -> Interval:
    """The middle `level` of the values that are defined."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def bootstrap_intervals(
    task: Task,
    predictions: NDArray[Any],
    reference: Reference,
    calibration: Calibration,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> dict[str, Interval]:
    """The interval of every metric of the task, by name."""
    blocks = [
        task.bootstrap_scores(predictions, reference, weights, calibration)
        for weights in resample_counts(len(predictions), seed, resamples)
    ]
    by_metric = {
        metric.name: percentile_interval(np.concatenate([block[metric.name] for block in blocks]), level)
        for metric in task.metrics
    }
    return {
        name: _widen_degenerate_interval(interval, len(predictions), level) if name in PROPORTION_METRICS else interval
        for name, interval in by_metric.items()
    }


def _widen_degenerate_interval(interval: Interval, rows: int, level: float) -> Interval:
    """An interval of no width at 1 or 0, as a set without a mistake gives, opened to the exact one.

    No resample of a perfect set holds a mistake, so the bootstrap cannot see below 1. All of n right is still likely
    for a share of ((1 - level) / 2)^(1/n).

    Source: Clopper & Pearson, "The Use of Confidence or Fiducial Limits", Biometrika 26(4), 1934.
    """
    bound = ((1 - level) / 2) ** (1 / rows)
    if interval.low == interval.high == 1:
        return Interval(bound, 1.0)
    if interval.low == interval.high == 0:
        return Interval(0.0, 1 - bound)
    return interval
