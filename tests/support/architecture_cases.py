"""What each architecture is made to answer, so that a new one is held to the same promises by being a row.

Shapes: B batch, O outputs.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.blocks.losses import cross_entropy, pixel_cross_entropy, squared_error

OUTPUTS = 4


class Purpose(NamedTuple):
    """What a network is made to answer."""

    truth: Callable[[Tensor], Tensor]  # what to learn of examples (B, ...)
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]  # (network, examples, truth) -> scalar


def classes(x: Tensor) -> Tensor:
    return torch.arange(len(x)) % OUTPUTS


def numbers(x: Tensor) -> Tensor:
    return torch.randn(len(x), OUTPUTS, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)


def classes_of_pixels(x: Tensor) -> Tensor:
    """How bright a pixel is, in quarters: (B, H, W)."""
    return torch.bucketize(x[:, 0].contiguous(), torch.tensor([-0.67, 0.0, 0.67]))


def of_two_kinds(x: Tensor) -> Tensor:
    """What a generator can say about an example is little: which of few it is. (B, O)"""
    return (torch.arange(len(x)) % 2 - 0.5)[:, None].expand(len(x), OUTPUTS)


def pictures(x: Tensor) -> Tensor:
    """All of one tone, that of the example's mean: (B, O, H, W)."""
    tone = 8 * x.mean((1, 2, 3))
    return tone[:, None, None, None].expand(len(x), OUTPUTS, *x.shape[2:])


CLASSES = Purpose(classes, lambda network, x, y: cross_entropy(network(x), y))
PIXELS = Purpose(classes_of_pixels, lambda network, x, y: pixel_cross_entropy(network(x), y))
NUMBERS = Purpose(numbers, lambda network, x, y: squared_error(network(x), y))
PICTURES = Purpose(pictures, lambda network, x, y: squared_error(network(x), y))
DRAWINGS = Purpose(of_two_kinds, lambda network, x, y: network.elbo(y))
PURPOSES = {  # of those that are not for classes
    "linear_regression": NUMBERS,
    "pixel_logistic_regression": PIXELS,
    "unet": PIXELS,
    "pca": NUMBERS,
    "autoencoder": NUMBERS,
    "conv_autoencoder": PICTURES,
    "gaussian": NUMBERS,
    "vae": DRAWINGS,
    "gan": NUMBERS,
}


def purpose(name: str) -> Purpose:
    return PURPOSES.get(name, CLASSES)
