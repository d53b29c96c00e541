"""Long short-term memory: a gated recurrent network.

Every unit keeps a cell state. At each step three gates between 0 and 1, computed from the step and the last outputs,
decide how much of the state is kept (forget gate), how much of the step is added (input gate), and how much of the
state is output (output gate).

Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997.
https://doi.org/10.1162/neco.1997.9.8.1735
NOTE[DIFF] the forget gate (Gers, Schmidhuber & Cummins 2000, https://doi.org/10.1162/089976600300015015), open at
    the start (Jozefowicz, Zaremba & Sutskever 2015, https://proceedings.mlr.press/v37/jozefowicz15.html).
NOTE[DIFF] the exact gradient through all steps, where the paper cuts it off.
NOTE[DIFF] several layers, with dropout between them (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329), and a
    second direction, from the end to the beginning (Graves & Schmidhuber 2005,
    https://doi.org/10.1016/j.neunet.2005.06.042) can be chosen.
NOTE[DIFF] there are no biases: the last feature of a step is 1 if the step is present and 0 if it is padding, and its
    weights act as biases. A unit that has seen nothing but padding is then still at 0, and the outputs do not depend on
    how much padding stands in front. A step that is missing inside a sequence only lets the state decay.
Initial weights: PyTorch's, uniform within 1 / sqrt(U); biases 0 but for the forget gate's of 1. Over hundreds of steps,
    clip gradients (`gradient_clip`) and read the mean of all steps (`pooling`).

When to choose it: sequences and texts where something must be kept for tens to some hundred steps. `gru` is smaller and
often as good; `tcn` is faster on long ones.

Initial weights: uniform within 1 / sqrt(U), those of the last feature, which act as biases, 0 but for the forget gate's
of 1; the output layer uniform within 1 / sqrt(fan in).

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units, D directions, O outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable


class Config(Hyperparameters):
    width: int = tunable(64, 16, 256, log=True, ge=1)  # units per layer and direction
    depth: int = tunable(1, 1, 3, ge=1)  # layers
    dropout: float = tunable(0.2, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit's output, behind every layer
    bidirectional: bool = choice(True, False, True)  # also read from the end to the beginning
    pooling: str = choice("last", "last", "mean")  # outputs read by the last layer: of the last step, or the mean


@final
class LSTM(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        hidden_size = config.width * (2 if config.bidirectional else 1)
        self.width = config.width
        self.mean_pooling = config.pooling == "mean"
        self.layers = nn.ModuleList(
            nn.LSTM(fan_in, config.width, bias=False, batch_first=True, bidirectional=config.bidirectional)
            for fan_in in [features] + [hidden_size + 1] * (config.depth - 1)
        )
        for name, weights in self.layers.named_parameters():
            if "weight_ih" in name:  # (4 U, F): the gates in, forget, cell, out; the last column is the bias
                nn.init.zeros_(weights[:, -1])
                nn.init.ones_(weights[self.width : 2 * self.width, -1])
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(hidden_size, outputs)

    def forward(self, x: Tensor) -> Tensor:
        present = x[:, :, -1:]  # (B, T, 1)
        for depth, layer in enumerate(self.layers):
            hidden, _ = layer(x if depth == 0 else torch.cat([x, present], 2))
            x = self.dropout(hidden * present)  # (B, T, D U)
        scores: Tensor = self.head(
            self._mean_over_steps(x, present) if self.mean_pooling else self._last_step(x, present)
        )
        return scores

    def _mean_over_steps(self, hidden: Tensor, present: Tensor) -> Tensor:
        """Mean over the steps that are present, (B, D U)."""
        return hidden.sum(1) / present.sum(1).clamp(min=1)

    def _last_step(self, hidden: Tensor, present: Tensor) -> Tensor:
        """Output of each direction after the last step that it read, (B, D U): the backward one ends at the first."""
        steps_so_far = present.cumsum(1)
        first = present * (steps_so_far == 1).to(present.dtype)
        last = present * (steps_so_far == present.sum(1, keepdim=True)).to(present.dtype)
        return torch.cat([(hidden * last)[:, :, : self.width].sum(1), (hidden * first)[:, :, self.width :].sum(1)], 1)
