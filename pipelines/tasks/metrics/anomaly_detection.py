"""Metrics of anomaly detection: how well a score tells anomalous rows from normal ones.

Shapes: N rows, R resamples.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks.metrics.classification import best_threshold, pr_auc, roc_auc
from pipelines.tasks.task import Goal, Metric

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

NORMAL_QUANTILE = 0.95  # of the scores, the threshold where there is no anomaly to choose it by

GOALS = {
    "auroc": Goal("auroc", "maximize"),
    "squared_error": Goal("squared_error", "minimize"),
}
DETECTION_METRICS = (
    Metric(
        "auroc",
        "AUROC",
        "higher",
        "The chance that an anomalous row gets a higher score than a normal one: 0.5 is guessing, 1 is perfect.",
    ),
    Metric(
        "average_precision",
        "Average precision",
        "higher",
        "Precision averaged over all levels of recall; guessing gets the share of anomalies.",
    ),
    Metric("precision", "Precision", "higher", "Of the rows that were flagged, the share that are anomalous."),
    Metric("recall", "Recall", "higher", "Of the anomalous rows, the share that were flagged."),
    Metric("f1", "F1", "higher", "Precision and recall in one number (their harmonic mean)."),
)


def detection_scores(scores: Floats, anomalous: Booleans, counts: Floats, threshold: float) -> dict[str, Floats]:
    """AUROC, average precision, and precision, recall and F1 of the rows flagged, (R,) each.

    AUROC is NaN where only one of the two kinds occurs, average precision where no anomaly does; elsewhere 0/0 is 0.

    Args:
        scores: the higher, the more anomalous, (N,).
        anomalous: the truth, (N,).
        counts: how often every row counts, (N, R).
        threshold: the lowest score that is flagged.
    """
    pairs, codes = np.stack([-scores, scores], axis=1), anomalous.astype(np.int64)
    flagged = scores >= threshold
    hits, flags, true = (counts[rows].sum(axis=0) for rows in (flagged & anomalous, flagged, anomalous))
    return {
        "auroc": roc_auc(pairs, codes, counts),
        "average_precision": pr_auc(pairs, codes, (1,), counts),
        "precision": hits / np.maximum(flags, 1),
        "recall": hits / np.maximum(true, 1),
        "f1": 2 * hits / np.maximum(flags + true, 1),
    }


def choose_threshold(scores: NDArray[Any], anomalous: Booleans) -> float:
    """The lowest score to flag: where F1 is best or, without a single anomaly, above 95 % of the normal rows."""
    if not np.isfinite(scores).all():
        return 0.0  # where predictions are not numbers, every score is undefined anyway
    if not anomalous.any():
        return float(np.quantile(scores, NORMAL_QUANTILE))
    return best_threshold(scores, anomalous, lambda hits, alarms, missed, rest: 2 * hits / (2 * hits + alarms + missed))
