"""Bidirectional recurrent network: a layer reads from the beginning to the end, another from the end to the beginning.

At every step the states of both stand side by side, so that what is known of a step includes what follows it: a word
is understood from the whole sentence, a sound from the next one. It needs the whole sequence before it can answer.

Schuster & Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Transactions on Signal Processing 45(11), 1997.
https://doi.org/10.1109/78.650093
NOTE[DIFF] one output per sequence, read from the last state of either direction or from the mean; the paper has one per
    step.
NOTE[DIFF] several layers, with dropout behind each, can be chosen.
NOTE[DIFF] no biases: the weights of the last feature, 1 if a step is present and 0 if it is padding, act as biases.

When to choose it: short sequences that are there as a whole before anything is asked, such as words and short texts.
Longer ones are for `bilstm`.

Initial weights: recurrent ones orthogonal (Saxe et al. 2014), the others uniform within 1 / sqrt(U), biases 0.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units of a direction, O outputs.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import BIDIRECTIONAL_POOLINGS, RecurrentStack, initialise_recurrent


class Config(Hyperparameters):
    width: int = tunable(48, 16, 192, log=True, ge=1)  # units per layer and direction
    depth: int = tunable(1, 1, 3, ge=1)  # layers of either direction
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit's output, behind every layer
    activation: str = choice("tanh", "tanh", "relu")  # activation function
    pooling: str = choice("last", "last", "mean")  # states read by the output layer: read last, or their mean


@final
class BiRNN(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        layers = [
            nn.RNN(
                fan_in,
                config.width,
                nonlinearity=config.activation,
                bias=False,
                batch_first=True,
                bidirectional=True,
            )
            for fan_in in [features] + [2 * config.width + 1] * (config.depth - 1)
        ]
        for layer in layers:
            initialise_recurrent(layer)
        self.states = RecurrentStack(layers, config.dropout)  # (B, T, 2 U): of every step
        self.pool = BIDIRECTIONAL_POOLINGS[config.pooling]
        self.head = nn.Linear(2 * config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.states(x), x[:, :, -1:]))
        return scores
