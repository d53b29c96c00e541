"""Goals of a classification that are no means over rows, as pseudo-values whose mean is the goal.

A pseudo-value is the goal plus what the row pulls it by (its influence function), so that contenders are compared row
by row as by any mean, and the spread of the values is the goal's uncertainty.

Shapes: N rows, K classes.
"""

from collections.abc import Callable

import numpy as np

from pipelines.tasks.metrics.classification import Floats, Integers
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


PSEUDO_VALUES: dict[str, Callable[[Floats, Integers], Floats]] = {
    "balanced_accuracy": balanced_accuracy_per_row,
    "macro_f1": macro_f1_per_row,
    "roc_auc": roc_auc_per_row,
}  # (N, K), (N,) -> (N,)
