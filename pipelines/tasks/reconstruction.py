"""Reconstruction: the input is its own target, drawn again through a narrow code (compression).

Labels are not looked at. A prediction holds a score and the reconstruction, (1 + D,).

Shapes: N rows, D numbers of an example in the order they are stored, B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.baselines.reconstruction import BaselineInputs, mean_target
from pipelines.tasks.input_form import ReconstructionLoss, find_input_form, reconstruction_loss
from pipelines.tasks.metrics.reconstruction import (
    GOALS,
    Floats,
    bootstrap_means,
    error_units,
    metrics_of,
    score_per_row,
)
from pipelines.tasks.task import UNCALIBRATED, AnyTarget, Calibration, Target, Task, TaskSettings, choose_goal

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform


class ReconstructionSettings(TaskSettings):
    """`task: reconstruction`, or `task: {kind: reconstruction, loss: binary_cross_entropy}`."""

    retired: ClassVar[Mapping[str, str]] = {
        "normal": "is now its own task: write `task: {{kind: anomaly_detection, normal: {found}}}`",
        "compress": "reconstruction always draws its input again: leave compress out",
    }

    kind: Literal["reconstruction"] = "reconstruction"
    loss: ReconstructionLoss = "squared_error"


class ReconstructionReference(NamedTuple):
    """What should have been drawn."""

    values: NDArray[Any]  # (N, H, W[, C]) of images, (N, D) of tables
    units: NDArray[np.float32]  # of errors; see `error_units`


@final
class Reconstruction(Task):
    """The input drawn again: predictions (N, 1 + D), a score and the reconstruction in the input's units.

    Raises:
        UserError: if the inputs are neither one image nor numbers alone, the target is an image, or the loss or the
            goal does not fit.
    """

    name = "reconstruction"
    output_name = "reconstruction"
    goals: tuple[str, ...] = tuple(GOALS)  # of images; of tables the first alone
    reference_type = ReconstructionReference
    augments_target = True

    def __init__(self, schema: Schema, settings: ReconstructionSettings, goal: str | None = None) -> None:
        target = schema.target
        if target.kind == "image":
            raise UserError(
                f"reconstruction draws its input again and does not look at the target, and {target.name!r} is an "
                "image: write `task: denoising` to draw that image, or choose another target"
            )
        self.form = find_input_form(schema, self.name, settings.loss)
        self.metrics = metrics_of(self.form)
        self.goals = tuple(metric.name for metric in self.metrics)
        goals = {name: GOALS[name] for name in self.goals}
        self.goal = choose_goal(f"the reconstruction of {self.form.description}", goals, goal)
        self.input_fields: tuple[Field, ...] = schema.inputs
        self.settings = settings

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        return self.form.head_width(writes)

    def target(self, train: Part) -> AnyTarget:
        """The inputs: one image, or all columns side by side, (N, D)."""
        return Target(self.form.stack_inputs(train))

    def reference(self, part: Part, train: Part | None = None) -> ReconstructionReference:
        values = self.form.stack_inputs(part)
        usual = values if train is None else self.form.stack_inputs(train)
        return ReconstructionReference(values, error_units(self.form, usual, len(values)))

    def output_transform(self, train: Part | None) -> OutputTransform:
        return self.form.output_transform(self.settings.loss, None if train is None else self.form.stack_inputs(train))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        return reconstruction_loss(self.settings.loss, network, inputs, target)

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from torch import nn

        return nn.Identity()

    def min_output_scale(self) -> float | NDArray[np.float64]:
        return self.form.min_output_scale()

    def bootstrap_scores(
        self,
        predictions: NDArray[Any],
        reference: ReconstructionReference,
        weights: NDArray[Any],
        calibration: Calibration,
    ) -> dict[str, Floats]:
        self.form.check_shapes(predictions, reference.values)
        return bootstrap_means(self.form, predictions, *reference, weights)

    def objective_per_row(self, predictions: NDArray[Any], reference: ReconstructionReference) -> Floats:
        self.form.check_shapes(predictions, reference.values)
        return score_per_row(self.goal.name, self.form, predictions, *reference)

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """The mean of the train part, for every row."""
        inputs = self.form.stack_inputs(train)
        return {"mean (baseline)": mean_target(BaselineInputs(inputs, inputs, self.form.stack_inputs(part)))}
