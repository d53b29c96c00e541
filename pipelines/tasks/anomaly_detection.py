"""Anomaly detection: rows of one class, the normal one, are learned from; what is reconstructed badly is anomalous.

A prediction holds the anomaly score and the reconstruction, (1 + D,).

Shapes: N rows, D numbers of an example in the order they are stored, R resamples, B rows of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.baselines.reconstruction import BaselineInputs, isolation_forest, mean_target
from pipelines.tasks.input_form import ReconstructionLoss, find_input_form, reconstruction_loss
from pipelines.tasks.metrics.anomaly_detection import (
    DETECTION_METRICS,
    GOALS,
    choose_threshold,
    detection_scores,
)
from pipelines.tasks.metrics.placements import placements, spread_mean
from pipelines.tasks.metrics.reconstruction import Floats, error_units, squared_error_metric, squared_errors
from pipelines.tasks.task import UNCALIBRATED, AnyTarget, Calibration, Target, Task, TaskSettings, choose_goal

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform


class AnomalyDetectionSettings(TaskSettings):
    """`task: {kind: anomaly_detection, normal: benign}`."""

    kind: Literal["anomaly_detection"] = "anomaly_detection"
    normal: str  # the class that is learned from; the others are anomalies
    loss: ReconstructionLoss = "squared_error"


class AnomalyReference(NamedTuple):
    """Which rows are anomalous, and what should have been drawn."""

    is_anomalous: NDArray[np.bool_]  # (N,)
    values: NDArray[Any]  # (N, H, W[, C]) of images, (N, D) of tables
    units: NDArray[np.float32]  # of errors, from normal rows; see `error_units`


@final
class AnomalyDetection(Task):
    """Unusual rows: predictions (N, 1 + D), the anomaly score and the reconstruction in the input's units.

    Raises:
        UserError: if the inputs are neither one image nor numbers alone, the target has no class of that name, or the
            loss or the goal does not fit.
    """

    name = "anomaly_detection"
    output_name = "reconstruction"
    scores_anomalies = True
    goals = tuple(GOALS)
    reference_type = AnomalyReference
    augments_target = True

    def __init__(self, schema: Schema, settings: AnomalyDetectionSettings, goal: str | None = None) -> None:
        target = schema.target
        if target.kind != "category":
            raise UserError(
                f"anomaly_detection needs a target of kind category, one class of which is normal; {target.name!r} is "
                f"of kind {target.kind}"
            )
        if settings.normal not in target.categories:
            raise UserError(
                f"normal of anomaly_detection must be one of the classes {', '.join(target.categories)}; "
                f"found {settings.normal!r}"
            )
        self.form = find_input_form(schema, self.name, settings.loss)
        self.metrics = (*DETECTION_METRICS, squared_error_metric(self.form, "Of normal rows alone. "))
        self.goal = choose_goal("anomaly_detection", GOALS, goal)
        self.input_fields: tuple[Field, ...] = schema.inputs
        self.normal_class = target.categories.index(settings.normal)
        self.settings = settings

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        return self.form.head_width(writes)

    def train_mask(self, part: Part) -> NDArray[np.bool_]:
        return ~self._is_anomalous(part)

    def target(self, train: Part) -> AnyTarget:
        """The inputs: one image, or all columns side by side, (N, D)."""
        return Target(self.form.stack_inputs(train))

    def reference(self, part: Part, train: Part | None = None) -> AnomalyReference:
        values = self.form.stack_inputs(part)
        units = error_units(self.form, self._normal_inputs(part if train is None else train), len(values))
        return AnomalyReference(self._is_anomalous(part), values, units)

    def output_transform(self, train: Part | None) -> OutputTransform:
        return self.form.output_transform(self.settings.loss, None if train is None else self._normal_inputs(train))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        return reconstruction_loss(self.settings.loss, network, inputs, target)

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from torch import nn

        return nn.Identity()

    def min_output_scale(self) -> float | NDArray[np.float64]:
        return self.form.min_output_scale()

    def calibrate(self, predictions: NDArray[Any], reference: AnomalyReference) -> dict[str, float]:
        """The lowest score that is flagged."""
        scores = np.asarray(predictions[:, 0], dtype=np.float64)
        return {"threshold": choose_threshold(scores, reference.is_anomalous)}

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: AnomalyReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        self.form.check_shapes(predictions, reference.values)
        times = np.asarray(weights, dtype=np.float64)  # (R, N)
        if not np.isfinite(predictions).all():
            return {metric.name: np.full(len(times), np.nan) for metric in self.metrics}
        scores, anomalous = np.asarray(predictions[:, 0], dtype=np.float64), reference.is_anomalous
        found = detection_scores(scores, anomalous, np.ascontiguousarray(times.T), calibration["threshold"])
        errors, normal = self._squared_errors(predictions, reference)[~anomalous], times[:, ~anomalous]
        total = normal.sum(axis=1)
        squared_error = np.divide(normal @ errors, total, out=np.full_like(total, np.nan), where=total > 0)
        return found | {"squared_error": squared_error}

    def objective_per_row(self, predictions: NDArray[Any], reference: AnomalyReference) -> Floats:
        """The goal for every row, (N,).

        Raises:
            UserError: if the goal needs normal or anomalous rows and there are none.
        """
        self.form.check_shapes(predictions, reference.values)
        anomalous = reference.is_anomalous
        rows, normal = len(anomalous), int((~anomalous).sum())
        if self.goal.name == "auroc":
            if not 0 < normal < rows:
                raise UserError(
                    f"goal auroc needs both normal and anomalous rows to score; of {rows} rows, {normal} are normal: "
                    "split so that every part has both, or set goal: squared_error"
                )
            return placements(np.asarray(predictions[:, 0], dtype=np.float64), anomalous)
        if not normal:
            raise UserError(f"goal squared_error is about normal rows, and of {rows} rows to score none is normal")
        errors = self._squared_errors(predictions, reference)[~anomalous]
        found = np.full(rows, errors.mean())
        found[~anomalous] = spread_mean(errors, rows)
        return found

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """The mean of the normal train rows, and an isolation forest fitted to them."""
        normal = self._normal_inputs(train)
        inputs = BaselineInputs(normal, normal, self.form.stack_inputs(part))
        return {
            "mean (baseline)": mean_target(inputs),
            "isolation forest (baseline)": isolation_forest(inputs),
        }

    def _is_anomalous(self, part: Part) -> NDArray[np.bool_]:
        return np.asarray(part.target != self.normal_class)

    def _normal_inputs(self, train: Part) -> NDArray[Any]:
        """The rows that may be trained on; views, and not copies, where those are all."""
        rows, inputs = self.train_mask(train), self.form.stack_inputs(train)
        return inputs if rows.all() else inputs[rows]

    def _squared_errors(self, predictions: NDArray[Any], reference: AnomalyReference) -> Floats:
        return squared_errors(self.form, predictions, reference.values, reference.units)
