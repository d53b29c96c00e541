"""Attention: weighted means whose weights are computed from what is averaged.

Shapes: B batch, T steps, W width, N heads, S = W / N size of a head.
"""

from collections.abc import Callable
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ABSENT_SCORE = 1e4  # taken off the score of a step that is not there: its share is exp(-10,000) = 0
FEEDFORWARD_FACTOR = 4  # units of the feed-forward layers, in widths; Vaswani et al. 2017: 2,048 of 512


def presence_bias(present: Tensor) -> Tensor:
    """What is added to scores before a softmax: 0 where 1 (present), -10,000 where 0 (padding); any shape.

    A finite number, so that a softmax over nothing but padding is defined.
    """
    return (present - 1) * ABSENT_SCORE


@final
class MultiHeadAttention(nn.Module):
    """Scaled dot-product self-attention in several heads, (B, T, W) -> (B, T, W).

    Every step asks (a query), every step offers (a key), and what is given (a value) is averaged with weights that are
    the softmax of the products of the query and all keys.

    Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2. https://arxiv.org/abs/1706.03762
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)  # queries, keys and values
        self.dropout = nn.Dropout(dropout)  # of attention weights
        self.project_out = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.project_in.weight)
        for linear in (self.project_in, self.project_out):
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attend; bias, (B, 1, 1, T), is added to the scores of each step that may be read."""
        query, key, value = self._project(x)
        mean = self.dropout(self._compare(query, key, bias)) @ value  # (B, N, T, S)
        attended: Tensor = self.project_out(mean.transpose(1, 2).flatten(2))
        return attended

    def weights(self, x: Tensor, bias: Tensor) -> Tensor:
        """How much every step takes of each step, (B, N, T, T); shares that sum to 1 over the last axis."""
        query, key, _ = self._project(x)
        return self._compare(query, key, bias)

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of every head, (B, N, T, S) each."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.project_in(x).chunk(3, 2)
        )
        return query, key, value

    def _compare(self, query: Tensor, key: Tensor, bias: Tensor) -> Tensor:
        scores = query @ key.transpose(2, 3) * key.shape[3] ** -0.5 + bias  # (B, N, T, T)
        shares: Tensor = scores.softmax(3)
        return shares


@final
class EncoderLayer(nn.Module):
    """Self-attention, then two dense layers at every step alone, each added to what it read; (B, T, W) -> (B, T, W).

    Args:
        width: W, a multiple of the heads.
        heads: N.
        dropout: probability of zeroing an attention weight, a unit of the dense layers, or a number before it is added.
        activation: between the two dense layers.
        normalise_first: layer normalisation of what is read (Xiong et al. 2020, https://arxiv.org/abs/2002.04745),
            which needs no slow start of the learning rate; else of each sum, as Vaswani et al. 2017 have it.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        dropout: float,
        activation: Callable[[Tensor], Tensor] = F.gelu,
        normalise_first: bool = True,
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads, dropout)
        self.widen = nn.Linear(width, FEEDFORWARD_FACTOR * width)
        self.narrow = nn.Linear(FEEDFORWARD_FACTOR * width, width)
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.activation = activation
        self.normalise_first = normalise_first

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        if self.normalise_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), bias))
            return x + self._feed_forward(self.feedforward_norm(x))
        x = self.attention_norm(x + self.dropout(self.attention(x, bias)))
        normalised: Tensor = self.feedforward_norm(x + self._feed_forward(x))
        return normalised

    def _feed_forward(self, x: Tensor) -> Tensor:
        narrowed: Tensor = self.dropout(self.narrow(self.dropout(self.activation(self.widen(x)))))
        return narrowed


def sinusoidal_positions(distance: Tensor, width: int) -> Tensor:
    """Sines and cosines of a distance at wavelengths from 2 pi to 20,000 pi, side by side; (T,) -> (T, W).

    Source: Vaswani et al. 2017, section 3.5.
    """
    rates = 10_000 ** (-torch.arange(0, width, 2, device=distance.device, dtype=distance.dtype) / width)
    angles = distance[:, None] * rates  # (T, W / 2)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]
