"""Metrics of classification, each under R resamples at once.

All scores are computed from counts per row (how often the row was drawn), so one piece of arithmetic gives both the
score of a set (every row once) and its scores under a thousand bootstrap resamples.

Where a class is missing, as happens in resamples of small sets:
- precision, recall and F1 average over the classes that occur among the targets or the predictions,
  and 0/0 counts as 0 (scikit-learn's defaults with zero_division=0);
- balanced accuracy, ROC AUC and PR AUC average over the classes that occur among the targets; ROC AUC is NaN if fewer
  than two do;
- the other metrics need no class to be present.

Shapes: N rows, K classes, R resamples.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks.task import Goal, Metric

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MIN_PROBABILITY = float(
    np.finfo(np.float64).eps
)  # smallest probability a logarithm sees, as in scikit-learn's log_loss


GOALS = {
    "log_loss": Goal("log_loss", "minimize"),
    "accuracy": Goal("accuracy", "maximize"),
    "brier": Goal("brier", "minimize"),
    "balanced_accuracy": Goal("balanced_accuracy", "maximize"),
    "macro_f1": Goal("macro_f1", "maximize"),
    "mcc": Goal("mcc", "maximize"),
    "roc_auc": Goal("roc_auc", "maximize"),
    "pr_auc": Goal("pr_auc", "maximize"),
}

METRICS = (
    Metric("accuracy", "Accuracy", "higher", "The share of examples whose most probable class is the right one."),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        "higher",
        "The share of right answers per class, averaged so that every class counts the same.",
    ),
    Metric(
        "macro_precision",
        "Macro precision",
        "higher",
        "Of the examples given a class, the share that belong to it; averaged so that every class counts the same.",
    ),
    Metric(
        "macro_recall",
        "Macro recall",
        "higher",
        "Of the examples that belong to a class, the share that are found; averaged so that every class counts the "
        "same.",
    ),
    Metric(
        "macro_f1",
        "Macro F1",
        "higher",
        "Precision and recall of a class in one number (their harmonic mean); averaged so that every class counts the "
        "same.",
    ),
    Metric(
        "mcc",
        "Matthews correlation",
        "higher",
        "How far the answers go together with the truth: 1 is perfect, 0 is what guessing by the classes' shares gets.",
    ),
    Metric(
        "log_loss",
        "Log loss",
        "lower",
        "How surprised the model is by the truth: near 0 when it gave the right class nearly all of the probability, "
        "large when it was sure and wrong.",
    ),
    Metric(
        "brier",
        "Brier score",
        "lower",
        "The squared distance between the probabilities and the truth: 0 is perfect, 2 is sure and wrong every time.",
    ),
    Metric(
        "calibration_error",
        "Calibration error",
        "lower",
        "How far its stated confidence is from its hit rate, beyond what chance shows: 0.02 means that when it says "
        "90 %, it is right about 88 to 92 times in 100.",
    ),
    Metric(
        "roc_auc",
        "ROC AUC",
        "higher",
        "The chance that an example of a class gets a higher probability for that class than an example of another "
        "class: 0.5 is guessing, 1 is perfect; averaged over classes.",
    ),
    Metric(
        "pr_auc",
        "PR AUC",
        "higher",
        "Precision averaged over all levels of recall: of a rare class, it says more than the ROC AUC. Guessing gets "
        "the class's share. Of two classes it is about the rarer one; of more, the average.",
    ),
)

TOP_5 = Metric(
    "top_5_accuracy",
    "Top-5 accuracy",
    "higher",
    "The share of examples whose right class is among the five most probable ones.",
)
MIN_TOP_5_CLASSES = 11  # classes from which on the five most probable ones say something


def _is_correct(probabilities: Floats, codes: Integers) -> Floats:
    hit: Floats = (probabilities.argmax(axis=1) == codes).astype(np.float64)
    return hit


def _log_loss(probabilities: Floats, codes: Integers) -> Floats:
    true_class_probability = probabilities[np.arange(len(codes)), codes]
    loss: Floats = -np.log(np.clip(true_class_probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY))
    return loss


def _brier_score(probabilities: Floats, codes: Integers) -> Floats:
    one_hot = np.zeros_like(probabilities)
    one_hot[np.arange(len(codes)), codes] = 1
    distance: Floats = np.square(probabilities - one_hot).sum(axis=1)
    return distance


SCORES_PER_ROW: dict[str, Callable[[Floats, Integers], Floats]] = {
    "accuracy": _is_correct,
    "log_loss": _log_loss,
    "brier": _brier_score,
}  # (N, K), (N,) -> (N,)


def sum_per_class(codes: Integers, classes: int, values: Floats) -> Floats:
    """Add the rows of `values` (N, R) that share a code: (classes, R)."""
    members = np.zeros((classes, len(codes)))
    members[codes, np.arange(len(codes))] = 1
    return members @ values


def macro_precision_recall_f1(
    predicted: Integers, codes: Integers, classes: int, counts: Floats
) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1, (R,) each, averaged over the classes that occur; 0/0 is 0."""
    right = predicted == codes
    hits = sum_per_class(codes[right], classes, counts[right])  # (K, R)
    predicted_counts = sum_per_class(predicted, classes, counts)
    actual_counts = sum_per_class(codes, classes, counts)
    occurring = np.maximum(((predicted_counts + actual_counts) > 0).sum(axis=0), 1)  # (R,)
    precision, recall, f1 = (
        (numerator / np.maximum(denominator, 1)).sum(axis=0) / occurring  # a denominator below 1 is an absent class
        for numerator, denominator in (
            (hits, predicted_counts),
            (hits, actual_counts),
            (2 * hits, predicted_counts + actual_counts),
        )
    )
    return precision, recall, f1


def matthews_correlation(predicted: Integers, codes: Integers, classes: int, counts: Floats) -> Floats:
    """Matthews correlation coefficient of K classes, (R,); 0 where all rows have one class or are given one.

    Gorodkin, "Comparing Two K-Category Assignments by a K-Category Correlation Coefficient", Computational Biology and
    Chemistry 28, 2004.
    """
    total = counts.sum(axis=0)
    hits = (counts * (predicted == codes)[:, None]).sum(axis=0)
    given = sum_per_class(predicted, classes, counts)  # (K, R)
    true = sum_per_class(codes, classes, counts)
    shared = hits * total - (given * true).sum(axis=0)
    size = np.sqrt((total**2 - (given**2).sum(axis=0)) * (total**2 - (true**2).sum(axis=0)))
    correlation: Floats = np.divide(shared, size, out=np.zeros_like(shared), where=size > 0)
    return correlation


def is_among_top(probabilities: Floats, codes: Integers, places: int) -> Floats:
    """Whether the true class is among the most probable ones, 1 or 0, (N,); of equal ones the first come first."""
    own = probabilities[np.arange(len(codes)), codes][:, None]
    before = (probabilities > own) | ((probabilities == own) & (np.arange(probabilities.shape[1]) < codes[:, None]))
    among: Floats = (before.sum(axis=1) < places).astype(np.float64)
    return among


def balanced_accuracy(predicted: Integers, codes: Integers, classes: int, counts: Floats) -> Floats:
    """The share found of every class, averaged over the classes that occur: (R,)."""
    right = predicted == codes
    hits = sum_per_class(codes[right], classes, counts[right])  # (K, R)
    actual_counts = sum_per_class(codes, classes, counts)
    recalls: Floats = np.divide(hits, actual_counts, out=np.zeros_like(hits), where=actual_counts > 0)
    mean: Floats = recalls.sum(axis=0) / np.maximum((actual_counts > 0).sum(axis=0), 1)
    return mean


def pr_auc(probabilities: Floats, codes: Integers, classes: tuple[int, ...], counts: Floats) -> Floats:
    """The area under precision over recall (average precision), averaged over `classes`: (R,).

    The sum over all thresholds of the precision there times the recall gained there, as scikit-learn's
    average_precision_score; NaN where none of the classes occurs.
    """
    areas, present = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for code in classes:
        order = np.argsort(-probabilities[:, code], kind="stable")
        scores, weights = probabilities[order, code], counts[order]
        last = np.append(scores[1:] != scores[:-1], True)  # of a run of equal scores
        true_positives = np.cumsum(weights * (codes[order] == code)[:, None], axis=0)[last]  # (thresholds, R)
        predicted_positives = np.cumsum(weights, axis=0)[last]
        recall_gains = np.diff(true_positives, axis=0, prepend=0)
        area = (
            recall_gains
            * np.divide(
                true_positives, predicted_positives, out=np.zeros_like(true_positives), where=predicted_positives > 0
            )
        ).sum(axis=0)
        areas += np.divide(area, true_positives[-1], out=np.zeros_like(area), where=true_positives[-1] > 0)
        present += true_positives[-1] > 0
    mean: Floats = np.divide(areas, present, out=np.full_like(areas, np.nan), where=present > 0)
    return mean


def rarer_class(codes: Integers) -> int:
    """Of two classes, the one with fewer rows; the second if they are even."""
    return int(np.count_nonzero(codes == 1) <= len(codes) / 2)


def best_threshold(
    probabilities: Floats, is_positive: NDArray[np.bool_], score: Callable[[Floats, Floats, Floats, Floats], Floats]
) -> float:
    """The threshold on the probability of a class that makes a score largest.

    Args:
        probabilities: of the class, (N,).
        is_positive: whether it is the class, (N,).
        score: of true positives, false positives, false negatives and true negatives, one number per threshold.

    Returns:
        Half-way between the lowest probability that is called the class and the next below.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    true_positives = np.cumsum(is_positive[order])[last].astype(np.float64)
    false_positives = last + 1 - true_positives
    false_negatives = is_positive.sum() - true_positives
    true_negatives = len(is_positive) - last - 1 - false_negatives
    best = int(np.argmax(score(true_positives, false_positives, false_negatives, true_negatives)))
    below = ranked[last[best] + 1] if last[best] + 1 < len(ranked) else 0.0
    return float((ranked[last[best]] + below) / 2)


def roc_auc(probabilities: Floats, codes: Integers, counts: Floats) -> Floats:
    """One class against the rest, averaged over the classes that occur: (R,).

    For each example of the class, the weight of the other examples that score below it, ties as half
    (Mann & Whitney's statistic): two look-ups in the running sum over the others in order of score.
    """
    total = counts.sum(axis=0)
    areas, present = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for code in range(probabilities.shape[1]):
        members = codes == code
        inside, outside = counts[members], counts[~members]
        scores, others = probabilities[members, code], probabilities[~members, code]
        order = others.argsort()
        running = np.zeros((len(others) + 1, counts.shape[1]))
        np.cumsum(outside[order], axis=0, out=running[1:])
        below = np.searchsorted(others[order], scores, side="left")
        upto = np.searchsorted(others[order], scores, side="right")
        wins = np.einsum("nr,nr->r", inside, running[below] + running[upto]) / 2
        weight = inside.sum(axis=0)
        pairs = weight * (total - weight)
        areas += np.divide(wins, pairs, out=np.zeros_like(wins), where=pairs > 0)
        present += pairs > 0
    mean: Floats = np.divide(areas, present, out=np.full_like(areas, np.nan), where=present > 0)
    return mean
