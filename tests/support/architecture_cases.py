"""What each architecture is made to answer, so that a new one is held to the same promises by being a row.

Shapes: B batch, O outputs.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.blocks.losses import cross_entropy, pixel_cross_entropy, squared_error

HEAD_WIDTH = 4


class ToyProblem(NamedTuple):
    """What a network is made to answer."""

    make_target: Callable[[Tensor], Tensor]  # what to learn of examples (B, ...)
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]  # (network, examples, truth) -> scalar


def class_targets(x: Tensor) -> Tensor:
    return torch.arange(len(x)) % HEAD_WIDTH


def number_targets(x: Tensor) -> Tensor:
    return torch.randn(len(x), HEAD_WIDTH, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)


def pixel_class_targets(x: Tensor) -> Tensor:
    """How bright a pixel is, in quarters: (B, H, W)."""
    return torch.bucketize(x[:, 0].contiguous(), torch.tensor([-0.67, 0.0, 0.67]))


def two_cluster_targets(x: Tensor) -> Tensor:
    """What a generator can say about an example is little: which of few it is. (B, O)"""
    return (torch.arange(len(x)) % 2 - 0.5)[:, None].expand(len(x), HEAD_WIDTH)


def flat_image_targets(x: Tensor) -> Tensor:
    """All of one tone, that of the example's mean: (B, O, H, W)."""
    tone = 8 * x.mean((1, 2, 3))
    return tone[:, None, None, None].expand(len(x), HEAD_WIDTH, *x.shape[2:])


CLASSIFICATION = ToyProblem(class_targets, lambda network, x, y: cross_entropy(network(x), y))
SEGMENTATION = ToyProblem(pixel_class_targets, lambda network, x, y: pixel_cross_entropy(network(x), y))
REGRESSION = ToyProblem(number_targets, lambda network, x, y: squared_error(network(x), y))
IMAGE_REGRESSION = ToyProblem(flat_image_targets, lambda network, x, y: squared_error(network(x), y))
GENERATION = ToyProblem(two_cluster_targets, lambda network, x, y: network.elbo(y))
TOY_PROBLEMS = {  # of those that are not for classes
    "linear_regression": REGRESSION,
    "pixel_logistic_regression": SEGMENTATION,
    "unet": SEGMENTATION,
    "pca": REGRESSION,
    "autoencoder": REGRESSION,
    "conv_autoencoder": IMAGE_REGRESSION,
    "gaussian": REGRESSION,
    "vae": GENERATION,
    "gan": REGRESSION,
}


def toy_problem_of(name: str) -> ToyProblem:
    return TOY_PROBLEMS.get(name, CLASSIFICATION)
