"""Series stem: measurements over time as an image of one pixel's width, for networks that read patches.

Shapes: N sequences, B batch, T steps, F variables.
"""

from typing import Any, final

import numpy as np
from torch import Tensor, nn

from models.stems.column import ColumnSpec, InputType
from models.stems.steps import StepsStem


@final
class SeriesImageStem(nn.Module):
    """What StepsStem gives as a sequence, (B, T, F + 1), with time as height and variables as channels.

    Attributes:
        input_shape: (F + 1, T, 1); the last channel is 1 where a step is present.
    """

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        self.steps = StepsStem(columns, "sequence")
        steps, features = self.steps.input_shape
        self.input_shape: tuple[int, ...] = (features, steps, 1)

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Fit mean and scale to the sequences of the train part, float32 (N, T, F)."""
        self.steps.fit(arrays)

    def forward(self, steps: Tensor) -> Tensor:
        x: Tensor = self.steps(steps)
        return x.transpose(1, 2).unsqueeze(3)  # (B, F + 1, T, 1)
