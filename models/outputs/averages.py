"""Averages: what several models answer for the same examples, as one answer; inside the graph.

Shapes: M models, B batch.
"""

from typing import final

import torch
from torch import Tensor, nn


@final
class MeanOutput(nn.Module):
    """The mean of numbers: (M, B, ...) -> (B, ...)."""

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs.mean(0)


@final
class LogMeanProbability(nn.Module):
    """The logarithm of the mean of probabilities, from logits: (M, B, ...) -> (B, ...).

    What follows goes on reading logits, and a softmax of them is the mean of the models' own.

    Args:
        dim: the axis of the classes, counted from the end: -1 of (M, B, K), -3 of (M, B, K, H, W).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim >= 0:
            raise ValueError(f"dim is counted from the end, below 0; got {dim}")
        self.dim = dim

    def forward(self, outputs: Tensor) -> Tensor:
        log_probabilities = torch.log_softmax(outputs, dim=self.dim)
        largest = log_probabilities.amax(0, keepdim=True)  # so that no exponential is 0 in all of them
        return (log_probabilities - largest).exp().mean(0).log() + largest.squeeze(0)
