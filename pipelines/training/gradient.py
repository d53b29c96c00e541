"""Learning by gradient: the loop.

An epoch is a permutation of rows and slices of it; the data is on the device already. Every draw of
an epoch comes from a seed derived from (seed, epoch), so training goes on after a kill exactly as it
would have, with nothing to remember but weights and optimizer.

Shapes: N examples, B of them in a batch.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from models.hyperparameters import Hyperparameters, choice, tunable
from models.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.running.seeds import derive
from pipelines.tasks import Task
from pipelines.training.augmentation import AugmentSettings, draw
from pipelines.training.lesson import Examples
from pipelines.training.scoring import Report, validate

RESIDENT = 2**31  # bytes of float32 that may stand for the training part


class Settings(Hyperparameters):
    """What is searched for every network that learns by gradient, besides its own settings."""

    optimizer: str = choice("adamw", *OPTIMIZERS)
    learning_rate: float = tunable(3e-3, 1e-4, 3e-2, log=True, gt=0)  # at the start; falls along a half cosine
    batch_size: int = choice(32, 16, 32, 64, 128, ge=1)  # examples per step
    weight_decay: float = tunable(1e-2, 1e-5, 3e-1, log=True, ge=0)  # pull of every weight towards 0


class Diverged(ArithmeticError):
    """The loss is no longer a number."""


def rate(settings: Settings, epoch: int, horizon: int) -> float:
    """The learning rate of an epoch: a half cosine from the setting down to a hundredth of it.

    Source: Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """
    share = 0.5 * (1 + math.cos(math.pi * epoch / horizon))
    return settings.learning_rate * (0.01 + 0.99 * share)


def new_optimizer(model: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    return OPTIMIZERS[settings.optimizer](model.parameters(), settings.learning_rate, settings.weight_decay)


def fit(
    model: Model,
    optimizer: torch.optim.Optimizer,
    task: Task,
    train: tuple[Examples, ...],
    valid: Examples,
    settings: Settings,
    *,
    augment: AugmentSettings,
    seed: int,
    epochs: range,
    horizon: int,
    report: Report,
) -> None:
    """Train in place, one pass over one copy of the examples per epoch.

    Args:
        train: the copies; epoch e walks through copy e modulo their number.
        epochs: which epochs; a range that starts above 0 goes on with a restored model and optimizer.
        horizon: the epochs the learning rate is planned for.
        report: called after every epoch with what to record; training ends when it returns True.

    Raises:
        Diverged: if the loss of an epoch is not a finite number.
    """
    device = train[0].target.device
    network, copies, seen = _past_the_stem(model, train, valid, live=augment.copies == "live")
    for epoch in epochs:
        generator = torch.Generator(device).manual_seed(derive(seed, "epoch", epoch))
        _seed_dropout(device, derive(seed, "dropout", epoch))
        inputs, target = copies[epoch % len(copies)]
        if augment.copies == "live":
            inputs = tuple(draw(values, augment, generator) for values in inputs)
        learning_rate = rate(settings, epoch, horizon)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        total = torch.zeros((), device=device)
        network.train()
        for *columns, goals in batches((*inputs, target), settings.batch_size, generator):
            with autocast(device):
                loss = task.loss(network, tuple(columns), goals)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
            optimizer.step()
            total.add_(loss.detach(), alpha=len(goals))
        mean = (total / len(target)).item()
        if not math.isfinite(mean):
            raise Diverged(f"the training loss became {mean} in epoch {epoch + 1}")
        scores = validate(network, task, seen)
        if report(epoch, {"learning_rate": learning_rate, "train_loss": mean, **scores}):
            return


def batches(columns: tuple[Tensor, ...], size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    """All rows of aligned columns in a random order, in slices of about `size`, none of them tiny.

    The rows are gathered once per epoch, so that a batch is a view. The slices differ by at most one row: a last
    batch of one example would upset any network that normalises over the batch.
    """
    count = len(columns[0])
    order = torch.randperm(count, generator=generator, device=generator.device)
    pieces = max(1, round(count / size))
    return zip(*(values[order].tensor_split(pieces) for values in columns), strict=True)


def _seed_dropout(device: torch.device, seed: int) -> None:
    """Dropout draws from PyTorch's own generators; seeding that of one device costs far less than torch.manual_seed."""
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where it pays, on a GPU; float32 elsewhere."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


def _past_the_stem(
    model: Model, train: tuple[Examples, ...], valid: Examples, *, live: bool
) -> tuple[nn.Module, tuple[Examples, ...], Examples]:
    """The part that learns, and the examples as it reads them.

    A stem that learns nothing gives the same numbers every epoch: they are computed once. Where the
    draws are fresh every epoch, or the numbers would fill the memory, the whole model reads raw columns.
    """
    raw = sum(values.numel() for examples in train for values in examples.inputs)
    if live or raw * 4 > RESIDENT or any(True for _ in model.stem.parameters()):
        return model, train, valid
    with torch.no_grad():
        *copies, seen = (
            Examples((_laid_out(model.stem(*examples.inputs)),), examples.target) for examples in (*train, valid)
        )
    return model.network, tuple(copies), seen


def _laid_out(values: Tensor) -> Tensor:
    """Images on a GPU with the channels last, as its convolutions like them; everything else as it is."""
    if values.is_cuda and values.ndim == 4:
        return values.contiguous(memory_format=torch.channels_last)
    return values
