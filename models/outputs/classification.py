"""Output transform of a classification: class weights beside the targets."""

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@final
class ClassWeighted(nn.Module):
    """Outputs as they are; to every target's code its class's weight is added, (B,) -> (B, 2)."""

    weights: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.ones(classes))

    def fit(self, codes: NDArray[Any]) -> "ClassWeighted":
        counts = np.bincount(codes, minlength=len(self.weights))
        shares = len(codes) / (len(counts) * np.maximum(counts, 1))
        self.weights.copy_(torch.from_numpy(shares))
        return self

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        return outputs

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        return torch.stack([target.to(self.weights.dtype), self.weights[target]], 1)

    def split_weights(self, target: Tensor) -> tuple[Tensor, Tensor]:
        return target[:, 0].long(), target[:, 1]
