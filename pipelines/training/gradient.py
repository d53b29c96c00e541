"""Training loop of gradient descent: optimizer, learning-rate schedule, epochs.

An epoch is a permutation of rows, or a part of one, and slices of it; the data is on the device already. Every draw
of an epoch comes from a seed derived from (seed, epoch), so training goes on after a kill exactly as it would have,
with nothing to remember but weights and optimizer.

Shapes: N examples, B of them in a batch.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.tasks import Goal, Task
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmentation import augment_batch, augment_with_target
from pipelines.training.augmented_copies import MOVED_TARGETS
from pipelines.training.contender_settings import GradientSettings
from pipelines.training.feature_cache import EpochData, stage_data
from pipelines.training.inference import EpochCallback, score_validation
from pipelines.training.job import MMAP_THRESHOLD_BYTES, Examples, TrainingData
from pipelines.training.pseudo_labels import PseudoBatch, draw_pseudo_batches
from pipelines.training.regularisation import BatchRegulariser, WeightAverage, l1_norm
from pipelines.training.schedules import SCHEDULES, Progress
from pipelines.training.transfer import Transfer, group_parameters, hold_frozen_parts


class DivergenceError(ArithmeticError):
    """The loss is no longer a number."""


def build_optimizer(
    model: nn.Module, settings: GradientSettings, transfer: Transfer | None = None
) -> torch.optim.Optimizer:
    """The optimizer of all weights, or, after a transfer, of those that learn: what was taken over at its own rate."""
    build = OPTIMIZERS[settings.optimizer]
    if transfer is None:
        return build(model.parameters(), settings.learning_rate, settings.weight_decay)
    first, *others = group_parameters(model, settings, transfer)
    optimizer = build(first.parameters, settings.learning_rate, settings.weight_decay)
    optimizer.param_groups[0]["lr_ratio"] = first.lr_ratio
    for group in others:
        optimizer.add_param_group({"params": group.parameters, "lr_ratio": group.lr_ratio})
    return optimizer


@dataclass(frozen=True)
class Run:
    """Which epochs one call of a training loop trains, from which seed, and what it reports to."""

    seed: int
    epochs: range  # one that starts above 0 goes on with a restored model and optimizer
    total_epochs: int  # to whose end the learning rate falls
    on_epoch_end: EpochCallback  # called with what was measured
    epochs_per_pass: int = 1  # an epoch passes over all rows, or over one of so many parts of them
    history: Sequence[Mapping[str, float]] = ()  # what was measured in every epoch so far; it grows

    def valid_losses(self, goal: Goal) -> list[float]:
        """The goal on validation after every epoch so far; smaller is better."""
        sign = 1.0 if goal.direction == "minimize" else -1.0
        return [sign * metrics[f"valid_{goal.name}"] for metrics in self.history]

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
    average: WeightAverage | None = None,
    unlabelled: tuple[Tensor, ...] = (),
) -> None:
    """Train a network by gradient descent, in place; pass p over the data reads copy p modulo the number of copies.

    Args:
        average: of the model's weights, which is kept up to date, and scored in the model's place.
        unlabelled: inputs whose labels are what the network is sure of, (U, ...) each.

    Raises:
        DivergenceError: if the loss of an epoch is not a finite number.
    """
    device = data.train[0].inputs[0].device
    staged = stage_data(model, data, live=augment.copies == "live")
    for epoch in run.epochs:
        seed = derive_seed(run.seed, "epoch", epoch)
        seed_dropout(device, derive_seed(run.seed, "dropout", epoch))
        examples, order = _select_examples(staged, data, augment, run, epoch, seed)
        progress = Progress(epoch, run.total_epochs, run.valid_losses(data.task.goal))
        learning_rate = SCHEDULES[settings.schedule](settings.learning_rate, progress)
        set_learning_rate(optimizer, learning_rate)
        regulariser = BatchRegulariser(data.task, settings, derive_seed(run.seed, "regulariser", epoch), device)
        total = torch.zeros((), device=device)
        steps, share = count_batches(len(order), settings.batch_size), epoch / run.total_epochs
        others = draw_pseudo_batches(model, data, unlabelled, settings, seed, share, steps)
        model.train()
        if settings.freeze:
            hold_frozen_parts(model)
        for batch, other in zip(shuffled_batches(examples, settings.batch_size, order), others, strict=True):
            with autocast(device):
                loss = _batch_loss(model, data.task, staged, batch, regulariser, other)
            take_step(model, optimizer, loss, settings, average)
            total.add_(loss.detach(), alpha=batch.rows)
        mean_loss = (total / len(order)).item()
        if not math.isfinite(mean_loss):
            raise DivergenceError(f"the training loss became {mean_loss} in epoch {epoch + 1}")
        model.eval()
        with nullcontext() if average is None else average.in_place():
            scores = score_validation(staged.forward, data.task, staged.validation)
        run.on_epoch_end(epoch, {"learning_rate": learning_rate, "train_loss": mean_loss, **scores})


def _select_examples(
    staged: EpochData, data: TrainingData, augment: AugmentSettings, run: Run, epoch: int, seed: int
) -> tuple[Examples, Tensor]:
    """What an epoch reads, and its rows in random order; live augmentation draws them from the seed."""
    device = data.train[0].inputs[0].device
    examples = staged.copies[epoch // run.epochs_per_pass % len(staged.copies)]
    order = run.epoch_rows(epoch, examples.rows, device)
    if augment.copies != "live":
        return examples, order
    generator = torch.Generator(device).manual_seed(seed)
    examples = _draw_examples(examples.take(order), data.schema.target.kind, augment, generator)
    return examples, torch.arange(examples.rows, device=device)


def _draw_examples(
    examples: Examples, target_kind: str, augment: AugmentSettings, generator: torch.Generator
) -> Examples:
    """Every example drawn once, its target along with it where that is a mask or a clean image."""
    if target_kind not in MOVED_TARGETS:
        return examples._replace(inputs=tuple(augment_batch(values, augment, generator) for values in examples.inputs))
    (images,), target = examples.inputs, examples.target
    is_mask = target_kind == "mask"
    drawn, moved = augment_with_target(images, target.values, augment, generator, is_mask=is_mask)
    return Examples((drawn,), target._replace(values=moved))


def _batch_loss(
    model: Model,
    task: Task,
    staged: EpochData,
    batch: Examples,
    regulariser: BatchRegulariser,
    other: PseudoBatch | None,
) -> Tensor:
    features, target = regulariser.draw(staged.stem(*batch.inputs), staged.network_target(batch))
    loss = task.loss(model.network, (features,), target)
    if other is None:
        return loss
    features, target = regulariser.draw(model.stem(*other.inputs), other.target)
    return loss + other.weight * task.loss(model.network, (features,), target)


def take_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    settings: GradientSettings,
    average: WeightAverage | None = None,
) -> None:
    """Change the weights by one step against the gradient of the loss and of what is added to it."""
    if settings.l1:
        loss = loss + settings.l1 * l1_norm(model)
    backpropagate(loss, optimizer)
    if settings.gradient_clip:
        nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_clip)
    optimizer.step()
    if average is not None:
        average.update()


def backpropagate(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Compute the gradient of a loss anew, for every weight that an optimizer has."""
    for group in optimizer.param_groups:  # as zero_grad does, whose hooks cost a small network 5 % of its step
        for parameter in group["params"]:
            parameter.grad = None
    loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("lr_ratio", 1.0)


def count_batches(rows: int, size: int) -> int:
    """How many batches of about `size` there are."""
    return max(1, round(rows / size))


def shuffled_batches(examples: Examples, size: int, order: Tensor) -> Iterator[Examples]:
    """The examples of `order` (N,), in slices of about `size`, none of them tiny.

    The rows are gathered once per epoch, so that a batch is a view; those of large columns, which may be mapped from
    files, are gathered batch by batch. The slices differ by at most one row: a last batch of one example would upset
    any network that normalises over the batch.
    """
    columns = (*examples.inputs, *examples.target)
    pieces = count_batches(len(order), size)
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
