"""What recurrent networks share: initial weights, layers one above the other, and pooling over steps.

None of them has biases: the last feature of a step is 1 if the step is present and 0 if it is padding, and its weights
act as biases. A unit that has seen nothing but padding is still at 0, so the outputs do not depend on how much padding
stands in front.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units, D directions, H = D U, O outputs.
"""

from collections.abc import Callable, Iterable
from typing import final

import torch
from torch import Tensor, nn


@torch.no_grad()
def initialise_recurrent(layer: nn.RNNBase, open_gate: int | None = None) -> None:
    """Draw orthogonal recurrent weights, one matrix per gate; biases of 0, but of 1 for the gate that keeps the state.

    An orthogonal matrix neither shrinks nor enlarges what it is applied to again and again, so that gradients neither
    vanish nor explode at the start; Saxe, McClelland & Ganguli 2014, https://arxiv.org/abs/1312.6120. The other weights
    stay PyTorch's, uniform within 1 / sqrt(U).

    Args:
        layer: of one depth, without biases of its own, in any number of directions.
        open_gate: place of the gate that keeps the state in PyTorch's order: 1 in an LSTM and in a GRU.
    """
    for name, weights in layer.named_parameters():
        gates = weights.chunk(len(weights) // layer.hidden_size)
        if "weight_hh" in name:
            for gate in gates:
                nn.init.orthogonal_(gate)
        else:
            weights[:, -1] = 0
            if open_gate is not None:
                gates[open_gate][:, -1] = 1


@final
class RecurrentStack(nn.Module):
    """Recurrent layers, each with dropout behind it and the next one reading it: (B, T, F) -> (B, T, H).

    States of steps that are padding are 0 in what is returned.

    Args:
        layers: without biases, each reading the states of the one before and the mark of presence, H + 1 features.
        dropout: probability of zeroing a unit's output, behind every layer.
    """

    def __init__(self, layers: Iterable[nn.RNNBase], dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        present = x[:, :, -1:]  # (B, T, 1)
        for depth, layer in enumerate(self.layers):
            hidden, _ = layer(torch.cat([x, present], 2) if depth else x)
            x = self.dropout(hidden * present)  # (B, T, H)
        return x


def last_step(hidden: Tensor, present: Tensor) -> Tensor:
    """Of the last step that is present; (B, T, U) and (B, T, 1) -> (B, U)."""
    last = present * (present.cumsum(1) == present.sum(1, keepdim=True)).to(present.dtype)
    return (hidden * last).sum(1)


def first_step(hidden: Tensor, present: Tensor) -> Tensor:
    """Of the first step that is present; (B, T, U) and (B, T, 1) -> (B, U)."""
    first = present * (present.cumsum(1) == 1).to(present.dtype)
    return (hidden * first).sum(1)


def last_of_both(hidden: Tensor, present: Tensor) -> Tensor:
    """What either direction has read last, (B, T, 2 U) -> (B, 2 U): the backward one ends at the first step."""
    forward, backward = hidden.chunk(2, 2)
    return torch.cat([last_step(forward, present), first_step(backward, present)], 1)


def step_mean(hidden: Tensor, present: Tensor) -> Tensor:
    """Mean over the steps that are present; (B, T, U) and (B, T, 1) -> (B, U)."""
    return (hidden * present).sum(1) / present.sum(1).clamp(min=1)


Pooling = Callable[[Tensor, Tensor], Tensor]

POOLINGS: dict[str, Pooling] = {"last": last_step, "mean": step_mean}
BIDIRECTIONAL_POOLINGS: dict[str, Pooling] = {"last": last_of_both, "mean": step_mean}
