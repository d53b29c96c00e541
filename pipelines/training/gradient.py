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

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.runtime.seeds import derive
from pipelines.tasks import Task
from pipelines.training.augmentation import AugmentSettings, draw
from pipelines.training.inference import Report, validate
from pipelines.training.job import MAPPED, Examples

RESIDENT = 2**31  # bytes of a GPU's memory that prepared numbers may take; on the CPU they may take MAPPED


class Settings(Hyperparameters):
    """What is searched for every network that learns by gradient, besides its own settings."""

    optimizer: str = choice("adamw", *OPTIMIZERS)
    learning_rate: float = tunable(3e-3, 1e-4, 3e-2, log=True, gt=0)  # at the start; falls along a half cosine
    batch_size: int = choice(32, 16, 32, 64, 128, ge=1)  # examples per step
    weight_decay: float = tunable(1e-2, 1e-5, 3e-1, log=True, ge=0)  # pull of every weight towards 0


class Diverged(ArithmeticError):
    """The loss is no longer a number."""


def rate(start: float, epoch: int, horizon: int) -> float:
    """The learning rate of an epoch: a half cosine from the start down to a hundredth of it.

    Source: Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """
    share = 0.5 * (1 + math.cos(math.pi * epoch / horizon))
    return start * (0.01 + 0.99 * share)


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
    lane = prepared(model, train, valid, live=augment.copies == "live")
    for epoch in epochs:
        generator = torch.Generator(device).manual_seed(derive(seed, "epoch", epoch))
        seed_dropout(device, derive(seed, "dropout", epoch))
        inputs, target = lane.copies[epoch % len(lane.copies)]
        if augment.copies == "live":
            inputs = tuple(draw(values, augment, generator) for values in inputs)
        learning_rate = rate(settings.learning_rate, epoch, horizon)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        total = torch.zeros((), device=device)
        lane.network.train()
        for *columns, goals in batches((*inputs, target), settings.batch_size, generator):
            with autocast(device):
                loss = task.loss(lane.network, tuple(columns), lane.inverse(goals, *columns))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
            optimizer.step()
            total.add_(loss.detach(), alpha=len(goals))
        mean = (total / len(target)).item()
        if not math.isfinite(mean):
            raise Diverged(f"the training loss became {mean} in epoch {epoch + 1}")
        scores = validate(lane.whole, task, lane.seen)
        if report(epoch, {"learning_rate": learning_rate, "train_loss": mean, **scores}):
            return


def batches(columns: tuple[Tensor, ...], size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    """All rows of aligned columns in a random order, in slices of about `size`, none of them tiny.

    The rows are gathered once per epoch, so that a batch is a view; those of large columns, which may be mapped from
    files, are gathered batch by batch. The slices differ by at most one row: a last batch of one example would upset
    any network that normalises over the batch.
    """
    count = len(columns[0])
    order = torch.randperm(count, generator=generator, device=generator.device)
    pieces = max(1, round(count / size))
    if not order.is_cuda and sum(values.nbytes for values in columns) >= MAPPED:
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


class Lane(NamedTuple):
    """The way from examples to the loss, with everything that never changes computed already."""

    network: nn.Module  # what learns: reads the copies' inputs, answers in the network's units
    copies: tuple[Examples, ...]
    inverse: Callable[..., Tensor]  # (target, *inputs of a batch) -> target in the network's units
    whole: nn.Module  # finished outputs for the inputs of `seen`
    seen: Examples  # the validation part


class _Unfinished(nn.Module):
    """A model without its finish: the part that learns."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.stem, self.network = model.stem, model.network

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.network(self.stem(*inputs))
        return outputs

    def elbo(self, x: Tensor) -> Tensor:
        """Of a generator: how well it explains examples, which do not pass through the stem."""
        explained: Tensor = self.network.elbo(x)  # type: ignore[operator]  # a task asks only those that can say
        return explained


class _PastTheStem(nn.Module):
    """The rest of a model, (features, *what was asked) -> finished outputs."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network, self.finish = model.network, model.finish

    def forward(self, features: Tensor, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.finish(self.network(features), *inputs)
        return outputs


def prepared(model: Model, train: tuple[Examples, ...], valid: Examples, *, live: bool) -> Lane:
    """The part that learns, and the examples as it reads them.

    A stem that learns nothing gives the same numbers every epoch: they are computed once, and so are the targets in
    the network's units. Where the draws are fresh every epoch, or the numbers would fill the memory, the whole model
    reads raw columns.
    """
    inverse: Callable[..., Tensor] = model.finish.inverse  # type: ignore[assignment]  # every finish has one
    rows = sum(len(examples.target) for examples in (*train, valid))
    most = RESIDENT if train[0].target.is_cuda else MAPPED
    if live or _numbers(model, train[0]) * rows * 4 > most or any(True for _ in model.stem.parameters()):
        return Lane(_Unfinished(model), train, inverse, model, valid)
    with torch.no_grad():
        copies = tuple(
            Examples((_laid_out(model.stem(*inputs)),), inverse(target, *inputs)) for inputs, target in train
        )
        seen = Examples((_laid_out(model.stem(*valid.inputs)), *valid.inputs), valid.target)
    return Lane(model.network, copies, lambda target, *_: target, _PastTheStem(model), seen)


def _numbers(model: Model, examples: Examples) -> int:
    """How many an example becomes: those behind the stem, and its target in the network's units."""
    inputs = tuple(values[:1] for values in examples.inputs)
    with torch.no_grad():
        target = model.finish.inverse(examples.target[:1], *inputs)  # type: ignore[operator]  # every finish has one
        return int(model.stem(*inputs).numel() + target.numel())


def _laid_out(values: Tensor) -> Tensor:
    """Images on a GPU with the channels last, as its convolutions like them; everything else as it is."""
    if values.is_cuda and values.ndim == 4:
        return values.contiguous(memory_format=torch.channels_last)
    return values
