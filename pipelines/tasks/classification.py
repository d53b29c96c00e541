"""Classification: which of a few exclusive classes does an example belong to?

A network's outputs are a logit per class; what is served is a probability per class, and a label: the most probable
class, or, of two classes, the rarer one from a threshold on that was chosen on validation.

Shapes: N rows, K classes, R resamples, B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.metrics.classification import (
    SCORES_PER_ROW,
    Floats,
    Integers,
    balanced_accuracy,
    best_threshold,
    calibration_error,
    macro_precision_recall_f1,
    pr_auc,
    roc_auc,
)
from pipelines.tasks.metrics.temperature import fit_temperature
from pipelines.tasks.task import (
    UNCALIBRATED,
    AnyTarget,
    Calibration,
    Goal,
    Metric,
    Target,
    Task,
    TaskSettings,
    WeightedTarget,
    choose_goal,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform

GOALS = {
    "log_loss": Goal("log_loss", "minimize"),
    "accuracy": Goal("accuracy", "maximize"),
    "brier": Goal("brier", "minimize"),
}

METRICS = (
    Metric("accuracy", "Accuracy", "higher", "The share of examples that are given the right class."),
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
    Metric(
        "pr_auc",
        "PR AUC",
        "higher",
        "Precision averaged over all levels of recall: of a rare class, it says more than the ROC AUC. Guessing gets "
        "the class's share. Of two classes it is about the rarer one; of more, the average.",
    ),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        "higher",
        "The share of right answers per class, averaged so that every class counts the same.",
    ),
)

THRESHOLD_CRITERIA: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    # of true positives, false positives, false negatives, true negatives
    "f1": lambda hits, alarms, missed, rest: 2 * hits / (2 * hits + alarms + missed),
    "balanced_accuracy": lambda hits, alarms, missed, rest: (
        hits / (hits + missed) + rest / np.maximum(rest + alarms, 1)
    ),
}


class ClassificationSettings(TaskSettings):
    """`task: classification`, or with settings `task: {kind: classification, weights: balanced}`."""

    kind: Literal["classification"] = "classification"
    loss: Literal["cross_entropy", "binary_cross_entropy", "hinge"] = "cross_entropy"
    weights: Literal["none", "balanced"] = "none"  # balanced: every class counts the same in the loss
    threshold: Literal["f1", "balanced_accuracy", "half"] = "f1"  # of two classes: the criterion it is chosen by


class ClassReference(NamedTuple):
    """The true class of every row."""

    codes: NDArray[Any]  # (N,) integers, places in the schema's target categories


@final
class Classification(Task):
    """Classification task: logits (B, K) in the loss, probabilities (N, K) as predictions.

    Targets are the codes 0 .. K-1 of the schema's target categories.

    Raises:
        UserError: if the target is not a category with at least two classes, or the goal is not one of `GOALS`.
    """

    name = "classification"
    output_name = "probabilities"
    metrics = METRICS
    goals = tuple(GOALS)
    reference_type = ClassReference

    def __init__(
        self, schema: Schema, settings: ClassificationSettings = ClassificationSettings(), goal: str | None = None
    ) -> None:
        target = schema.target
        if target.kind != "category":
            raise UserError(f"classification needs a target of kind category; {target.name!r} is of kind {target.kind}")
        if len(target.categories) < 2:
            found = ", ".join(target.categories) or "none"
            raise UserError(f"classification needs at least two classes; {target.name!r} has {found}")
        self.goal = choose_goal("a classification", GOALS, goal)
        self.settings = settings
        self.labels = target.categories
        self.output_labels = self.labels
        self.input_fields: tuple[Field, ...] = schema.inputs

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        if writes == "image":
            raise UserError("classification needs one prediction per example; the network predicts every pixel")
        return len(self.labels)

    def target(self, train: Part) -> AnyTarget:
        if self.settings.weights == "none":
            return Target(train.target)
        return WeightedTarget(train.target, balanced_class_weights(train.target, len(self.labels)))

    def output_transform(self, train: Part | None) -> OutputTransform:
        """Logits as they are, or, where the loss weighs classes alike, put back to the shares of the train part.

        A hinge loss learns no probabilities that there would be a prior in.
        """
        import torch

        from models.outputs.classification import PriorShift
        from models.outputs.output_transform import Identity

        if self.settings.weights == "none" or self.settings.loss == "hinge":
            return Identity()
        shift = PriorShift(len(self.labels))
        if train is None:
            return shift
        return shift.fit(torch.from_numpy(np.bincount(train.target, minlength=len(self.labels))))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        from models.blocks.class_losses import LOSSES

        codes, *weights = target
        return LOSSES[self.settings.loss](network(*inputs), codes.long(), *weights)

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from models.outputs.classification import TemperedSoftmax

        return TemperedSoftmax(-1, calibration.get("temperature", 1.0))

    def calibrate_postprocess(self, outputs: NDArray[Any], reference: ClassReference) -> dict[str, float]:
        """The temperature of the probabilities."""
        return {"temperature": fit_temperature(outputs, np.asarray(reference.codes, dtype=np.int64))}

    def calibrate(self, predictions: NDArray[Any], reference: ClassReference) -> dict[str, float]:
        """Of two classes: the rarer one, and the lowest probability from which it is predicted; else nothing."""
        if len(self.labels) != 2 or self.settings.threshold == "half" or self.goal.name == "accuracy":
            return {}
        probabilities, codes = self._as_arrays(predictions, reference)
        positive = _rarer_class(codes)
        if not (codes == positive).any() or not np.ptp(probabilities[:, positive]):  # nothing to choose by
            return {"positive": positive, "threshold": 0.5}
        threshold = best_threshold(
            probabilities[:, positive], codes == positive, THRESHOLD_CRITERIA[self.settings.threshold]
        )
        return {"positive": positive, "threshold": threshold}

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: ClassReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,)."""
        probabilities, codes = self._as_arrays(predictions, reference)
        counts = np.ascontiguousarray(weights.T, dtype=np.float64)  # (N, R): rows are gathered below
        if not np.isfinite(probabilities).all():
            return {metric.name: np.full(counts.shape[1], np.nan) for metric in METRICS}
        total = counts.sum(axis=0)  # (R,)
        predicted = predicted_classes(probabilities, calibration)
        per_row = np.stack(
            [
                predicted == codes,
                SCORES_PER_ROW["log_loss"](probabilities, codes),
                SCORES_PER_ROW["brier"](probabilities, codes),
            ]
        )
        accuracy, log_loss, brier = per_row @ counts / total
        classes = len(self.labels)
        precision, recall, f1 = macro_precision_recall_f1(predicted, codes, classes, counts)
        return {
            "accuracy": accuracy,
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "log_loss": log_loss,
            "brier": brier,
            "ece": calibration_error(probabilities, codes, counts) / total,
            "roc_auc": roc_auc(probabilities, codes, counts),
            "pr_auc": pr_auc(
                probabilities, codes, tuple(range(classes)) if classes > 2 else (_rarer_class(codes),), counts
            ),
            "balanced_accuracy": balanced_accuracy(predicted, codes, classes, counts),
        }

    def objective_per_row(self, predictions: NDArray[Any], reference: ClassReference) -> Floats:
        """The goal for every example, (N,); cheap enough for every epoch."""
        goal = SCORES_PER_ROW[self.goal.name]
        return np.concatenate(
            [
                goal(*self._as_arrays(predictions[rows], ClassReference(reference.codes[rows])))
                for rows in chunks(predictions)
            ]
        )

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """Class shares of the train part, for every row: the most probable class is the majority class."""
        codes = np.asarray(train.target, dtype=np.int64)
        shares = np.bincount(codes, minlength=len(self.labels)) / len(codes)
        return {"majority class (baseline)": np.tile(shares, (len(part.target), 1))}

    def _as_arrays(self, predictions: NDArray[Any], reference: ClassReference) -> tuple[Floats, Integers]:
        probabilities = np.asarray(predictions, dtype=np.float64)
        codes = np.asarray(reference.codes, dtype=np.int64)
        assert probabilities.shape == (len(codes), len(self.labels)), f"{probabilities.shape} for {self.labels}"
        return probabilities, codes


def balanced_class_weights(codes: NDArray[Any], classes: int) -> NDArray[np.float32]:
    """Class weights N / (K n), n the rows of a class, as one weight per row (N,): every class weighs the same."""
    counts = np.bincount(codes, minlength=classes)
    per_class = len(codes) / (classes * np.maximum(counts, 1))
    weights: NDArray[np.float32] = per_class.astype(np.float32)[codes]
    return weights


def predicted_classes(probabilities: Floats, calibration: Calibration) -> Integers:
    """The predicted class of every row, (N,): the most probable, or of two what the threshold decides."""
    if "threshold" not in calibration:
        return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)
    positive = int(calibration["positive"])
    chosen = probabilities[:, positive] >= calibration["threshold"]
    return np.where(chosen, positive, 1 - positive).astype(np.int64)


def _rarer_class(codes: Integers) -> int:
    """Of two classes, the one with fewer rows; the second if they are even."""
    return int(np.count_nonzero(codes == 1) <= len(codes) / 2)
