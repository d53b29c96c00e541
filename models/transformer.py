"""Transformer encoder: every step looks at every other, layer after layer.

In each layer every step takes a weighted mean of all steps, with weights that it computes from what stands there
(attention), and passes the sum through two dense layers of its own. No state is carried from step to step: the far past
is as near as the last step, and all steps are computed at once. The order is known from sines and cosines of the
position that are added to the input.

Vaswani et al., "Attention Is All You Need", 2017. https://arxiv.org/abs/1706.03762
NOTE[DIFF] the encoder alone, with a linear output layer on the mean over the steps or on the last one; the paper has a
    decoder behind it.
NOTE[DIFF] layer normalisation of what a sublayer reads, which trains without warm-up (Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745), and GELU; `normalisation: after` normalises each sum, as the paper does.
NOTE[DIFF] positions count from the end, so that padding in front changes nothing; a step that is not there is not seen.
NOTE[DIFF] inputs are features, and a linear layer without biases takes the place of the word embeddings: the weights of
    the last feature, 1 if a step is present, act as biases.

When to choose it: sequences and texts in which far steps belong together, with thousands of examples. With few of them
a recurrent network or `rocket` learns more.

Initial weights: of queries, keys and values Xavier uniform, all others uniform within 1 / sqrt(fan in).

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), W width, O outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.attention import EncoderLayer, presence_bias, sinusoidal_positions
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import POOLINGS


class Config(Hyperparameters):
    heads: int = tunable(4, 1, 8, ge=1)  # attention heads of a layer; the paper's 8
    head_size: int = choice(16, 8, 16, 32, ge=1)  # numbers per head: the width is heads * head_size; the paper's 64
    depth: int = tunable(2, 1, 4, ge=1)  # layers; the paper's 6
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit or an attention weight
    normalisation: str = choice("before", "before", "after")  # layer normalisation before or after each sublayer
    pooling: str = choice("mean", "mean", "last")  # steps read by the output layer: their mean, or the last


@final
class Transformer(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        width = config.heads * config.head_size
        normalise_first = config.normalisation == "before"
        self.embed = nn.Linear(features, width, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(width, config.heads, config.dropout, normalise_first=normalise_first)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width) if normalise_first else nn.Identity()  # else the last layer ends with one
        self.pool = POOLINGS[config.pooling]
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        present = x[:, :, -1:]
        scores: Tensor = self.head(self.pool(self.states(x) * present, present))
        return scores

    def states(self, x: Tensor) -> Tensor:
        """What the last layer gives at every step, (B, T, F) -> (B, T, W)."""
        bias = presence_bias(x[:, :, -1])[:, None, None, :]  # (B, 1, 1, T)
        embedded: Tensor = self.embed(x)
        from_end = torch.arange(x.shape[1] - 1, -1, -1, device=x.device, dtype=x.dtype)
        x = self.dropout(embedded + sinusoidal_positions(from_end, embedded.shape[2]))
        for layer in self.layers:
            x = layer(x, bias)
        normalised: Tensor = self.norm(x)
        return normalised
