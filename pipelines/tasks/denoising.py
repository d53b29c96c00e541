"""Denoising: a noisy image is the input, and its clean form is the target.

A prediction holds a score, how far the drawn image is from the noisy one, and the drawn image, (1 + D,).

Shapes: N rows, D pixels of an image in the order they are stored, B rows of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.baselines.reconstruction import BaselineInputs, gaussian_filter, noisy_input
from pipelines.tasks.input_form import InputForm, ReconstructionLoss, reconstruction_loss
from pipelines.tasks.metrics.reconstruction import (
    GOALS,
    Floats,
    bootstrap_means,
    error_units,
    metrics_of,
    score_per_row,
)
from pipelines.tasks.reconstruction import ReconstructionReference
from pipelines.tasks.task import UNCALIBRATED, AnyTarget, Calibration, Task, TaskSettings, choose_goal

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform


class DenoisingSettings(TaskSettings):
    """`task: denoising`, or `task: {kind: denoising, loss: binary_cross_entropy}`."""

    kind: Literal["denoising"] = "denoising"
    loss: ReconstructionLoss = "squared_error"


@final
class Denoising(Task):
    """Clean images: predictions (N, 1 + D), a score and the pixels from 0 to 255.

    Raises:
        UserError: if the input is not one image as large as the target, or the goal is not one of `GOALS`.
    """

    name = "denoising"
    output_name = "reconstruction"
    goals = tuple(GOALS)
    reference_type = ReconstructionReference

    def __init__(self, schema: Schema, settings: DenoisingSettings, goal: str | None = None) -> None:
        target = schema.target
        if target.kind != "image":
            raise UserError(
                f"denoising needs a target of kind image, the clean form of the input; {target.name!r} is of kind "
                f"{target.kind}"
            )
        shapes = [(field.kind, field.shape) for field in schema.inputs]
        if shapes != [("image", target.shape)]:
            found = ", ".join(f"{field.name!r} is {field.kind} {field.shape}" for field in schema.inputs) or "none"
            raise UserError(
                f"denoising needs one noisy image as large as the clean one as its input; {target.name!r} is "
                f"{target.shape}, the inputs: {found}"
            )
        self.form = InputForm(True, target.shape)
        self.metrics = metrics_of(self.form)
        self.goal = choose_goal("denoising", GOALS, goal)
        self.input_fields: tuple[Field, ...] = schema.inputs
        self.settings = settings

    def reference(self, part: Part, train: Part | None = None) -> ReconstructionReference:
        return ReconstructionReference(part.target, error_units(self.form, part.target, len(part.target)))

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        return self.form.head_width(writes)

    def output_transform(self, train: Part | None) -> OutputTransform:
        return self.form.output_transform(self.settings.loss, None if train is None else train.target)

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
        """The noisy image as it is, and a Gaussian filter whose width is chosen on the train part."""
        inputs = BaselineInputs(train.inputs[0], train.target, part.inputs[0])
        return {
            "noisy as it is (baseline)": noisy_input(inputs),
            "gaussian filter (baseline)": gaussian_filter(inputs),
        }
