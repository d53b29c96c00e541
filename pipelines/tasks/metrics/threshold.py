"""Metrics of the labels that a threshold gives: of two classes, the rarer one from a probability on.

Accuracy and the macro averages are those of the most probable class. A threshold chosen for F1 finds more of the rare
class and is wrong more often; what it does is reported apart, under names that say so.

Shapes: N rows, R resamples, T thresholds.
"""

from collections.abc import Callable

import numpy as np

from pipelines.tasks.metrics.classification import Floats, Integers
from pipelines.tasks.task import Metric

THRESHOLD_METRICS = (
    Metric(
        "precision_at_threshold",
        "Precision at the threshold",
        "higher",
        "Of the examples that were given the rarer class, the share that belong to it. The class is given from the "
        "probability on that was chosen on validation (one half if none was).",
    ),
    Metric(
        "recall_at_threshold",
        "Recall at the threshold",
        "higher",
        "Of the examples of the rarer class, the share that were given it.",
    ),
    Metric(
        "f1_at_threshold",
        "F1 at the threshold",
        "higher",
        "Precision and recall of the rarer class in one number (their harmonic mean).",
    ),
    Metric(
        "balanced_accuracy_at_threshold",
        "Balanced accuracy at the threshold",
        "higher",
        "The share of right labels of either class, averaged so that both count the same.",
    ),
    Metric(
        "accuracy_at_threshold",
        "Accuracy at the threshold",
        "higher",
        "The share of examples whose label is right, with the rarer class given from the threshold on: what it costs "
        "to find more of that class.",
    ),
)

THRESHOLD_CRITERIA: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    # of true positives, false positives, false negatives, true negatives
    "f1": lambda hits, alarms, missed, rest: 2 * hits / (2 * hits + alarms + missed),
    "balanced_accuracy": lambda hits, alarms, missed, rest: (
        hits / (hits + missed) + rest / np.maximum(rest + alarms, 1)
    ),
}  # (T,) each -> (T,)


def threshold_scores(predicted: Integers, codes: Integers, positive: int, counts: Floats) -> dict[str, Floats]:
    """The metrics of labels, (R,) each; 0/0 is 0, and a class without a row is left out of the balanced accuracy.

    Args:
        predicted: the labels, (N,).
        codes: the true classes, (N,).
        positive: the class that precision, recall and F1 are about.
        counts: how often every row counts, (N, R).
    """
    flagged, true = predicted == positive, codes == positive
    hits, alarms, missed, rest = (
        counts[rows].sum(axis=0) for rows in (flagged & true, flagged & ~true, ~flagged & true, ~flagged & ~true)
    )
    recalls = _ratio(hits, hits + missed), _ratio(rest, rest + alarms)
    present = ((hits + missed) > 0).astype(np.float64) + ((rest + alarms) > 0)
    return {
        "precision_at_threshold": _ratio(hits, hits + alarms),
        "recall_at_threshold": recalls[0],
        "f1_at_threshold": _ratio(2 * hits, 2 * hits + alarms + missed),
        "balanced_accuracy_at_threshold": _ratio(recalls[0] + recalls[1], present),
        "accuracy_at_threshold": _ratio(hits + rest, counts.sum(axis=0)),
    }


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio: Floats = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    return ratio
