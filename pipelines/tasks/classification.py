"""Classification: which of a few exclusive classes does an example belong to?

A network's outputs are a logit per class; what is served is a probability per class, and a label: the most probable
class, or, of two classes, the rarer one from a threshold on that was chosen on validation.

Shapes: N rows, K classes, R resamples, B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.metrics.calibration import calibration_error
from pipelines.tasks.metrics.classification import (
    GOALS,
    METRICS,
    MIN_TOP_5_CLASSES,
    SCORES_PER_ROW,
    TOP_5,
    Floats,
    Integers,
    balanced_accuracy,
    best_threshold,
    is_among_top,
    macro_precision_recall_f1,
    matthews_correlation,
    pr_auc,
    rarer_class,
    roc_auc,
)
from pipelines.tasks.metrics.classification_goals import PSEUDO_VALUES
from pipelines.tasks.metrics.temperature import fit_temperature
from pipelines.tasks.metrics.threshold import THRESHOLD_CRITERIA, THRESHOLD_METRICS, threshold_scores
from pipelines.tasks.task import (
    UNCALIBRATED,
    AnyTarget,
    Calibration,
    Target,
    Task,
    TaskSettings,
    WeightedTarget,
    choose_goal,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform


LABEL_GOALS = ("balanced_accuracy", "macro_f1", "mcc")  # about the most probable class, rare ones counting as much

AREA_GOALS = ("roc_auc", "pr_auc")  # which one class alone does not have


class ClassificationSettings(TaskSettings):
    """`task: classification`, or with settings `task: {kind: classification, weights: balanced}`."""

    kind: Literal["classification"] = "classification"
    loss: Literal["cross_entropy", "binary_cross_entropy", "hinge", "focal"] = "cross_entropy"
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
        self.can_mix = self.has_soft_targets = settings.loss == "cross_entropy"
        self.labels = target.categories
        self.metrics = (
            *METRICS,
            *(THRESHOLD_METRICS if len(self.labels) == 2 else ()),
            *((TOP_5,) if len(self.labels) >= MIN_TOP_5_CLASSES else ()),
        )
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

        A hinge loss learns no probabilities that there would be a prior in, and where the goal counts every class the
        same, so should the most probable class.
        """
        import torch

        from models.outputs.classification import PriorShift
        from models.outputs.output_transform import Identity

        if self.settings.weights == "none" or self.settings.loss == "hinge" or self.goal.name in LABEL_GOALS:
            return Identity()
        shift = PriorShift(len(self.labels))
        if train is None:
            return shift
        return shift.fit(torch.from_numpy(np.bincount(train.target, minlength=len(self.labels))))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        from models.blocks.auxiliary_heads import loss_of_all_heads
        from models.blocks.class_losses import LOSSES, kullback_leibler

        values, *weights = target
        if values.is_floating_point():  # soft targets
            return loss_of_all_heads(network, inputs, lambda logits: kullback_leibler(logits, values, *weights))
        criterion = LOSSES[self.settings.loss]
        return loss_of_all_heads(network, inputs, lambda logits: criterion(logits, values.long(), *weights))

    def soft_target(self, target: AnyTarget, smoothing: float) -> AnyTarget:
        from torch.nn.functional import one_hot

        if not self.has_soft_targets:
            return target
        classes = len(self.labels)
        shares = one_hot(target.values.long(), classes).float()  # (B, K)
        return target._replace(values=(1 - smoothing) * shares + smoothing / classes)

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from models.outputs.classification import TemperedSoftmax

        return TemperedSoftmax(-1, calibration.get("temperature", 1.0))

    def average(self) -> nn.Module:
        from models.outputs.averages import LogMeanProbability

        return LogMeanProbability(-1)

    def calibrate_postprocess(self, outputs: NDArray[Any], reference: ClassReference) -> dict[str, float]:
        """The temperature of the probabilities."""
        return {"temperature": fit_temperature(outputs, np.asarray(reference.codes, dtype=np.int64))}

    def calibrate(self, predictions: NDArray[Any], reference: ClassReference) -> dict[str, float]:
        """Of two classes: the rarer one, and the lowest probability from which it is predicted, if that is chosen."""
        if len(self.labels) != 2:
            return {}
        probabilities, codes = self._as_arrays(predictions, reference)
        positive = rarer_class(codes)
        if self.settings.threshold == "half" or self.goal.name == "accuracy":
            return {"positive": positive}
        if not (codes == positive).any() or not np.ptp(probabilities[:, positive]):  # nothing to choose by
            return {"positive": positive, "threshold": 0.5}
        threshold = best_threshold(
            probabilities[:, positive], codes == positive, THRESHOLD_CRITERIA[self.settings.threshold]
        )
        return {"positive": positive, "threshold": threshold}

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: ClassReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,).

        The threshold decides those that say so in their names; the others are about the most probable class.
        """
        names = [metric.name for metric in self.metrics]
        return self.bootstrap_scores_of(names, predictions, reference, weights, calibration)

    def bootstrap_scores_of(
        self,
        names: Collection[str],
        predictions: NDArray[Any],
        reference: ClassReference,
        weights: NDArray[Any],
        calibration: Calibration,
    ) -> dict[str, Floats]:
        """Those that are named; each group of metrics that are computed together only if one of it is."""
        probabilities, codes = self._as_arrays(predictions, reference)
        counts = np.ascontiguousarray(weights.T, dtype=np.float64)  # (N, R): rows are gathered below
        if not np.isfinite(probabilities).all():
            return {name: np.full(counts.shape[1], np.nan) for name in names}
        found: dict[str, Floats] = {}
        for group, scores_of in self._metric_groups(probabilities, codes, counts, calibration).items():
            if set(group) & set(names):
                found |= dict(zip(group, scores_of(), strict=True))
        return {name: found[name] for name in names}

    def _metric_groups(
        self, probabilities: Floats, codes: Integers, counts: Floats, calibration: Calibration
    ) -> dict[tuple[str, ...], Callable[[], Sequence[Floats]]]:
        """Metrics that are computed together, and how: (R,) each."""
        classes, total = len(self.labels), counts.sum(axis=0)  # (R,)
        predicted = np.asarray(probabilities.argmax(axis=1), dtype=np.int64)
        positive = int(calibration.get("positive", rarer_class(codes)))
        averaged = tuple(range(classes)) if classes > 2 else (positive,)  # classes of the PR AUC
        labelled = predicted, codes, classes, counts
        chosen = predicted_classes(probabilities, calibration)
        return {
            tuple(SCORES_PER_ROW): lambda: [
                per_row(probabilities, codes) @ counts / total for per_row in SCORES_PER_ROW.values()
            ],
            ("balanced_accuracy",): lambda: [balanced_accuracy(*labelled)],
            ("macro_precision", "macro_recall", "macro_f1"): lambda: macro_precision_recall_f1(*labelled),
            ("mcc",): lambda: [matthews_correlation(*labelled)],
            ("calibration_error",): lambda: [calibration_error(probabilities, codes, counts)],
            ("roc_auc",): lambda: [roc_auc(probabilities, codes, counts)],
            ("pr_auc",): lambda: [pr_auc(probabilities, codes, averaged, counts)],
            tuple(metric.name for metric in THRESHOLD_METRICS): lambda: [
                threshold_scores(chosen, codes, positive, counts)[metric.name] for metric in THRESHOLD_METRICS
            ],
            (TOP_5.name,): lambda: [is_among_top(probabilities, codes, 5) @ counts / total],
        }

    def objective_per_row(self, predictions: NDArray[Any], reference: ClassReference) -> Floats:
        """The goal for every example, (N,), or pseudo-values whose mean is the goal; cheap enough for every epoch.

        Raises:
            UserError: if the goal is the area under a curve and all examples are of one class.
        """
        if self.goal.name in PSEUDO_VALUES:
            if self.goal.name in AREA_GOALS and len(np.unique(reference.codes)) < 2:
                raise UserError(
                    f"goal {self.goal.name} needs examples of two classes to score; all {len(reference.codes)} are of "
                    "one: split by stratified, so that every part has both, or set goal: log_loss"
                )
            return PSEUDO_VALUES[self.goal.name](*self._as_arrays(predictions, reference))
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
