"""Noise stem: the latent input of a generator, unchanged."""

from typing import Any, final

import numpy as np
from torch import Tensor, nn

from models.stems.column import ColumnSpec, InputType


@final
class NoiseStem(nn.Module):
    """(B, Z) -> (B, Z): standard normal numbers need no preprocessing."""

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        (column,) = columns
        self.input_shape = column.shape

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Nothing to fit."""

    def forward(self, noise: Tensor) -> Tensor:
        return noise
