"""Recurrent neural network: a layer of units that reads, at every step, the step and its own last outputs.

The same weights are used at every step, so a sequence of any length is read by a network of one size. Unfolded over
time it is a deep network, one layer per step, and back-propagation through that whole depth (BPTT) is its exact
gradient. Going back, the gradient is multiplied by the recurrent weights once per step: it vanishes or explodes with
the distance, which is what `lstm` and `gru` were invented against.

Rumelhart, Hinton & Williams, "Learning Internal Representations by Error Propagation", in Parallel Distributed
Processing 1, 1986, page 354. https://doi.org/10.7551/mitpress/5236.003.0012
Werbos, "Backpropagation Through Time: What It Does and How to Do It", Proc. IEEE 78(10), 1990.
https://doi.org/10.1109/5.58337
NOTE[DIFF] tanh instead of the logistic function: its outputs are centred on 0. ReLU can be chosen (Le, Jaitly & Hinton
    2015, https://arxiv.org/abs/1504.00941).
NOTE[DIFF] several layers, with dropout behind each, can be chosen.
NOTE[DIFF] no biases: the weights of the last feature, 1 if a step is present and 0 if it is padding, act as biases.

When to choose it: sequences of up to some dozen steps, or as the plain network that the gated ones are compared with.

Initial weights: recurrent ones orthogonal (Saxe et al. 2014), the others uniform within 1 / sqrt(U), biases 0.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units, O outputs.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import POOLINGS, RecurrentStack, initialise_recurrent


class Config(Hyperparameters):
    width: int = tunable(64, 16, 256, log=True, ge=1)  # units per layer
    depth: int = tunable(1, 1, 3, ge=1)  # layers
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit's output, behind every layer
    activation: str = choice("tanh", "tanh", "relu")  # activation function
    pooling: str = choice("last", "last", "mean")  # states read by the output layer: of the last step, or their mean


@final
class RNN(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        layers = [
            nn.RNN(fan_in, config.width, nonlinearity=config.activation, bias=False, batch_first=True)
            for fan_in in [features] + [config.width + 1] * (config.depth - 1)
        ]
        for layer in layers:
            initialise_recurrent(layer)
        self.states = RecurrentStack(layers, config.dropout)  # (B, T, U): of every step
        self.pool = POOLINGS[config.pooling]
        self.head = nn.Linear(config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.states(x), x[:, :, -1:]))
        return scores
