"""Draw again what was shown: through a narrow code (compression), without the noise (denoising), or as far as it is
normal (anomaly detection).

Which of the three it is follows from the target and the settings:
- the target is an image: the clean form of the input, which is noisy (denoising);
- `normal: <class>`, the target is a category: only rows of that class are learned from, and what is reconstructed
  badly is anomalous;
- `compress: true`: the input is its own target, and the labels are not looked at.

A reply holds the score and the reconstruction, (1 + D,); the truth holds 1 if the row is anomalous, else 0, and what
should have been reconstructed.

Shapes: N rows, D numbers of an example in the order they are stored, R resamples, B rows of a batch.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks.losses import binary_cross_entropy, squared_error
from models.outputs.output_transform import OutputTransform
from models.outputs.reconstruction import ImageReconstruction, RowReconstruction
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.statistics import grey_level_mean_and_std, mean_and_std
from pipelines.runtime.user_error import UserError
from pipelines.tasks.baselines.reconstruction import BASELINES, BaselineInputs
from pipelines.tasks.metrics import anomaly_detection as anomaly_metrics
from pipelines.tasks.metrics import image_similarity
from pipelines.tasks.reconstruction_modes import (
    ReconstructionMode,
    has_image_input,
    infer_mode,
    mode_metrics,
)
from pipelines.tasks.task import AnyTarget, Calibration, Goal, Target, Task, TaskSettings

Floats = NDArray[np.float64]

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared_error": squared_error,
    "binary_cross_entropy": binary_cross_entropy,  # of images, whose pixels lie between black and white
}

GOALS = {
    "squared_error": Goal("squared_error", "minimize"),
    "psnr": Goal("psnr", "maximize"),
    "ssim": Goal("ssim", "maximize"),
    "auroc": Goal("auroc", "maximize"),
}


class ReconstructionSettings(TaskSettings):
    """`task: {kind: reconstruction, normal: benign}`, `{..., compress: true}`; denoising needs neither."""

    kind: Literal["reconstruction"] = "reconstruction"
    normal: str | None = None  # the class that is learned from; the others are anomalies
    compress: bool = False  # reconstruct the input from itself, whatever the target is
    loss: Literal["squared_error", "binary_cross_entropy"] = "squared_error"


class AnomalyReference(NamedTuple):
    """Which rows are anomalous, and what should have been reconstructed."""

    is_anomalous: NDArray[np.bool_]  # (N,)
    values: NDArray[Any]  # (N, H, W[, C]) of images, (N, D) of tables


@final
class Reconstruction(Task):
    """What was shown, drawn again: replies (N, 1 + D), the score and the reconstruction in the target's units.

    Raises:
        UserError: if the inputs are neither one image nor numbers alone, the target does not say what is to be
            reconstructed, or a setting or the goal does not fit.
    """

    name = "reconstruction"
    output_name = "reconstruction"
    reference_type = AnomalyReference
    augments_target = True
    goals: tuple[str, ...] = tuple(GOALS)  # of some use; an instance has those of its own

    def __init__(self, schema: Schema, settings: ReconstructionSettings, goal: str | None = None) -> None:
        self.is_image = has_image_input(schema)
        self.mode: ReconstructionMode = infer_mode(schema, settings.normal, settings.compress)
        if settings.loss == "binary_cross_entropy" and not self.is_image:
            raise UserError(
                "loss of a reconstruction: binary_cross_entropy needs numbers between two ends, as pixels are; "
                "of a table's columns, use squared_error"
            )
        self.metrics = mode_metrics(self.mode, self.is_image)
        names = {metric.name for metric in self.metrics}
        order = ("auroc", *GOALS) if self.mode == "anomalies" else tuple(GOALS)
        self.goals = tuple(dict.fromkeys(name for name in order if name in names))
        if goal is not None and goal not in self.goals:
            raise UserError(
                f"goal of a reconstruction ({self.mode}) must be one of {', '.join(self.goals)}; found {goal!r}"
            )
        self.goal = GOALS[goal or self.goals[0]]
        self.input_fields: tuple[Field, ...] = schema.inputs
        self.shape = schema.inputs[0].shape if self.is_image else (len(schema.inputs),)  # of what is reconstructed
        self.normal_class = schema.target.categories.index(settings.normal) if settings.normal is not None else None
        self.settings = settings

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        """D numbers in a row, or the channels of an image."""
        if writes == "vector":
            return int(np.prod(self.shape))
        if not self.is_image:
            raise UserError("the reconstruction of a table has a number per column; the network writes images")
        return (*self.shape, 1)[2]

    def train_mask(self, part: Part) -> NDArray[Any] | None:
        return None if self.normal_class is None else ~self._is_anomalous(part)

    def target(self, train: Part) -> AnyTarget:
        """The clean images of denoising; else the inputs: one image, or all columns side by side, (N, D)."""
        return Target(self._target_array(train))

    def _target_array(self, part: Part) -> NDArray[Any]:
        return part.target if self.mode == "denoising" else self._input_array(part)

    def reference(self, part: Part) -> AnomalyReference:
        return AnomalyReference(self._is_anomalous(part), self._target_array(part))

    def output_transform(self, train: Part | None) -> OutputTransform:
        if self.is_image:
            image = ImageReconstruction(self.shape, logits=self.settings.loss == "binary_cross_entropy")
            return image if train is None else image.fit(*grey_level_mean_and_std(self._trainable_pairs(train)[1]))
        row = RowReconstruction(len(self.input_fields))
        return row if train is None else row.fit(*mean_and_std(self._trainable_pairs(train)[1]))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        return LOSSES[self.settings.loss](network(*inputs).flatten(1), target.values.flatten(1))

    def postprocess(self) -> nn.Module:
        return nn.Identity()

    def min_output_scale(self) -> float | NDArray[np.float64]:
        """Of the score, 1; of pixels, all of their range."""
        if not self.is_image:
            return 1.0
        return np.concatenate([[1.0], np.full(math.prod(self.shape), image_similarity.PIXEL_RANGE)])

    def calibrate(self, predictions: NDArray[Any], reference: AnomalyReference) -> dict[str, float]:
        """Of anomaly detection, the lowest score that is flagged."""
        if self.mode != "anomalies":
            return {}
        return {
            "threshold": anomaly_metrics.choose_threshold(
                np.asarray(predictions[:, 0], dtype=np.float64), reference.is_anomalous
            )
        }

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: AnomalyReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,)."""
        self._check_shapes(predictions, reference)
        times = np.asarray(weights, dtype=np.float64)  # (R, N)
        if not np.isfinite(predictions).all():
            return {metric.name: np.full(len(times), np.nan) for metric in self.metrics}
        if self.mode == "anomalies":
            scores, anomalous = np.asarray(predictions[:, 0], dtype=np.float64), reference.is_anomalous
            counts = np.ascontiguousarray(times.T)
            found = anomaly_metrics.detection_scores(scores, anomalous, counts, calibration["threshold"])
            errors, normal = self._squared_errors(predictions, reference)[~anomalous], times[:, ~anomalous]
            total = normal.sum(axis=1)
            return found | {
                "squared_error": np.divide(normal @ errors, total, out=np.full_like(total, np.nan), where=total > 0)
            }
        rows = {metric.name: self._score_per_row(metric.name, predictions, reference) for metric in self.metrics}
        return {name: times @ values / times.sum(axis=1) for name, values in rows.items()}

    def objective_per_row(self, predictions: NDArray[Any], reference: AnomalyReference) -> Floats:
        """The goal for every row, (N,).

        Raises:
            UserError: if the goal needs normal or anomalous rows and there are none.
        """
        self._check_shapes(predictions, reference)
        if self.mode != "anomalies":
            return self._score_per_row(self.goal.name, predictions, reference)
        anomalous = reference.is_anomalous
        rows = len(anomalous)
        normal = rows - int(anomalous.sum())
        if self.goal.name == "auroc" and not 0 < normal < rows:
            raise UserError(
                f"goal auroc needs both normal and anomalous rows to score; of {rows} rows, {normal} are "
                "normal: split so that every part has both, or set goal: squared_error"
            )
        if self.goal.name == "auroc":
            return anomaly_metrics.placements(np.asarray(predictions[:, 0], dtype=np.float64), anomalous)
        if not normal:
            raise UserError(f"goal squared_error is about normal rows, and of {rows} rows to score none is normal")
        return np.where(anomalous, 0, self._squared_errors(predictions, reference)) * (rows / normal)

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        baseline_inputs = BaselineInputs(*self._trainable_pairs(train), self._input_array(part))
        return {name: baseline(baseline_inputs) for name, baseline in BASELINES[self.mode].items()}

    def _input_array(self, part: Part) -> NDArray[Any]:
        return part.inputs[0] if self.is_image else np.stack(part.inputs, axis=1)

    def _is_anomalous(self, part: Part) -> NDArray[np.bool_]:
        if self.normal_class is None:
            return np.zeros(len(part.target), dtype=bool)
        return np.asarray(part.target != self.normal_class)

    def _trainable_pairs(self, train: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        """Inputs and targets of the rows that may be learned from."""
        rows = self.train_mask(train)
        both = self._input_array(train), self._target_array(train)
        return both if rows is None or rows.all() else (both[0][rows], both[1][rows])

    def _score_per_row(self, name: str, predictions: NDArray[Any], reference: AnomalyReference) -> Floats:
        if name == "ssim":
            return image_similarity.ssim(predictions[:, 1:].reshape(-1, *self.shape), reference.values)
        errors = self._squared_errors(predictions, reference)
        return image_similarity.psnr(errors) if name == "psnr" else errors

    def _squared_errors(self, predictions: NDArray[Any], reference: AnomalyReference) -> Floats:
        """The mean squared difference of every row: of the full range, or of the spreads of the normal rows here."""
        reconstructed, targets = predictions[:, 1:].reshape(-1, *self.shape), reference.values
        if self.is_image:
            return image_similarity.mean_squared_error(reconstructed, targets)
        spread = mean_and_std(targets[~reference.is_anomalous])[1]
        known = ~np.isnan(targets)
        differences = np.where(known, (reconstructed.astype(np.float64) - targets) / spread, 0)
        errors: Floats = np.square(differences).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return errors

    def _check_shapes(self, predictions: NDArray[Any], reference: AnomalyReference) -> None:
        shape = (len(reference.values), 1 + self.head_width("vector"))
        assert predictions.shape == shape, f"{predictions.shape} for {shape}"
