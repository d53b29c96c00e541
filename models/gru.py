"""Gated recurrent unit: a recurrent network whose units decide, step by step, what to keep and what to replace.

Two gates between 0 and 1 are computed from the step and the last state: the update gate mixes the last state with a
new candidate, and the reset gate decides how much of the last state the candidate sees. A state that is kept is passed
on unchanged, and so is its gradient. It has no cell state beside the output, and three quarters of an LSTM's weights.

Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation", 2014.
https://arxiv.org/abs/1406.1078
NOTE[DIFF] PyTorch's variant: the reset gate multiplies the last state after the recurrent weights, not before them
    (https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html).
NOTE[DIFF] the update gate keeps at the start, as an LSTM's forget gate is open (Jozefowicz, Zaremba & Sutskever 2015,
    https://proceedings.mlr.press/v37/jozefowicz15.html).
NOTE[DIFF] several layers, with dropout behind each, can be chosen.
NOTE[DIFF] no biases: the weights of the last feature, 1 if a step is present and 0 if it is padding, act as biases.

When to choose it: sequences and texts, as the first recurrent network to try: it keeps as long as `lstm` does and costs
less.

Initial weights: recurrent ones orthogonal as in the paper, the others uniform within 1 / sqrt(U), biases 0 but for the
update gate's of 1.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units, O outputs.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import POOLINGS, RecurrentStack, initialise_recurrent

UPDATE_GATE = 1  # its place among PyTorch's gates: reset, update, candidate


class Config(Hyperparameters):
    width: int = tunable(64, 16, 256, log=True, ge=1)  # units per layer
    depth: int = tunable(1, 1, 3, ge=1)  # layers
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit's output, behind every layer
    pooling: str = choice("last", "last", "mean")  # states read by the output layer: of the last step, or their mean


@final
class GRU(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        layers = [
            nn.GRU(fan_in, config.width, bias=False, batch_first=True)
            for fan_in in [features] + [config.width + 1] * (config.depth - 1)
        ]
        for layer in layers:
            initialise_recurrent(layer, open_gate=UPDATE_GATE)
        self.states = RecurrentStack(layers, config.dropout)  # (B, T, U): of every step
        self.pool = POOLINGS[config.pooling]
        self.head = nn.Linear(config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.states(x), x[:, :, -1:]))
        return scores
