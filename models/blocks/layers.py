"""Layers that several architectures share.

Shapes: B batch, F features, W units, C channels, M maps, H height, W width.
"""

import math
from collections.abc import Callable
from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS


@final
class GroupNorm(nn.GroupNorm):
    """Group normalisation that keeps its precision where a picture is nearly of one shade; Wu & He 2018.

    PyTorch takes the variance as the mean square less the square of the mean, two nearly equal numbers there: an output
    was off by 2e-4 in float32. Without the mean there is nothing to cancel.
    """

    def forward(self, input: Tensor) -> Tensor:
        # (B, M, H, W) -> (B, G, M / G, H, W)
        groups: Tensor = input.unflatten(1, (self.num_groups, -1))  # type: ignore[no-untyped-call]  # so is PyTorch's
        centred = groups - groups.mean((2, 3, 4), keepdim=True)
        return super().forward(centred.flatten(1, 2))


@final
class LocalResponseNorm(nn.Module):
    """Each unit over the sum of squares of `size` maps at its place; (B, M, H, W) -> (B, M, H, W).

    x / (k + alpha * sum of squares)^beta, with alpha as in the paper: nn.LocalResponseNorm divides it by `size`. That
    one also asks for the number of its inputs, a branch that a tracer warns of.

    Source: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
    section 3.3. https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks
    """

    def __init__(self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        before = self.size // 2
        squares = F.pad(x.square(), (0, 0, 0, 0, before, self.size - 1 - before))
        maps = x.shape[1]
        total = squares[:, :maps]
        for shift in range(1, self.size):
            total = total + squares[:, shift : shift + maps]
        return x * (self.k + self.alpha * total) ** -self.beta


UNIT_NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "layer": nn.LayerNorm,  # each example over its own units; Ba et al. 2016
}

MAP_NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,  # each map over the batch; Ioffe & Szegedy 2015
    "group": lambda maps: GroupNorm(math.gcd(maps, 8), maps),  # each example over groups of maps
}


def dense_layers(
    features: int, width: int, depth: int, *, activation: str, normalisation: str = "none", dropout: float = 0.0
) -> nn.Sequential:
    """Fully connected layers, each linear, normalisation, activation, dropout; (B, features) -> (B, width)."""
    layers: list[nn.Module] = []
    for fan_in in [features] + [width] * (depth - 1):
        layers += [
            nn.Linear(fan_in, width),
            UNIT_NORMALISATIONS[normalisation](width),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
        ]
    return nn.Sequential(*layers)


def conv_block(channels: int, maps: int, activation: str, normalisation: str, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, normalisation, activation; (B, C, H, W) -> (B, M, H / stride, W / stride), rounded up."""
    return nn.Sequential(
        nn.Conv2d(channels, maps, 3, stride=stride, padding=1, bias=False),  # the normalisation has a bias of its own
        MAP_NORMALISATIONS[normalisation](maps),
        ACTIVATIONS[activation](),
    )
