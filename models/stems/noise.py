"""Noise to samples: a generator reads it as it is."""

from typing import Any, final

import numpy as np
from torch import Tensor, nn

from models.stems.column import Column, Reads


@final
class NoiseStem(nn.Module):
    """(B, Z) -> (B, Z): standard normal numbers need no preparation."""

    def __init__(self, columns: tuple[Column, ...], reads: Reads) -> None:
        super().__init__()
        (column,) = columns
        self.inputs = column.shape

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """There is nothing to learn from noise."""

    def forward(self, noise: Tensor) -> Tensor:
        return noise
