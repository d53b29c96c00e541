"""Sequence stem: standardised measurements, missing ones set to the mean and steps marked as present.

Shapes: N sequences, B batch, T steps, F variables.
"""

from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.window_scale import WindowScale
from models.stems.column import ColumnSpec, InputType

CHUNK_EXAMPLES = 1024  # sequences measured at a time, which bounds the memory that fitting takes
MAX_CHUNK_ELEMENTS = 2**22  # numbers in these, at most


@final
class StepsStem(nn.Module):
    """Standardisation per variable: (value - mean) / scale; what is missing (NaN) becomes 0, the mean.

    A sequence shorter than T begins with steps in which every variable is missing. The last feature of
    every step says whether it is present, so that a network can tell a gap from an average value.

    Variables that the column's `window_scale` names are first put relative to their own level and spread in the
    sequence; mean and scale are then of what is left.

    Args:
        columns: one sequence, stored (T, F).
        input_type: "sequence" gives (B, T, F + 1), "vector" gives (B, T * F), without the marks.

    Attributes:
        input_shape: of one example as the network reads it, without B.
        mean: of each variable, in its own unit or that of its own spread, (F,).
        scale: standard deviation of each variable, (F,); 1 for one that never changes.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        (column,) = columns
        steps, variables = column.shape
        self.is_flat = input_type == "vector"
        self.input_shape: tuple[int, ...] = (steps * variables,) if self.is_flat else (steps, variables + 1)
        self.register_buffer("mean", torch.zeros(variables))
        self.register_buffer("scale", torch.ones(variables))
        self.window_scale = None
        if column.window_scale is not None:
            self.window_scale = WindowScale(steps, variables, column.window_scale)

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Fit mean and scale to the sequences of the train part, float32 (N, T, F), in two passes."""
        (values,) = arrays
        if self.window_scale is not None:
            self.window_scale.fit(values)
        rows = max(1, min(CHUNK_EXAMPLES, MAX_CHUNK_ELEMENTS // values[0].size))
        count = np.zeros(values.shape[2])
        total = count.copy()
        squares = count.copy()
        for start in range(0, len(values), rows):
            block = self._read_block(values[start : start + rows])
            count += np.isfinite(block).sum(axis=(0, 1))
            total += np.nansum(block, axis=(0, 1))
        mean = total / np.maximum(count, 1)
        for start in range(0, len(values), rows):
            squares += np.nansum(np.square(self._read_block(values[start : start + rows]) - mean), axis=(0, 1))
        scale = np.sqrt(squares / np.maximum(count, 1))
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(np.where(scale > 0, scale, 1.0)))

    def _read_block(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A few sequences as they are before they are standardised, float64 (n, T, F)."""
        block = values.astype(np.float64)
        return block if self.window_scale is None else self.window_scale.scale(torch.from_numpy(block)).numpy()

    def forward(self, steps: Tensor) -> Tensor:
        missing = torch.isnan(steps)
        if self.window_scale is not None:
            steps = self.window_scale.scale(steps)
        x = torch.where(missing, torch.zeros_like(steps), (steps - self.mean) / self.scale)  # (B, T, F)
        if self.is_flat:
            return x.flatten(1)
        present = (~missing).any(2, keepdim=True).to(x.dtype)  # (B, T, 1)
        return torch.cat([x, present], 2)
