"""Output transform: the last step of every model, from the network's units to the target's.

A network learns best when its outputs are about as large as 1. The target's mean and spread are fitted on the train
part, kept as buffers, and undone inside the exported graph, so that what is served is in the target's own unit.

Shapes: B batch, O outputs.
"""

from typing import Protocol, final

import torch
from torch import Tensor, nn


class OutputTransform(Protocol):
    """A module: `forward` for outputs, `inverse` for targets; both are also given the raw inputs, (B, ...) each."""

    def __call__(self, outputs: Tensor, *inputs: Tensor) -> Tensor: ...

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        """From the target's units to the network's."""


@final
class Identity(nn.Module):
    """Identity: outputs that are logits stay as they are."""

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        return outputs

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        return target


@final
class Unscale(nn.Module):
    """Inverse standardisation: outputs * spread + mean, one pair per output or one for all.

    Args:
        shape: of mean and spread; it must broadcast with the outputs without B.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, ...] = (1,)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(shape))

    def fit(self, mean: Tensor, spread: Tensor) -> "Unscale":
        """Take the mean and spread of the train part; a spread of 0 counts as 1."""
        self.mean.copy_(mean)
        self.spread.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
        return self

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        return outputs * self.spread + self.mean

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        return (target - self.mean) / self.spread
