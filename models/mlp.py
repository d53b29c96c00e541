"""Multilayer perceptron: fully connected layers.

Each hidden layer is linear, then optional normalisation, activation and dropout; a linear layer gives one score per
output. It knows nothing of neighbouring pixels, so it is the baseline that a network made for images has to beat.

Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", Nature 323, 1986.
https://doi.org/10.1038/323533a0
NOTE[DIFF] GELU or a relative in place of the sigmoid, whose gradient vanishes where it is flat.
NOTE[DIFF] layer normalisation (Ba et al. 2016, https://arxiv.org/abs/1607.06450) and dropout (Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html), both of which can be turned off.

When to choose it: tables, texts as TF-IDF, and small images of things that always stand in the same place; the first
network to try, and cheap. For tables of thousands of rows also try `periodic_mlp` and `tabm`.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them; normalisations begin with scales of
1 and shifts of 0.

Shapes: B batch, F features, O outputs.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import dense_layers


class Config(Hyperparameters):
    width: int = tunable(256, 32, 512, log=True, ge=1)  # units in every hidden layer
    depth: int = tunable(2, 1, 4, ge=1)  # hidden layers
    dropout: float = tunable(0.2, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit
    activation: str = choice("gelu", "relu", "gelu", "silu", "tanh", unsearched=ACTIVATIONS)  # activation function
    normalisation: str = choice("layer", "none", "layer")  # normalisation of every hidden layer


@final
class MLP(nn.Module):
    """(B, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (features,) = input_shape
        self.hidden = dense_layers(
            features, config.width, config.depth,
            activation=config.activation, normalisation=config.normalisation, dropout=config.dropout,
        )  # fmt: skip
        self.head = nn.Linear(config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.hidden(x))
        return scores
