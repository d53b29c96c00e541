"""Multilayer perceptron: layers in which every unit looks at every unit of the layer before.

Each hidden layer multiplies by a matrix, optionally normalises, bends the result and, in training, forgets a part of
it; a last matrix gives one score per output. It knows nothing of neighbouring pixels, so it is what a network
made for images has to beat.

Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", Nature 323, 1986.
https://doi.org/10.1038/323533a0
NOTE[DIFF] GELU or a relative in place of the sigmoid, which stalls where it is flat.
NOTE[DIFF] layer normalisation (Ba et al. 2016, https://arxiv.org/abs/1607.06450) and dropout (Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html), both of which can be turned off.

Shapes: B batch, F features, O outputs.
"""

from collections.abc import Callable

from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable

NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "layer": nn.LayerNorm,  # each example over its own units, so that a batch of one is as good as any
}


class Config(Hyperparameters):
    width: int = tunable(256, 32, 512, log=True, ge=1)  # units in every hidden layer
    depth: int = tunable(2, 1, 4, ge=1)  # hidden layers
    dropout: float = tunable(0.2, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit
    activation: str = choice("gelu", "relu", "gelu", "silu", "tanh")  # what bends the line
    normalisation: str = choice("layer", "none", "layer")  # what keeps the scale of a layer steady


class MLP(nn.Module):
    """(B, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (features,) = input_shape
        layers: list[nn.Module] = []
        for fan_in in [features] + [config.width] * (config.depth - 1):
            layers += [
                nn.Linear(fan_in, config.width),
                NORMALISATIONS[config.normalisation](config.width),
                ACTIVATIONS[config.activation](),
                nn.Dropout(config.dropout),
            ]
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.hidden(x))
        return scores
