"""Input form of what reconstructs: one image or a row of numbers, and its losses.

Predictions of what reconstructs hold an anomaly score and the reconstruction, (N, 1 + D).

Shapes: N rows, D numbers of an example in the order they are stored, B rows of a batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.data.statistics import grey_level_mean_and_std, mean_and_std
from pipelines.runtime.user_error import UserError
from pipelines.tasks.metrics.image_similarity import PIXEL_RANGE
from pipelines.tasks.task import AnyTarget

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform

ReconstructionLoss: TypeAlias = Literal["squared_error", "binary_cross_entropy"]


class InputForm(NamedTuple):
    """One image, or numbers side by side."""

    is_image: bool
    shape: tuple[int, ...]  # of one example: (H, W), (H, W, C) or (D,)

    @property
    def description(self) -> str:
        return "an image" if self.is_image else "a table"

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        """D numbers in a row, or the channels of an image."""
        if writes == "vector":
            return math.prod(self.shape)
        if not self.is_image:
            raise UserError("the reconstruction of a table has a number per column; the network writes images")
        return (*self.shape, 1)[2]

    def stack_inputs(self, part: Part) -> NDArray[Any]:
        """The images of a part, or all of its columns side by side, (N, D)."""
        return part.inputs[0] if self.is_image else np.stack(part.inputs, axis=1)

    def output_transform(self, loss: ReconstructionLoss, targets: NDArray[Any] | None) -> OutputTransform:
        """The transform of a network that descends this loss, fitted on targets (N, ...) unless they are None."""
        from models.outputs.reconstruction import ImageReconstruction, RowReconstruction

        if self.is_image:
            image = ImageReconstruction(self.shape, logits=loss == "binary_cross_entropy")
            return image if targets is None else image.fit(*grey_level_mean_and_std(targets))
        row = RowReconstruction(*self.shape)
        return row if targets is None else row.fit(*mean_and_std(targets))

    def min_output_scale(self) -> float | NDArray[np.float64]:
        """Of the score and of a table's numbers, 1; of pixels, all of their range."""
        if not self.is_image:
            return 1.0
        return np.concatenate([[1.0], np.full(math.prod(self.shape), PIXEL_RANGE)])

    def check_shapes(self, predictions: NDArray[Any], values: NDArray[Any]) -> None:
        """Assert that there is a score and a reconstruction for each of the values (N, ...)."""
        shape = (len(values), 1 + math.prod(self.shape))
        assert predictions.shape == shape, f"{predictions.shape} for {shape}"


def find_input_form(schema: Schema, task: str, loss: ReconstructionLoss) -> InputForm:
    """The form of the inputs.

    Args:
        task: its name, for the message.

    Raises:
        UserError: if they are neither one image nor numbers alone, or the loss does not fit them.
    """
    kinds = [field.kind for field in schema.inputs]
    if kinds == ["image"]:
        return InputForm(True, schema.inputs[0].shape)
    if set(kinds) != {"number"}:
        other = next((field for field in schema.inputs if field.kind != "number"), None)
        found = f"{other.name!r} is of kind {other.kind}" if other else "there are none"
        raise UserError(f"inputs of {task} must be one image, or columns of numbers alone; {found}")
    if loss == "binary_cross_entropy":
        raise UserError(
            f"loss of {task}: binary_cross_entropy needs numbers between two ends, as pixels are; of a table's "
            "columns, use squared_error"
        )
    return InputForm(False, (len(schema.inputs),))


def reconstruction_loss(
    loss: ReconstructionLoss, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget
) -> Tensor:
    """The training loss of a batch: of all D numbers alike, also where a network writes them as an image."""
    from models.blocks.losses import RECONSTRUCTION_LOSSES

    return RECONSTRUCTION_LOSSES[loss](network(*inputs).flatten(1), target.values.flatten(1))
