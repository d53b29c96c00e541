"""Benchmark of what names the deep image networks: shortcuts make depth trainable, dense connections save weights.

Digits of 8x8 pixels, one thread. First the training loss of residual networks and of the same without their shortcuts,
then the test accuracy of residual and densely connected networks by how many weights they have.
"""

import statistics
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import ARCHITECTURES, build_network, resnet
from models.blocks.hyperparameters import make_config
from models.blocks.optimizers import OPTIMIZERS

BATCH_SIZE, LEARNING_RATE, WEIGHT_DECAY = 32, 3e-3, 1e-2
DEPTHS, DEPTH_WIDTH, DEPTH_STEPS = (18, 34, 50, 101), 0.0625, 100
SIZES = {  # of which accuracy is compared
    "resnet": [{"depth": depth, "width": width} for depth in (10, 18) for width in (0.0625, 0.125, 0.25)],
    "densenet": [{"depth": 21, "width": width} for width in (0.125, 0.25, 0.375, 0.5)],
}
SIZE_STEPS, SEEDS, TRAIN_ROWS = 600, (0, 1, 2), 600


class Zero(nn.Module):
    """What stands where a shortcut was: nothing is added."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(())


@cache
def load_digit_tensors() -> tuple[Tensor, Tensor]:
    """All digits in a random order, (N, 1, 8, 8) from -1 to 1, and their classes."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(images))
    return torch.from_numpy(images[rows].astype(np.float32)).reshape(-1, 1, 8, 8) / 8 - 1, torch.from_numpy(
        classes[rows]
    )


def new_classifier(name: str, seed: int, settings: dict[str, float]) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(name, make_config(ARCHITECTURES[name].config, settings), (1, 8, 8), 10)


def without_shortcuts(network: nn.Module) -> nn.Module:
    """The same stack of layers as a plain network, as VGG is one; in place."""
    for module in network.modules():
        if isinstance(module, resnet.ResidualBlock):
            module.shortcut = Zero()
    return network


def train_losses(network: nn.Module, steps: int, rows: int, seed: int) -> Iterator[float]:
    """The training loss of every step, on the first `rows` digits."""
    images, classes = load_digit_tensors()
    optimizer = OPTIMIZERS["adamw"](network.parameters(), LEARNING_RATE, WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(steps):
        batch = torch.randint(rows, (BATCH_SIZE,), generator=generator)
        loss = F.cross_entropy(network(images[batch]), classes[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
        optimizer.step()
        schedule.step()
        yield loss.item()


def final_train_loss(network: nn.Module, steps: int, rows: int = 128, seed: int = 0) -> float:
    """The mean training loss of the last fifth of the steps, in nats; log 10 = 2.30 of one that learns nothing."""
    return statistics.mean(list(train_losses(network, steps, rows, seed))[-steps // 5 :])


class SizeResult(NamedTuple):
    parameters: int
    accuracies: list[float]  # of each seed, on the digits that were not trained on


def measure_size(name: str, settings: dict[str, float]) -> SizeResult:
    images, classes = load_digit_tensors()
    accuracies = []
    for seed in SEEDS:
        network = new_classifier(name, seed, settings)
        for _ in train_losses(network, SIZE_STEPS, TRAIN_ROWS, seed):
            pass
        with torch.no_grad():
            predicted = network.eval()(images[TRAIN_ROWS:]).argmax(1)
        accuracies.append((predicted == classes[TRAIN_ROWS:]).float().mean().item())
    return SizeResult(sum(weight.numel() for weight in network.parameters()), accuracies)


def main() -> None:
    torch.set_num_threads(1)
    print(f"training loss after {DEPTH_STEPS} steps on 128 digits (log 10 = 2.30 is chance)")
    print(f"  {'layers':>6}  {'resnet':>6}  without shortcuts")
    for depth in DEPTHS:
        residual, plain = (
            new_classifier("resnet", 0, {"depth": depth, "width": DEPTH_WIDTH, "dropout": 0.0}) for _ in range(2)
        )
        losses = (final_train_loss(network, DEPTH_STEPS) for network in (residual, without_shortcuts(plain)))
        print("  {:>6}  {:>6.2f}  {:.2f}".format(depth, *losses), flush=True)
    print(f"test accuracy of {len(SEEDS)} seeds after {SIZE_STEPS} steps on {TRAIN_ROWS} digits")
    for name, sizes in SIZES.items():
        for settings in sizes:
            found = measure_size(name, settings)
            print(
                f"  {name:<8} {settings}: {found.parameters:>7,} weights, {statistics.mean(found.accuracies):.4f} "
                f"({min(found.accuracies):.4f} to {max(found.accuracies):.4f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
