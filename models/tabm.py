"""TabM: many multilayer perceptrons in one, for tables.

Its submodels share nearly all weights. Each has numbers of its own that scale what a layer reads and what it writes, a
rank-one change of the layer's matrix (BatchEnsemble), and an output layer of its own. Each learns from its own loss;
the answer is the mean of all: the submodels overfit each in its own way, and their mean less. On tables it is among the
best networks, at the price of one network that reads every row several times.

Gorishniy, Kotelnikov & Babenko, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling", 2025.
https://arxiv.org/abs/2410.24210
Wen, Tran & Ba, "BatchEnsemble", 2020. https://arxiv.org/abs/2002.06715
NOTE[DIFF] scores are averaged, of classes too; the paper averages probabilities.
NOTE[DIFF] no embeddings of numbers; those of periodic_mlp are a network of their own.

When to choose it: a table of a thousand rows or more, where the accuracy is worth several times the training of one
`mlp`.

Initial weights: the paper's: the first layer's input scales are 1 or -1 at random, which makes the submodels differ;
all other scales are 1; weights and biases are uniform up to 1 / sqrt(fan in), biases the same in all submodels.

Shapes: B batch, F features, K submodels, W units, O outputs.
"""

import math
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.auxiliary_heads import HasSubmodels
from models.blocks.hyperparameters import Hyperparameters, choice, tunable


class Config(Hyperparameters):
    submodels: int = choice(32, 8, 16, 32, ge=1)  # perceptrons in one
    width: int = tunable(256, 32, 512, log=True, ge=1)  # units in every hidden layer
    depth: int = tunable(2, 1, 4, ge=1)  # hidden layers
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit
    activation: str = choice("relu", "relu", "gelu", "silu", unsearched=ACTIVATIONS)  # activation function


@final
class SharedLinear(nn.Module):
    """A linear layer of every submodel, (B, K, F) -> (B, K, W): one matrix, and scales and biases of their own.

    Attributes:
        weight: shared, (W, F).
        input_scale: (K, F).
        output_scale: (K, W).
        bias: (K, W).
    """

    def __init__(self, features: int, width: int, submodels: int, *, is_first: bool) -> None:
        super().__init__()
        bound = 1 / math.sqrt(features)
        signs = 2.0 * torch.randint(2, (submodels, features)) - 1
        self.weight = nn.Parameter(torch.empty(width, features).uniform_(-bound, bound))
        self.input_scale = nn.Parameter(signs if is_first else torch.ones(submodels, features))
        self.output_scale = nn.Parameter(torch.ones(submodels, width))
        self.bias = nn.Parameter(torch.empty(width).uniform_(-bound, bound).repeat(submodels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x * self.input_scale, self.weight) * self.output_scale + self.bias


@final
class TabM(HasSubmodels):
    """(B, F) -> (B, O): the mean of the submodels' outputs.

    Attributes:
        weight: of the submodels' output layers, (K, W, O).
        bias: (K, 1, O).
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (features,) = input_shape
        layers: list[nn.Module] = []
        for fan_in in [features] + [config.width] * (config.depth - 1):
            layers += [
                SharedLinear(fan_in, config.width, config.submodels, is_first=not layers),
                SharedActivation(config.activation),
                nn.Dropout(config.dropout),
            ]
        self.hidden = nn.Sequential(*layers)
        bound = 1 / math.sqrt(config.width)
        self.weight = nn.Parameter(torch.empty(config.submodels, config.width, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(config.submodels, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return self.submodel_outputs(x).mean(0)

    def submodel_outputs(self, x: Tensor) -> Tensor:
        """What every submodel gives, (K, B, O), each of which the training loss reads."""
        units = self.hidden(x[:, None, :])  # (B, K, W)
        return torch.baddbmm(self.bias, units.transpose(0, 1), self.weight)


@final
class SharedActivation(nn.Module):
    """An activation function of the units of every submodel, (B, K, W)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[name]()

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.activation(x.flatten(0, 1)).unflatten(0, (-1, x.shape[1]))
        return activated
