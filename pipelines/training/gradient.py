"""Learning by gradient: the loop.

An epoch is a permutation of rows and slices of it; the data is on the device already. Every draw of
an epoch comes from a seed derived from (seed, epoch), so training goes on after a kill exactly as it
would have, with nothing to remember but weights and optimizer.

Shapes: N examples, B of them in a batch.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.tasks import Task
from pipelines.training.augmentation import AugmentSettings, augment_batch
from pipelines.training.contender_settings import GradientSettings
from pipelines.training.inference import EpochCallback, score_validation
from pipelines.training.job import MMAP_THRESHOLD_BYTES, Examples

MAX_CACHED_GPU_BYTES = 2**31  # bytes of a GPU's memory that prepared numbers may take; on the CPU they may take MAPPED


class DivergenceError(ArithmeticError):
    """The loss is no longer a number."""


def cosine_learning_rate(initial: float, epoch: int, total_epochs: int) -> float:
    """The learning rate of an epoch: a half cosine from the start down to a hundredth of it.

    Source: Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """
    share = 0.5 * (1 + math.cos(math.pi * epoch / total_epochs))
    return initial * (0.01 + 0.99 * share)


def build_optimizer(model: nn.Module, settings: GradientSettings) -> torch.optim.Optimizer:
    return OPTIMIZERS[settings.optimizer](model.parameters(), settings.learning_rate, settings.weight_decay)


def fit_network(
    model: Model,
    optimizer: torch.optim.Optimizer,
    task: Task,
    train: tuple[Examples, ...],
    valid: Examples,
    settings: GradientSettings,
    *,
    augment: AugmentSettings,
    seed: int,
    epochs: range,
    total_epochs: int,
    on_epoch_end: EpochCallback,
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
    data = prepare_data(model, train, valid, live=augment.copies == "live")
    for epoch in epochs:
        generator = torch.Generator(device).manual_seed(derive_seed(seed, "epoch", epoch))
        seed_dropout(device, derive_seed(seed, "dropout", epoch))
        inputs, target = data.copies[epoch % len(data.copies)]
        if augment.copies == "live":
            inputs = tuple(augment_batch(values, augment, generator) for values in inputs)
        learning_rate = cosine_learning_rate(settings.learning_rate, epoch, total_epochs)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        total = torch.zeros((), device=device)
        data.network.train()
        for *columns, targets in shuffled_batches((*inputs, target), settings.batch_size, generator):
            with autocast(device):
                loss = task.loss(data.network, tuple(columns), data.inverse_transform(targets, *columns))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
            optimizer.step()
            total.add_(loss.detach(), alpha=len(targets))
        mean_loss = (total / len(target)).item()
        if not math.isfinite(mean_loss):
            raise DivergenceError(f"the training loss became {mean_loss} in epoch {epoch + 1}")
        scores = score_validation(data.validation_model, task, data.validation)
        if on_epoch_end(epoch, {"learning_rate": learning_rate, "train_loss": mean_loss, **scores}):
            return


def shuffled_batches(
    columns: tuple[Tensor, ...], size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, ...]]:
    """All rows of aligned columns in a random order, in slices of about `size`, none of them tiny.

    The rows are gathered once per epoch, so that a batch is a view; those of large columns, which may be mapped from
    files, are gathered batch by batch. The slices differ by at most one row: a last batch of one example would upset
    any network that normalises over the batch.
    """
    count = len(columns[0])
    order = torch.randperm(count, generator=generator, device=generator.device)
    pieces = max(1, round(count / size))
    if not order.is_cuda and sum(values.nbytes for values in columns) >= MMAP_THRESHOLD_BYTES:
        return (tuple(values[rows] for values in columns) for rows in order.tensor_split(pieces))
    return zip(*(values[order].tensor_split(pieces) for values in columns), strict=True)


def seed_dropout(device: torch.device, seed: int) -> None:
    """Dropout draws from PyTorch's own generators; seeding that of one device costs far less than torch.manual_seed."""
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where it pays, on a GPU; float32 elsewhere."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


class PreparedData(NamedTuple):
    """The way from examples to the loss, with everything that never changes computed already."""

    network: nn.Module  # what learns: reads the copies' inputs, answers in the network's units
    copies: tuple[Examples, ...]
    inverse_transform: Callable[..., Tensor]  # (target, *inputs of a batch) -> target in the network's units
    validation_model: nn.Module  # finished outputs for the inputs of `seen`
    validation: Examples  # the validation part


class _BeforeOutputTransform(nn.Module):
    """A model without its output transform: the part that learns."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.stem, self.network = model.stem, model.network

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.network(self.stem(*inputs))
        return outputs

    def elbo(self, x: Tensor) -> Tensor:
        """Of a generator: how well it explains examples, which do not pass through the stem."""
        elbo: Tensor = self.network.elbo(x)  # type: ignore[operator]  # a task asks only those that can say
        return elbo


class _AfterStem(nn.Module):
    """The rest of a model, (features, *what was asked) -> finished outputs."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network, self.output_transform = model.network, model.output_transform

    def forward(self, features: Tensor, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.output_transform(self.network(features), *inputs)
        return outputs


def prepare_data(model: Model, train: tuple[Examples, ...], valid: Examples, *, live: bool) -> PreparedData:
    """The part that learns, and the examples as it reads them.

    A stem that learns nothing gives the same numbers every epoch: they are computed once, and so are the targets in
    the network's units. Where the draws are fresh every epoch, or the numbers would fill the memory, the whole model
    reads raw columns.
    """
    inverse_transform: Callable[..., Tensor] = model.output_transform.inverse  # type: ignore[assignment]  # every output transform has one
    rows = sum(len(examples.target) for examples in (*train, valid))
    max_bytes = MAX_CACHED_GPU_BYTES if train[0].target.is_cuda else MMAP_THRESHOLD_BYTES
    if (
        live
        or _values_per_example(model, train[0]) * rows * 4 > max_bytes
        or any(True for _ in model.stem.parameters())
    ):
        return PreparedData(_BeforeOutputTransform(model), train, inverse_transform, model, valid)
    with torch.no_grad():
        copies = tuple(
            Examples((_to_channels_last(model.stem(*inputs)),), inverse_transform(target, *inputs))
            for inputs, target in train
        )
        validation = Examples((_to_channels_last(model.stem(*valid.inputs)), *valid.inputs), valid.target)
    return PreparedData(model.network, copies, lambda target, *_: target, _AfterStem(model), validation)


def _values_per_example(model: Model, examples: Examples) -> int:
    """How many an example becomes: those behind the stem, and its target in the network's units."""
    inputs = tuple(values[:1] for values in examples.inputs)
    with torch.no_grad():
        target = model.output_transform.inverse(examples.target[:1], *inputs)  # type: ignore[operator]  # every output transform has one
        return int(model.stem(*inputs).numel() + target.numel())


def _to_channels_last(values: Tensor) -> Tensor:
    """Images on a GPU with the channels last, as its convolutions like them; everything else as it is."""
    if values.is_cuda and values.ndim == 4:
        return values.contiguous(memory_format=torch.channels_last)
    return values
