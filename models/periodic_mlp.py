"""Multilayer perceptron on periodic embeddings of every number (PLR embeddings).

A network finds it hard to learn what changes quickly with a number, as the price of a house does with its latitude; a
tree needs one split for it. Here every number is expanded into sines and cosines of learned frequencies, mixed by a
small linear layer of its own with a ReLU behind it. On tables this closes most of the gap to gradient boosting.

Gorishniy, Rubachev & Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022.
https://arxiv.org/abs/2203.05556
NOTE[DIFF] the number itself is kept beside its embedding.
NOTE[DIFF] inputs that are not numbers (one-hot categories, marks of missing values) are embedded as well: a network
    does not know which input is what, and two values stay two values.

When to choose it: a table whose target changes quickly with some number (places, times, prices), with thousands of
rows. With a few hundred rows it has more to fit than `mlp`, for little.

Initial weights: frequencies normal with the deviation `frequency`, as in the paper; weights of the embeddings normal
with the variance 1 / (2 K), their biases 0; the dense layers uniform within 1 / sqrt(fan in), biases too, as PyTorch
draws them.

Shapes: B batch, F features, K frequencies, D numbers of each feature's embedding, O outputs.
"""

import math
from typing import final

import torch
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import dense_layers

EMBEDDING_DIM = 8  # D


class Config(Hyperparameters):
    width: int = tunable(256, 32, 512, log=True, ge=1)  # units in every hidden layer
    depth: int = tunable(2, 1, 4, ge=1)  # hidden layers
    dropout: float = tunable(0.2, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit
    activation: str = choice("gelu", "relu", "gelu", "silu", unsearched=ACTIVATIONS)  # activation function
    normalisation: str = choice("layer", "none", "layer")  # normalisation of every hidden layer
    waves: int = choice(16, 8, 16, 32, ge=1)  # frequencies per number
    frequency: float = tunable(0.5, 0.05, 2.0, log=True, gt=0)  # standard deviation of the initial frequencies


@final
class PeriodicMLP(nn.Module):
    """(B, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (features,) = input_shape
        self.frequencies = nn.Parameter(config.frequency * torch.randn(features, 1, config.waves))
        self.weights = nn.Parameter(
            torch.randn(features, 2 * config.waves, EMBEDDING_DIM) / math.sqrt(2 * config.waves)
        )
        self.bias = nn.Parameter(torch.zeros(features, 1, EMBEDDING_DIM))
        self.hidden = dense_layers(
            features * (EMBEDDING_DIM + 1), config.width, config.depth,
            activation=config.activation, normalisation=config.normalisation, dropout=config.dropout,
        )  # fmt: skip
        self.head = nn.Linear(config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        angles = 2 * math.pi * self.frequencies * x.T.unsqueeze(2)  # (F, B, K)
        waves = torch.cat([torch.sin(angles), torch.cos(angles)], 2)
        embedded = torch.relu(torch.baddbmm(self.bias, waves, self.weights))  # (F, B, D)
        scores: Tensor = self.head(self.hidden(torch.cat([x, embedded.transpose(0, 1).flatten(1)], 1)))
        return scores
