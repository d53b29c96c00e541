"""Elman network: hidden units that read, beside the step, a copy of what they were at the last step.

The copy stands in context units, which are inputs like any other: ordinary back-propagation trains the weights from
them and does not ask how the copy came about. So nothing teaches the network to keep for later what it does not need
now; what it remembers, it remembers by the way. Against it, `rnn` follows the gradient through all steps.

Elman, "Finding Structure in Time", Cognitive Science 14(2), 1990. https://doi.org/10.1207/s15516709cog1402_1
NOTE[DIFF] tanh instead of the logistic function, and context units of 0 at the start instead of 0.5.
NOTE[DIFF] one output per sequence, read from the last state or from their mean; the paper has one per step.
NOTE[DIFF] dropout before the output layer.
NOTE[DIFF] no biases: the weights of the last feature, 1 if a step is present and 0 if it is padding, act as biases.

When to choose it: to study what a network remembers without being taught to, and for history. For anything that must be
kept for more than a few steps take `gru` or `lstm`.

Initial weights: context weights orthogonal (Saxe et al. 2014), the others uniform within 1 / sqrt(U), biases 0.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units, O outputs.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import POOLINGS, initialise_recurrent


class Config(Hyperparameters):
    width: int = tunable(64, 16, 256, log=True, ge=1)  # hidden units, and as many context units
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a hidden unit's output
    pooling: str = choice("last", "last", "mean")  # states read by the output layer: of the last step, or their mean


@final
class Elman(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        self.units = nn.RNN(features, config.width, bias=False, batch_first=True)
        initialise_recurrent(self.units)
        self.dropout = nn.Dropout(config.dropout)
        self.pool = POOLINGS[config.pooling]
        self.head = nn.Linear(config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.dropout(self.pool(self.states(x), x[:, :, -1:])))
        return scores

    def states(self, x: Tensor) -> Tensor:
        """Outputs of the hidden units at every step, (B, T, F) -> (B, T, U); no gradient passes from step to step.

        They are computed twice where gradients are wanted: in order and without gradients, which is where the copies
        come from, and from these for all steps at once. Either is one call, where a loop over the steps is T of them.
        """
        with torch.no_grad():
            in_order: Tensor = self.units(x)[0]
        if not torch.is_grad_enabled():
            return in_order
        context = F.pad(in_order[:, :-1], (0, 0, 1, 0))  # (B, T, U): the copies; 0 before the first step
        step_weights, context_weights = self.units.all_weights[0]
        return torch.tanh(F.linear(x, step_weights) + F.linear(context, context_weights))
