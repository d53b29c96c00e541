"""Goals of a classification that are no means over rows, as pseudo-values whose mean is the goal.

A pseudo-value is the goal plus what the row pulls it by (its influence function), so that contenders are compared row
by row as by any mean, and the spread of the values is the goal's uncertainty.

Shapes: N rows, K classes.
"""

from collections.abc import Callable

import numpy as np

from pipelines.tasks.metrics.classification import Floats, Integers


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
    """DeLong's pseudo-values of the ROC AUC of every class against the rest, averaged over classes, (N,).

    Of a member of the class, the share of the others that score below it; of another, the share of the members that
    score above it. How far a row's share is from the area counts by how few of its kind there are.

    DeLong, DeLong & Clarke-Pearson, "Comparing the Areas under Two or More Correlated Receiver Operating Characteristic
    Curves", Biometrics 44(3), 1988. https://doi.org/10.2307/2531595
    """
    total = np.zeros(len(codes))
    present = [code for code in range(probabilities.shape[1]) if 0 < np.count_nonzero(codes == code) < len(codes)]
    if not present or np.isnan(probabilities).any():
        return np.full(len(codes), np.nan)
    for code in present:
        members, scores = codes == code, probabilities[:, code]
        for own, sign in ((members, 1), (~members, -1)):
            others = np.sort(sign * scores[~own])
            placed = np.searchsorted(others, sign * scores[own], "left") + np.searchsorted(
                others, sign * scores[own], "right"
            )
            shares = placed / (2 * len(others))
            area = shares.mean()  # the same for both kinds
            total[own] += area + (shares - area) * len(codes) / np.count_nonzero(own)
    pseudo_values: Floats = total / len(present)
    return pseudo_values


PSEUDO_VALUES: dict[str, Callable[[Floats, Integers], Floats]] = {
    "balanced_accuracy": balanced_accuracy_per_row,
    "macro_f1": macro_f1_per_row,
    "roc_auc": roc_auc_per_row,
}  # (N, K), (N,) -> (N,)
