"""Training loop of gradient descent: optimizer, learning-rate schedule, epochs.

An epoch is a permutation of rows, or a part of one, and slices of it; the data is on the device already. Every draw
of an epoch comes from a seed derived from (seed, epoch), so training goes on after a kill exactly as it would have,
with nothing to remember but weights and optimizer.

Shapes: N examples, B of them in a batch.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmentation import augment_batch
from pipelines.training.contender_settings import GradientSettings
from pipelines.training.feature_cache import stage_data
from pipelines.training.inference import EpochCallback, score_validation
from pipelines.training.job import MMAP_THRESHOLD_BYTES, Examples, TrainingData


class DivergenceError(ArithmeticError):
    """The loss is no longer a number."""


WARM_UP_SHARE = 0.1  # of the epochs; small data is learned in the first few, which should not be the steepest


def cosine_learning_rate(peak: float, epoch: int, total_epochs: int) -> float:
    """The learning rate of an epoch: up to the peak in equal steps, then a half cosine down to a hundredth of it.

    Source: Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts; the warm-up as in Goyal et al.,
    "Accurate, Large Minibatch SGD", 2017, section 2.2.
    """
    warm_up = int(WARM_UP_SHARE * total_epochs)
    if epoch < warm_up:
        return peak * (epoch + 1) / (warm_up + 1)
    share = 0.5 * (1 + math.cos(math.pi * (epoch - warm_up) / (total_epochs - warm_up)))
    return peak * (0.01 + 0.99 * share)


def build_optimizer(model: nn.Module, settings: GradientSettings) -> torch.optim.Optimizer:
    return OPTIMIZERS[settings.optimizer](model.parameters(), settings.learning_rate, settings.weight_decay)


@dataclass(frozen=True)
class Run:
    """Which epochs one call of a training loop trains, from which seed, and what it reports to."""

    seed: int
    epochs: range  # one that starts above 0 goes on with a restored model and optimizer
    total_epochs: int  # to whose end the learning rate falls
    on_epoch_end: EpochCallback  # called with what was measured
    epochs_per_pass: int = 1  # an epoch passes over all rows, or over one of so many parts of them

    def epoch_rows(self, epoch: int, rows: int, device: torch.device) -> Tensor:
        """The rows of an epoch in random order: the next part of a permutation of all of them."""
        data_pass, part = divmod(epoch, self.epochs_per_pass)
        generator = torch.Generator(device).manual_seed(derive_seed(self.seed, "pass", data_pass))
        order = torch.randperm(rows, generator=generator, device=device)
        return order.tensor_split(self.epochs_per_pass)[part]


def fit_network(
    model: Model,
    optimizer: torch.optim.Optimizer,
    data: TrainingData,
    settings: GradientSettings,
    augment: AugmentSettings,
    run: Run,
) -> None:
    """Train a network by gradient descent, in place; pass p over the data reads copy p modulo the number of copies.

    Raises:
        DivergenceError: if the loss of an epoch is not a finite number.
    """
    device = data.train[0].inputs[0].device
    live = augment.copies == "live"
    staged = stage_data(model, data, live=live)
    for epoch in run.epochs:
        generator = torch.Generator(device).manual_seed(derive_seed(run.seed, "epoch", epoch))
        seed_dropout(device, derive_seed(run.seed, "dropout", epoch))
        examples = staged.copies[epoch // run.epochs_per_pass % len(staged.copies)]
        order = run.epoch_rows(epoch, examples.rows, device)
        if live:
            examples = examples.take(order)
            drawn = tuple(augment_batch(values, augment, generator) for values in examples.inputs)
            examples, order = examples._replace(inputs=drawn), torch.arange(len(order), device=device)
        learning_rate = cosine_learning_rate(settings.learning_rate, epoch, run.total_epochs)
        set_learning_rate(optimizer, learning_rate)
        total = torch.zeros((), device=device)
        model.train()
        for batch in shuffled_batches(examples, settings.batch_size, order):
            with autocast(device):
                loss = data.task.loss(model.network, (staged.stem(*batch.inputs),), staged.network_target(batch))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
            optimizer.step()
            total.add_(loss.detach(), alpha=batch.rows)
        mean_loss = (total / len(order)).item()
        if not math.isfinite(mean_loss):
            raise DivergenceError(f"the training loss became {mean_loss} in epoch {epoch + 1}")
        model.eval()
        scores = score_validation(staged.forward, data.task, staged.validation)
        run.on_epoch_end(epoch, {"learning_rate": learning_rate, "train_loss": mean_loss, **scores})


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def shuffled_batches(examples: Examples, size: int, order: Tensor) -> Iterator[Examples]:
    """The examples of `order` (N,), in slices of about `size`, none of them tiny.

    The rows are gathered once per epoch, so that a batch is a view; those of large columns, which may be mapped from
    files, are gathered batch by batch. The slices differ by at most one row: a last batch of one example would upset
    any network that normalises over the batch.
    """
    columns = (*examples.inputs, *examples.target)
    pieces = max(1, round(len(order) / size))
    if not order.is_cuda and sum(values.nbytes for values in columns) >= MMAP_THRESHOLD_BYTES:
        batches: Iterable[tuple[Tensor, ...]] = (
            tuple(values[rows] for values in columns) for rows in order.tensor_split(pieces)
        )
    else:
        batches = zip(*(values[order].tensor_split(pieces) for values in columns), strict=True)
    width = len(examples.inputs)
    return (Examples(tuple(batch[:width]), type(examples.target)(*batch[width:])) for batch in batches)


def seed_dropout(device: torch.device, seed: int) -> None:
    """Dropout draws from PyTorch's own generators; seeding that of one device costs far less than torch.manual_seed."""
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where it pays, on a GPU; float32 elsewhere."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()
