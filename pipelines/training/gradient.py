"""Learning by gradient: the loop.

An epoch is a permutation of rows and slices of it; the data is on the device already. Every draw of
an epoch comes from a seed derived from (seed, epoch), so training goes on after a kill exactly as it
would have, with nothing to remember but weights and optimizer.

Shapes: N examples, B of them in a batch.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.tasks import Task
from pipelines.tasks.task import AnyTarget
from pipelines.training.augmentation import AugmentSettings, augment_batch
from pipelines.training.contender_settings import GradientSettings
from pipelines.training.inference import EpochCallback, score_validation
from pipelines.training.job import MMAP_THRESHOLD_BYTES, Examples, ValidationExamples

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
    valid: ValidationExamples,
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
    device = train[0].inputs[0].device
    data = prepare_data(model, train, valid, live=augment.copies == "live")
    for epoch in epochs:
        generator = torch.Generator(device).manual_seed(derive_seed(seed, "epoch", epoch))
        seed_dropout(device, derive_seed(seed, "dropout", epoch))
        examples = data.copies[epoch % len(data.copies)]
        if augment.copies == "live":
            drawn = tuple(augment_batch(values, augment, generator) for values in examples.inputs)
            examples = examples._replace(inputs=drawn)
        learning_rate = cosine_learning_rate(settings.learning_rate, epoch, total_epochs)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        total = torch.zeros((), device=device)
        data.network.train()
        for batch in shuffled_batches(examples, settings.batch_size, generator):
            with autocast(device):
                loss = task.loss(data.network, batch.inputs, data.inverse_transform(batch))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
            optimizer.step()
            total.add_(loss.detach(), alpha=batch.rows)
        mean_loss = (total / examples.rows).item()
        if not math.isfinite(mean_loss):
            raise DivergenceError(f"the training loss became {mean_loss} in epoch {epoch + 1}")
        scores = score_validation(data.validation_model, task, data.validation)
        if on_epoch_end(epoch, {"learning_rate": learning_rate, "train_loss": mean_loss, **scores}):
            return


def shuffled_batches(examples: Examples, size: int, generator: torch.Generator) -> Iterator[Examples]:
    """All examples in a random order, in slices of about `size`, none of them tiny.

    The rows are gathered once per epoch, so that a batch is a view; those of large columns, which may be mapped from
    files, are gathered batch by batch. The slices differ by at most one row: a last batch of one example would upset
    any network that normalises over the batch.
    """
    columns = (*examples.inputs, *examples.target)
    count = len(columns[0])
    order = torch.randperm(count, generator=generator, device=generator.device)
    pieces = max(1, round(count / size))
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


class PreparedData(NamedTuple):
    """The way from examples to the loss, with everything that never changes computed already."""

    network: nn.Module  # what learns: reads the copies' inputs, answers in the network's units
    copies: tuple[Examples, ...]
    inverse_transform: Callable[[Examples], AnyTarget]  # of a batch: its target in the network's units
    validation_model: nn.Module  # outputs in the target's units, for the inputs of `validation`
    validation: ValidationExamples


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


def prepare_data(model: Model, train: tuple[Examples, ...], valid: ValidationExamples, *, live: bool) -> PreparedData:
    """The part that learns, and the examples as it reads them.

    A stem that learns nothing gives the same numbers every epoch: they are computed once, and so are the targets in
    the network's units. Where the draws are fresh every epoch, or the numbers would fill the memory, the whole model
    reads raw columns.
    """
    rows = sum(examples.rows for examples in train) + len(valid.inputs[0])
    max_bytes = MAX_CACHED_GPU_BYTES if train[0].inputs[0].is_cuda else MMAP_THRESHOLD_BYTES
    if (
        live
        or _values_per_example(model, train[0]) * rows * 4 > max_bytes
        or any(True for _ in model.stem.parameters())
    ):
        inverse = partial(target_in_network_units, model)
        return PreparedData(_BeforeOutputTransform(model), train, inverse, model, valid)
    with torch.no_grad():
        copies = tuple(
            Examples((_to_channels_last(model.stem(*examples.inputs)),), target_in_network_units(model, examples))
            for examples in train
        )
        features = _to_channels_last(model.stem(*valid.inputs))
    validation = valid._replace(inputs=(features, *valid.inputs))
    return PreparedData(model.network, copies, lambda batch: batch.target, _AfterStem(model), validation)


def target_in_network_units(model: Model, examples: Examples) -> AnyTarget:
    """Target of some examples as the loss compares it with the network's outputs."""
    values = model.output_transform.inverse(examples.target.values, *examples.inputs)  # type: ignore[operator]  # all have one
    return examples.target._replace(values=values)


def _values_per_example(model: Model, examples: Examples) -> int:
    """How many an example becomes: those behind the stem, and its target in the network's units."""
    first = examples.select(slice(1))
    with torch.no_grad():
        target = target_in_network_units(model, first)
        return int(model.stem(*first.inputs).numel() + sum(values.numel() for values in target))


def _to_channels_last(values: Tensor) -> Tensor:
    """Images on a GPU with the channels last, as its convolutions like them; everything else as it is."""
    if values.is_cuda and values.ndim == 4:
        return values.contiguous(memory_format=torch.channels_last)
    return values
