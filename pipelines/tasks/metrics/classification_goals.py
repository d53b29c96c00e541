"""Goals of a classification that are no means over rows, as pseudo-values whose mean is the goal.

A pseudo-value is the goal plus what the row pulls it by (its influence function), so that contenders are compared row
by row as by any mean, and the spread of the values is the goal's uncertainty.

Shapes: N rows, K classes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks.metrics.classification import Floats, Integers, rarer_class
from pipelines.tasks.metrics.placements import placements


def balanced_accuracy_per_row(probabilities: Floats, codes: Integers) -> Floats:
    """Pseudo-values of the balanced accuracy, (N,): a row pulls the recall of its own class alone."""
    right = (probabilities.argmax(axis=1) == codes).astype(np.float64)
    class_rows = np.bincount(codes, minlength=probabilities.shape[1])
    recalls = np.bincount(codes, right, len(class_rows)) / np.maximum(class_rows, 1)
    occurring = np.count_nonzero(class_rows)
    pull = (right - recalls[codes]) * len(codes) / class_rows[codes]
    pseudo_values: Floats = (recalls.sum() + pull) / occurring
    return pseudo_values


def macro_f1_per_row(probabilities: Floats, codes: Integers) -> Floats:
    """Pseudo-values of the macro F1, (N,): the delta method on hits, answers and truths of every class."""
    classes = np.arange(probabilities.shape[1])
    given = np.equal.outer(probabilities.argmax(axis=1), classes).astype(np.float64)  # (N, K)
    true = np.equal.outer(codes, classes).astype(np.float64)
    size = (given + true).mean(axis=0)
    occurring = size > 0
    given, true, size = given[:, occurring], true[:, occurring], size[occurring]
    f1 = 2 * (given * true).mean(axis=0) / size
    pseudo_values: Floats = (f1 + (2 * given * true - f1 * (given + true)) / size).mean(axis=1)
    return pseudo_values


def roc_auc_per_row(probabilities: Floats, codes: Integers) -> Floats:
    """Pseudo-values of the ROC AUC of every class against the rest, averaged over classes, (N,): DeLong's."""
    present = [code for code in range(probabilities.shape[1]) if 0 < np.count_nonzero(codes == code) < len(codes)]
    if not present:
        return np.full(len(codes), np.nan)
    pseudo_values: Floats = np.mean([placements(probabilities[:, code], codes == code) for code in present], axis=0)
    return pseudo_values


def matthews_correlation_per_row(probabilities: Floats, codes: Integers) -> Floats:
    """Pseudo-values of the Matthews correlation, (N,): the delta method on hits, answers and truths of every class.

    All 0 where the correlation is none, as all rows are of one class or given one.
    """
    classes = np.arange(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    right = (predicted == codes).astype(np.float64)
    given, true = (np.equal.outer(labels, classes).mean(axis=0) for labels in (predicted, codes))  # shares, (K,)
    shared = right.mean() - given @ true
    spread_given, spread_true = 1 - given @ given, 1 - true @ true
    size = np.sqrt(spread_given * spread_true)
    if size < 1e-12:
        return np.zeros(len(codes))
    correlation = shared / size
    shared_pull = right - right.mean() - (true[predicted] + given[codes] - 2 * given @ true)
    spread_pull = (given[predicted] - given @ given) / spread_given + (true[codes] - true @ true) / spread_true
    pseudo_values: Floats = correlation + shared_pull / size + correlation * spread_pull
    return pseudo_values


def pr_auc_classes(codes: Integers, classes: int) -> tuple[int, ...]:
    """The classes that the PR AUC is averaged over: of two the rarer one, else all."""
    return tuple(range(classes)) if classes > 2 else (rarer_class(codes),)


def pr_auc_per_row(probabilities: Floats, codes: Integers) -> Floats:
    """Pseudo-values of the PR AUC (average precision), averaged over the classes that occur, (N,).

    The jackknife, not the influence function: of a class with 30 rows among 300, the latter told two equal models apart
    in 9 of 100 sets.
    """
    wanted = pr_auc_classes(codes, probabilities.shape[1])
    present = [code for code in wanted if (codes == code).any()]
    if not present:
        return np.full(len(codes), np.nan)
    pseudo_values: Floats = np.mean(
        [_average_precision_per_row(probabilities[:, code], codes == code) for code in present], axis=0
    )
    return pseudo_values


def _average_precision_per_row(scores: Floats, is_positive: NDArray[np.bool_]) -> Floats:
    """The average precision of one class plus what it changes by without the row, N - 1 times, (N,): the jackknife.

    Equal scores stand at one threshold. A sum over thresholds without a row differs from that with it at the thresholds
    that the row is not below, where there is one row less, so that sums from either end give all of them.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, positive = scores[order], is_positive[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # of runs of equal scores
    run = np.searchsorted(ends, np.arange(len(ranked)))
    above, hits = ends + 1.0, np.cumsum(positive)[ends].astype(np.float64)  # rows not below a threshold; of the class
    gained, total = np.diff(hits, prepend=0), float(hits[-1])
    others = np.maximum(above - 1, 1)  # of one row alone, nothing is gained without it
    start = np.append(0.0, np.cumsum(gained * hits / above))[run]  # of the sum over thresholds, before the row's run
    without_miss = start + _sum_to_end(gained * hits / others)[run]
    without_hit = start + _sum_to_end(gained * (hits - 1) / others)[run] - ((hits - 1) / others)[run]
    left_out = np.where(positive, without_hit / max(total - 1, 1), without_miss / total)
    pseudo_values = np.empty(len(scores))
    pseudo_values[order] = gained @ (hits / above) / total + (len(scores) - 1) * (left_out.mean() - left_out)
    return pseudo_values


def _sum_to_end(values: Floats) -> Floats:
    sums: Floats = np.cumsum(values[::-1])[::-1]
    return sums


PSEUDO_VALUES: dict[str, Callable[[Floats, Integers], Floats]] = {
    "balanced_accuracy": balanced_accuracy_per_row,
    "macro_f1": macro_f1_per_row,
    "mcc": matthews_correlation_per_row,
    "roc_auc": roc_auc_per_row,
    "pr_auc": pr_auc_per_row,
}  # (N, K), (N,) -> (N,)
