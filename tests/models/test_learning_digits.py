"""A little learning on real digits: what each kind of network is for, it begins to do."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import ARCHITECTURES, build_network
from models.blocks.optimizers import OPTIMIZERS
from tests.support.architecture_cases import random_tensor

TRAIN_ROWS = 400  # of 600


@cache
def digits() -> tuple[Tensor, Tensor]:
    """600 digits of many writers, (600, 64) from -1 to 1, and their classes."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(images))[:600]
    return torch.from_numpy(images[rows].astype(np.float32)) / 8 - 1, torch.from_numpy(classes[rows])


def as_read_by(name: str, x: Tensor) -> Tensor:
    input_type = ARCHITECTURES[name].input_type
    if input_type == "image":
        return x.reshape(-1, 1, 8, 8)
    if input_type == "sequence":  # row by row
        return torch.cat([x.reshape(-1, 8, 8), torch.ones(len(x), 8, 1)], 2)
    return x


def default_network(name: str, input_shape: tuple[int, ...], head_width: int) -> Any:
    torch.manual_seed(0)
    return build_network(name, ARCHITECTURES[name].config(), input_shape, head_width)


def train(network: nn.Module, steps: int, loss_of_rows: Callable[[Tensor], Tensor]) -> None:
    optimizer = OPTIMIZERS["adamw"](network.parameters(), 5e-3, 0.0)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network.train()
    for _ in range(steps):
        loss = loss_of_rows(torch.randint(TRAIN_ROWS, (64,), generator=generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()


@pytest.mark.parametrize("name", ["cnn", "lstm", "esn"])
def test_it_classifies_digits(name: str) -> None:
    x, y = digits()
    x = as_read_by(name, x)
    network = default_network(name, tuple(x.shape[1:]), 10)
    if name == "esn":
        network.fit(x[:TRAIN_ROWS], y[:TRAIN_ROWS], 0)
    else:
        train(network, 100, lambda rows: F.cross_entropy(network(x[rows]), y[rows]))
    scores = network(x[TRAIN_ROWS:])
    assert (scores.argmax(1) == y[TRAIN_ROWS:]).float().mean() > 0.88
    assert F.cross_entropy(scores, y[TRAIN_ROWS:]) < 0.4  # log 10 = 2.3 where all classes are as likely


@pytest.mark.parametrize("name", ["autoencoder", "conv_autoencoder", "pca", "unet"])
def test_it_reconstructs_digits_better_than_their_mean(name: str) -> None:
    x = as_read_by(name, digits()[0])
    network = default_network(name, tuple(x.shape[1:]), 1 if x.ndim == 4 else 64)
    if name == "pca":
        network.fit(x[:TRAIN_ROWS], x[:TRAIN_ROWS], 0)
    else:
        train(network, 150, lambda rows: F.mse_loss(network(x[rows]), x[rows]))
    of_the_mean = F.mse_loss(x[:TRAIN_ROWS].mean(0).expand(200, *x.shape[1:]), x[TRAIN_ROWS:])
    assert F.mse_loss(network(x[TRAIN_ROWS:]), x[TRAIN_ROWS:]) < 0.35 * of_the_mean


def train_adversarially(network: Any, x: Tensor, steps: int) -> None:
    generator = torch.Generator().manual_seed(1)
    discriminator_optimizer, generator_optimizer = (
        OPTIMIZERS["adamw"](part.parameters(), 3e-3, 0.0) for part in (network.discriminator, network.generator)
    )
    for _ in range(steps):
        rows = torch.randint(TRAIN_ROWS, (64,), generator=generator)
        z = torch.randn(64, 64, generator=generator)
        discriminator_optimizer.zero_grad()
        network.discriminator_loss(x[rows], z).backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        network.generator_loss(z).backward()
        generator_optimizer.step()


@pytest.mark.parametrize("name", ["vae", "gan", "gaussian", "gaussian_mixture"])
def test_training_moves_samples_towards_digits(name: str) -> None:
    x, _ = digits()
    network = default_network(name, (64,), 64)
    z = random_tensor(200, 64)

    def distance() -> float:
        samples = network.eval()(z).detach()
        fidelity = torch.cdist(samples, x[TRAIN_ROWS:]).min(1).values.mean()  # samples look like digits
        return float(fidelity + torch.cdist(x[TRAIN_ROWS:], samples).min(1).values.mean())  # and digits like samples

    start = distance()
    if name.startswith("gaussian"):
        network.fit(z, x[:TRAIN_ROWS], 0)
    elif name == "vae":
        train(network, 150, lambda rows: network.elbo(x[rows]))
    else:
        train_adversarially(network, x, 300)
    assert distance() < 0.75 * start
