"""Bootstrap: confidence intervals of scores.

The rows of a set are drawn again, with replacement, ten thousand times, and what belongs together is drawn together.
It holds the trained model fixed: it measures the uncertainty of the score from the sample of rows, not from the
training. How the interval follows from the draws depends on the score (docs/decisions/0018-intervals-and-tests.md):

- a share of rows has the exact interval, which needs no draws;
- a mean over rows, or its root, has Student's interval, extended by the bootstrap's t statistics where rows are skewed;
- how far a share is from what was promised follows from the interval of the share;
- what is made of shares (F1, AUC) has the exact interval of a share that varies as the draws do;
- anything else has the middle 95 % of the draws.

Forecasts of one series are not drawn again: their order matters. They are left out one at a time, and the mean of what
each contributes has a long-run error.

Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 11 to 13.

Shapes: N rows, G units, R resamples.
"""

import math
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence
from pipelines.evaluation.intervals import (
    LEVEL,
    UNDEFINED,
    Interval,
    distance_interval,
    estimate_means,
    mean_intervals,
    percentile_interval,
    series_means,
    share_interval,
    student_intervals,
    studentised_draws,
)
from pipelines.evaluation.shares import share_of_units
from pipelines.evaluation.units import Floats, Units, explain_too_few, find_units, resample_counts
from pipelines.tasks import Calibration, Task
from pipelines.tasks.task import Reference

MAX_CELLS = 10_000_000  # rows times resamples: ten thousand resamples of up to a thousand rows, fewer of more
MAX_CELLS_AT_ONCE = 1_000_000  # rows times resamples that are scored together: what a processor's cache holds is faster
RESAMPLES = (1_000, 10_000)  # the fewest and the most
FIRST_RESAMPLES = 2_000  # that are looked at before more are drawn: a standard error is known to 1.6 % then
MAX_SINGLE_ROWS = 2_000  # rows of a set whose rows are scored one by one, to see which scores are means over them
TOLERANCE = 1e-9  # relative; a score so near to a mean over rows is one

SHARE_METRICS = {
    *("accuracy", "top_5_accuracy", "balanced_accuracy", "precision", "recall", "f1", "coverage"),
    *("macro_precision", "macro_recall", "macro_f1", "accuracy_at_threshold", "balanced_accuracy_at_threshold"),
    *("precision_at_threshold", "recall_at_threshold", "f1_at_threshold"),
    *("roc_auc", "pr_auc", "auroc", "average_precision"),
}  # scores from 0 to 1 that are shares, or made of shares, and 1 exactly when there is no mistake
AREA_METRICS = {"roc_auc", "pr_auc", "auroc", "average_precision"}  # those of a single row are 1, or none
DISTANCE_METRICS = {"coverage_error": "coverage"}  # how far another metric is from what the calibration promises of it


class _Scored(NamedTuple):
    """A task with predictions, of which rows may be weighted."""

    task: Task
    predictions: NDArray[Any]
    reference: Reference
    calibration: Calibration

    def scores(self, weights: NDArray[Any]) -> dict[str, Floats]:
        """Every metric, (R,) each, under weights (R, N)."""
        return self.scores_of([metric.name for metric in self.task.metrics], weights)

    def scores_of(self, names: Collection[str], weights: NDArray[Any]) -> dict[str, Floats]:
        """The same of some metrics; some resamples at a time, as the metrics make arrays as large as the weights."""
        blocks = np.array_split(weights, math.ceil(weights.size / MAX_CELLS_AT_ONCE))
        task, predictions, reference, calibration = self
        found = [task.bootstrap_scores_of(names, predictions, reference, block, calibration) for block in blocks]
        return {name: np.concatenate([some[name] for some in found]) for name in names}

    def scores_of_rows(self, names: Collection[str], rows: int, left_out: bool) -> dict[str, Floats]:
        """Some metrics of each row alone, or of all but it: (N,) each."""
        block = max(1, MAX_CELLS // rows)
        found = []
        with np.errstate(all="ignore"):
            for start in range(0, rows, block):
                own = np.zeros((min(block, rows - start), rows))
                own[np.arange(len(own)), start + np.arange(len(own))] = 1
                found.append(self.scores_of(names, 1 - own if left_out else own))
        return {name: np.concatenate([some[name] for some in found]) for name in names}


def count_resamples(rows: int) -> int:
    """How many resamples are affordable: ten thousand up to a thousand rows, at least a thousand of any number."""
    fewest, most = RESAMPLES
    return int(np.clip(MAX_CELLS // max(rows, 1), fewest, most))


def bootstrap_intervals(
    task: Task,
    predictions: NDArray[Any],
    reference: Reference,
    calibration: Calibration,
    seed: int,
    resamples: int | None = None,
    level: float = LEVEL,
    dependence: Dependence = ALONE,
) -> dict[str, Interval]:
    """The interval of every metric of the task, by name; undefined where rows are too few, or the task has none."""
    rows = len(predictions)
    names = [metric.name for metric in task.metrics]
    if explain_too_few(dependence, rows):
        return dict.fromkeys(names, UNDEFINED)
    scored = _Scored(task, predictions, reference, calibration)
    distances = {name: other for name, other in DISTANCE_METRICS.items() if name in names}
    if dependence.kind == "series":
        found = _series_intervals(scored, dependence, level)
    else:
        found = _unit_intervals(scored, find_units(dependence, rows), distances, seed, resamples, level)
    for name, other in distances.items():
        found[name] = distance_interval(found[other], calibration.get(other, float("nan")))
    return {name: found[name] for name in names}


def _unit_intervals(
    scored: _Scored, units: Units, skipped: Collection[str], seed: int, resamples: int | None, level: float
) -> dict[str, Interval]:
    """Intervals from units that are drawn again, or from the influence of their rows."""
    task, rows = scored.task, len(scored.predictions)
    found = dict.fromkeys([*task.without_interval, *skipped], UNDEFINED)
    for name, values in task.influence_rows(scored.predictions, scored.reference).items():
        (found[name],) = student_intervals(estimate_means(units.sum_rows(values[:, None]), units.sizes), level)
    if {metric.name for metric in task.metrics} - set(found):
        count = count_resamples(rows) if resamples is None else resamples
        found = _resampled_intervals(scored, units, seed, count, level) | found
    return found


def _resampled_intervals(scored: _Scored, units: Units, seed: int, resamples: int, level: float) -> dict[str, Interval]:
    rows, count = len(units.of_row), len(units.sizes)
    whole = scored.scores(np.ones((1, rows)))
    blocks = (counts[:, units.of_row] for counts in resample_counts(count, seed, resamples, FIRST_RESAMPLES))
    first = next(blocks).astype(np.float64)
    drawn = {name: [draws] for name, draws in scored.scores(first).items()}
    possible = [name for name in whole if name not in AREA_METRICS or (drawn[name][0] == 1).all()]
    single = scored.scores_of_rows(possible, rows, left_out=False) if rows <= MAX_SINGLE_ROWS else {}
    found: dict[str, Interval] = {}
    for name in single:
        if power := _power_of_row_mean(single[name], first, drawn[name][0]):
            found[name] = _row_mean_interval(single[name], power, units, seed, resamples, level)
    if (
        remaining := set(whole) - set(found) - SHARE_METRICS - set(DISTANCE_METRICS)
    ):  # the standard error of a share needs no more
        for block in blocks:
            for name, scores in scored.scores_of(remaining, block).items():
                drawn[name].append(scores)
    for name in set(whole) - set(found):
        draws = np.concatenate(drawn[name])
        draws = draws[~np.isnan(draws)]
        if name in SHARE_METRICS and len(draws):
            error = float(draws.std()) * (count / max(count - 1, 1)) ** 0.5
            found[name] = share_interval(float(whole[name][0]), error, rows, count, level)
        else:
            found[name] = percentile_interval(draws, level, count)
    return found


def _power_of_row_mean(single: Floats, weights: NDArray[Any], drawn: Floats) -> int:
    """1 if scores are means of those of single rows, 2 if they are the roots of means of squares, 0 if neither."""
    fits = (power for power in (1, 2) if _is_mean_of_rows(single**power, weights, drawn**power))
    return next(fits, 0)


def _is_mean_of_rows(single: Floats, weights: NDArray[Any], drawn: Floats) -> bool:
    """Tell whether scores under weights are means of the scores of single rows, of those that have one."""
    has_score = np.isfinite(single)
    if not has_score.any() or not np.isfinite(drawn).all():
        return False
    total = weights @ has_score
    if not total.all():
        return False
    means = weights @ np.where(has_score, single, 0) / total
    return bool(np.abs(means - drawn).max() <= TOLERANCE * max(np.abs(single[has_score]).max(), TOLERANCE))


def _row_mean_interval(single: Floats, power: int, units: Units, seed: int, resamples: int, level: float) -> Interval:
    """The interval of the mean over the rows that have a score, or of its root; exact if they are all 0 or 1."""
    has_score = np.isfinite(single)
    own, values = units.of_some_rows(has_score), single[has_score] ** power
    if np.isin(values, (0.0, 1.0)).all():
        return share_of_units(values, own, level)
    sums = own.sum_rows(values[:, None])
    means = estimate_means(sums, own.sizes)
    (interval,) = mean_intervals(means, studentised_draws(sums, own.sizes, seed, resamples), level)
    if values.min() >= 0:  # a loss: no mean of such numbers is below
        interval = Interval(max(interval.low, 0.0), min(interval.high, 1.0) if values.max() <= 1 else interval.high)
    return interval if power == 1 else Interval(max(interval.low, 0) ** 0.5, max(interval.high, 0) ** 0.5)


def _series_intervals(scored: _Scored, dependence: Dependence, level: float) -> dict[str, Interval]:
    """Intervals from pseudo-values in the order of time: N times the score, less N - 1 times that without a row."""
    rows = len(scored.predictions)
    assert dependence.units is not None, "a series is in the order of something"
    order = np.argsort(dependence.units, kind="stable")
    whole = scored.scores(np.ones((1, rows)))
    left_out = scored.scores_of_rows(list(whole), rows, left_out=True)
    found = {}
    for metric in scored.task.metrics:
        score = float(whole[metric.name][0])
        pseudo = rows * score - (rows - 1) * left_out[metric.name][order]
        means = series_means(pseudo[:, None])._replace(mean=np.array([score]))
        error, freedom = float(means.error[0]), float(means.freedom[0])
        if not np.isfinite(score + error):
            found[metric.name] = UNDEFINED
        elif metric.name in SHARE_METRICS:
            trials = rows if error == 0 else math.inf  # a row holds many steps, of which its share says more than one
            found[metric.name] = share_interval(score, error, trials, freedom, level)
        else:
            (found[metric.name],) = student_intervals(means, level)
    return found
