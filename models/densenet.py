"""DenseNet: every layer reads the maps of all layers before it, 121 to 201 layers deep.

Within a block nothing is added up and nothing is computed twice: each layer reads all maps so far and appends a few
new ones (the growth rate). Between blocks a transition halves their number and the image. As each layer is short of
the output and of the input by a step only, few maps per layer suffice.

Huang, Liu, van der Maaten & Weinberger, "Densely Connected Convolutional Networks", 2017.
https://arxiv.org/abs/1608.06993

With width 1, an image of 3x224x224 and 1000 classes these are the paper's networks (table 1, DenseNet-BC, growth rate
32): DenseNet-121 has 7,978,856 weights.
NOTE[DIFF] smaller images: strides and pools are left out by the rule of models/blocks/scaling.py, the earliest first;
    a first convolution without a stride is 3x3 instead of 7x7, as in the paper's networks for CIFAR-10.
NOTE[DIFF] a depth of 21, two layers per block, for small problems; width is a factor on the first maps and on the
    growth rate, which by default is 8 (the paper tries 12 and more on CIFAR-10).
NOTE[DIFF] dropout before the output layer; the paper's stands behind every convolution, where data is not augmented.

When to choose it: images where parameters must be few for the accuracy, or examples are; it needs more memory in
training than its size says, since all maps are kept.

Initial weights: He's (2015), as in the paper; the output layer's have a deviation of 0.01.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from typing import final

import torch
from pydantic import field_validator
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.initialisation import init_he_normal
from models.blocks.scaling import check_option, kept_strides, scaled_maps

FIRST_MAPS = 64
GROWTH_RATE = 32  # maps that a layer appends
BOTTLENECK = 4  # maps between a layer's two convolutions / growth rate
DEPTHS = {  # -> dense layers of each block; table 1
    21: (2, 2, 2, 2),
    121: (6, 12, 24, 16),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
}


class Config(Hyperparameters):
    depth: int = choice(21, 21, 121, 169)  # layers with weights: 21, 121, 169 or 201
    width: float = tunable(0.25, 0.125, 1.0, log=True, gt=0)  # multiple of the paper's first maps and growth rate
    dropout: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a mean before the output layer

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        return check_option(depth, DEPTHS)


@final
class DenseLayer(nn.Module):
    """Appends maps that are computed from all so far; (B, M, H, W) -> (B, M + growth, H, W)."""

    def __init__(self, fan_in: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_normalised_convolution(fan_in, BOTTLENECK * growth, 1),
            *_normalised_convolution(BOTTLENECK * growth, growth, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


@final
class DenseNet(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        # Of the first convolution, the pool, and the three transitions
        first_stride, pool_stride, *transition_strides = kept_strides("densenet", height, width, (2,) * 5)
        maps, growth = (scaled_maps(count, config.width) for count in (FIRST_MAPS, GROWTH_RATE))
        kernel = 7 if first_stride > 1 else 3
        self.stem = nn.Sequential(
            nn.Conv2d(channels, maps, kernel, first_stride, kernel // 2, bias=False),
            nn.BatchNorm2d(maps),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1) if pool_stride > 1 else nn.Identity(),
        )
        layers: list[nn.Module] = []
        for block, count in enumerate(DEPTHS[config.depth]):
            if block:
                layers += _normalised_convolution(maps, maps // 2, 1)  # a transition
                layers += [nn.AvgPool2d(2)] * (transition_strides[block - 1] > 1)
                maps //= 2
            for _ in range(count):
                layers.append(DenseLayer(maps, growth))
                maps += growth
        self.blocks = nn.Sequential(*layers, nn.BatchNorm2d(maps), nn.ReLU())
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(maps, outputs)
        init_he_normal(self, self.head)

    def forward(self, x: Tensor) -> Tensor:
        means = self.blocks(self.stem(x)).mean((2, 3))  # (B, M)
        scores: Tensor = self.head(self.dropout(means))
        return scores


def _normalised_convolution(fan_in: int, fan_out: int, kernel: int) -> list[nn.Module]:
    """Batch normalisation, ReLU, convolution: in this order, since every layer normalises what it reads by itself."""
    return [
        nn.BatchNorm2d(fan_in),
        nn.ReLU(),
        nn.Conv2d(fan_in, fan_out, kernel, padding=kernel // 2, bias=False),
    ]
