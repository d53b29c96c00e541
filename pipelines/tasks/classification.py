"""Which of a few classes does an example belong to?

A network answers with a logit per class; what is served is a probability per class. All scores are
computed from counts per row (how often the row was drawn), so one piece of arithmetic gives both the
score of a set (every row once) and its scores under a thousand bootstrap resamples.

Where a class is missing, as happens in resamples of small sets:
- precision, recall and F1 average over the classes that occur among the targets or the predictions,
  and 0/0 counts as 0 (scikit-learn's defaults with zero_division=0);
- ROC AUC averages over the classes that occur among the targets, if at least two do; else it is NaN;
- the other metrics need no class to be present.

Shapes: N rows, K classes, R resamples, B rows of a batch.
"""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models.losses import cross_entropy
from pipelines.running.failure import Failure
from pipelines.sources.schema import Schema
from pipelines.tasks.task import Goal, Metric

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BINS = 15  # of the calibration error: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017
FLOOR = float(np.finfo(np.float64).eps)  # smallest probability a logarithm sees, as in scikit-learn's log_loss

GOALS = {
    "log_loss": Goal("log_loss", "minimize"),
    "accuracy": Goal("accuracy", "maximize"),
    "brier": Goal("brier", "minimize"),
}

METRICS = (
    Metric("accuracy", "Accuracy", "higher", "The share of examples whose most probable class is the right one."),
    Metric(
        "precision",
        "Precision",
        "higher",
        "Of the examples given a class, the share that belong to it; averaged so that every class counts the same.",
    ),
    Metric(
        "recall",
        "Recall",
        "higher",
        "Of the examples that belong to a class, the share that are found; averaged so that every class counts the "
        "same.",
    ),
    Metric("f1", "F1", "higher", "Precision and recall in one number (their harmonic mean), averaged over classes."),
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
        "ece",
        "Calibration error",
        "lower",
        "How far its stated confidence is from its hit rate, on average: 0.02 means that when it says 90 %, it is "
        "right about 88 to 92 times in 100.",
    ),
    Metric(
        "roc_auc",
        "ROC AUC",
        "higher",
        "The chance that an example of a class gets a higher probability for that class than an example of another "
        "class: 0.5 is guessing, 1 is perfect; averaged over classes.",
    ),
)


@final
class Classification:
    """Exclusive classes: cross-entropy on logits (B, K), probabilities (B, K) as the reply.

    Targets are the codes 0 .. K-1 of the schema's target categories; replies are probabilities (N, K).

    Raises:
        Failure: if the target is not a category with at least two classes, or the goal is not one of `GOALS`.
    """

    name = "classification"
    metrics = METRICS
    goals = tuple(GOALS)

    def __init__(self, schema: Schema, goal: str = "log_loss") -> None:
        target = schema.target
        if target.kind != "category":
            raise Failure(f"classification needs a target of kind category; {target.name!r} is of kind {target.kind}")
        if len(target.categories) < 2:
            found = ", ".join(target.categories) or "none"
            raise Failure(f"classification needs at least two classes; {target.name!r} has {found}")
        if goal not in GOALS:
            raise Failure(f"goal of a classification must be one of {', '.join(GOALS)}; found {goal!r}")
        self.goal = GOALS[goal]
        self.labels = target.categories

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def loss(self, model: nn.Module, inputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        return cross_entropy(model(*inputs), target.long())

    def reply(self) -> nn.Module:
        return nn.Softmax(dim=-1)

    def score(self, replies: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """All metrics of a whole set; every one is NaN if a reply is not a finite number."""
        once = np.ones((1, len(targets)))
        return {name: float(values[0]) for name, values in self.resampled(replies, targets, once).items()}

    def resampled(self, replies: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,)."""
        probabilities, codes = self._checked(replies, targets)
        counts = np.ascontiguousarray(weights.T, dtype=np.float64)  # (N, R): rows are gathered below
        if not np.isfinite(probabilities).all():
            return {metric.name: np.full(counts.shape[1], np.nan) for metric in METRICS}
        total = counts.sum(axis=0)  # (R,)
        guesses = probabilities.argmax(axis=1)
        per_row = np.stack([PER_ROW[name](probabilities, codes) for name in ("accuracy", "log_loss", "brier")])
        accuracy, log_loss, brier = per_row @ counts / total
        precision, recall, f1 = _macro(guesses, codes, self.outputs, counts)
        return {
            "accuracy": accuracy,
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "log_loss": log_loss,
            "brier": brier,
            "ece": _calibration_error(probabilities, codes, counts) / total,
            "roc_auc": _roc_auc(probabilities, codes, counts),
        }

    def examples(self, replies: NDArray[Any], targets: NDArray[Any]) -> Floats:
        """The goal for every example, (N,); cheap enough to look at after every epoch."""
        return PER_ROW[self.goal.name](*self._checked(replies, targets))

    def baseline(self, targets: NDArray[Any], rows: int) -> Floats:
        """The shares of the training classes, for every row: its most probable class is the majority class."""
        shares = np.bincount(np.asarray(targets, dtype=np.int64), minlength=self.outputs) / len(targets)
        return np.tile(shares, (rows, 1))

    def _checked(self, replies: NDArray[Any], targets: NDArray[Any]) -> tuple[Floats, Integers]:
        probabilities = np.asarray(replies, dtype=np.float64)
        codes = np.asarray(targets, dtype=np.int64)
        assert probabilities.shape == (len(codes), self.outputs), f"{probabilities.shape} for {self.outputs} classes"
        return probabilities, codes


def _hit(probabilities: Floats, codes: Integers) -> Floats:
    hit: Floats = (probabilities.argmax(axis=1) == codes).astype(np.float64)
    return hit


def _surprise(probabilities: Floats, codes: Integers) -> Floats:
    given = probabilities[np.arange(len(codes)), codes]
    surprise: Floats = -np.log(np.clip(given, FLOOR, 1 - FLOOR))
    return surprise


def _squared_distance(probabilities: Floats, codes: Integers) -> Floats:
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(codes)), codes] = 1
    distance: Floats = np.square(probabilities - truth).sum(axis=1)
    return distance


PER_ROW: dict[str, Callable[[Floats, Integers], Floats]] = {
    "accuracy": _hit,
    "log_loss": _surprise,
    "brier": _squared_distance,
}  # (N, K), (N,) -> (N,)


def confidence_bins(probabilities: Floats) -> Integers:
    """The bin 0 .. 14 of every row's top probability, (N,); bin b is (b/15, (b+1)/15]."""
    inner_edges = np.linspace(0, 1, BINS + 1)[1:-1]
    bins: Integers = np.searchsorted(inner_edges, probabilities.max(axis=1), side="left")
    return bins


def _per_class(codes: Integers, classes: int, values: Floats) -> Floats:
    """Add the rows of `values` (N, R) that share a code: (classes, R)."""
    members = np.zeros((classes, len(codes)))
    members[codes, np.arange(len(codes))] = 1
    return members @ values


def _macro(guesses: Integers, codes: Integers, classes: int, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1, (R,) each, averaged over the classes that occur; 0/0 is 0."""
    right = guesses == codes
    hits = _per_class(codes[right], classes, counts[right])  # (K, R)
    guessed = _per_class(guesses, classes, counts)
    actual = _per_class(codes, classes, counts)
    occurring = np.maximum(((guessed + actual) > 0).sum(axis=0), 1)  # (R,)
    precision, recall, f1 = (
        (numerator / np.maximum(denominator, 1)).sum(axis=0) / occurring  # a denominator below 1 is an absent class
        for numerator, denominator in ((hits, guessed), (hits, actual), (2 * hits, guessed + actual))
    )
    return precision, recall, f1


def _calibration_error(probabilities: Floats, codes: Integers, counts: Floats) -> Floats:
    """Sum over the bins of |hits - expected hits|, (R,)."""
    surplus = _hit(probabilities, codes) - probabilities.max(axis=1)
    error: Floats = np.abs(_per_class(confidence_bins(probabilities), BINS, surplus[:, None] * counts)).sum(axis=0)
    return error


def _roc_auc(probabilities: Floats, codes: Integers, counts: Floats) -> Floats:
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
