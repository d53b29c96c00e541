"""Patch transformer: a transformer encoder over patches of an image or of a series.

A patch is a square of pixels or a stretch of steps, flattened and projected to a vector; a learned vector says where it
stood. Attention over a few dozen patches costs little where attention over every pixel would cost too much, and a patch
means more than a pixel. A learned class token is put in front, and the output layer reads what becomes of it.

Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale" (ViT), 2021.
https://arxiv.org/abs/2010.11929
Nie et al., "A Time Series is Worth 64 Words: Long-term Forecasting with Transformers" (PatchTST), 2023.
https://arxiv.org/abs/2211.14730

An image of one pixel's width is a series: its height is time, its channels are the variables, and the last channel is 1
where a step is present. Patches are then stretches of `patch` steps.
NOTE[DIFF] an image or series that is no multiple of the patch is padded: an image by repeating its lower and right
    border, a series by steps that are not there, in front. A patch is never larger than the image.
NOTE[DIFF] series: a patch holds all variables, and patches do not overlap; the second paper reads each variable by
    itself, in patches that overlap by half, and its output layer reads all patches.
NOTE[DIFF] patches of a series in which no step is present are not seen.
NOTE[DIFF] no hidden layer before the output layer, as in the paper's fine-tuning.

With patch 16, heads 12, head_size 64, depth 12 and images of 224x224 it is the paper's ViT-B/16.

When to choose it: images and long series with many examples: it knows nothing of neighbourhoods beforehand and must
learn them. With few examples `resnet` or `tcn` is better.

Initial weights: class token and positions normal with deviation 0.02, queries, keys and values Xavier uniform, all
others uniform within 1 / sqrt(fan in).

Shapes: B batch, C channels, H height, L width of the image, P patches, W width of the network, O outputs.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.attention import EncoderLayer, presence_bias
from models.blocks.hyperparameters import Hyperparameters, choice, tunable

LAYER_NORM_EPSILON = 1e-6


class Config(Hyperparameters):
    patch: int = tunable(4, 2, 16, log=True, ge=1)  # pixels of a patch's side, or steps
    heads: int = tunable(4, 1, 8, ge=1)  # attention heads of a layer
    head_size: int = choice(16, 8, 16, 32, ge=1)  # numbers per head, so that the width is heads * head_size
    depth: int = tunable(3, 1, 4, ge=1)  # layers
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit or an attention weight


@final
class PatchTransformer(nn.Module):
    """(B, C, H, L) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, length = input_shape
        width = config.heads * config.head_size
        self.is_series = length == 1
        sides = (min(config.patch, height), min(config.patch, length))
        self.padding = (-height % sides[0], -length % sides[1])
        patches = -(-height // sides[0]) * -(-length // sides[1])
        self.embed = nn.Conv2d(channels, width, sides, stride=sides)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, patches + 1, width))
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(EncoderLayer(width, config.heads, config.dropout) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, LAYER_NORM_EPSILON)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        below, right = self.padding
        if self.is_series:
            x = F.pad(x, (0, 0, below, 0))
        elif below or right:
            x = F.pad(x, (0, right, 0, below), mode="replicate")
        tokens = self.embed(x).flatten(2).transpose(1, 2)  # (B, P, W)
        tokens = torch.cat([self.class_token.expand(x.shape[0], -1, -1), tokens], 1) + self.positions
        tokens, bias = self.dropout(tokens), self._presence_bias(x)
        for layer in self.layers:
            tokens = layer(tokens, bias)
        scores: Tensor = self.head(self.norm(tokens[:, 0]))
        return scores

    def _presence_bias(self, x: Tensor) -> Tensor:
        """0 for the class token and every patch with a step that is present, (B, 1, 1, P + 1)."""
        if not self.is_series:
            return x.new_zeros(1)
        present = F.max_pool2d(x[:, -1:], self.embed.stride).flatten(2).unsqueeze(1)  # (B, 1, 1, P)
        return F.pad(presence_bias(present), (1, 0))
