"""Feature cache: what is the same in every epoch, computed once.

Cached are the features that a stem without parameters makes of every copy and of the validation part, and the targets
in the network's units. Nothing is cached, and the stem reads every batch anew, where the stem learns, where
augmentation is live, and where the cache would take more than MAX_CACHED_GPU_BYTES of a GPU's memory or
MMAP_THRESHOLD_BYTES of the CPU's.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from models.stems import Model
from pipelines.tasks.task import AnyTarget
from pipelines.training.job import MMAP_THRESHOLD_BYTES, Examples, TrainingData, ValidationExamples

MAX_CACHED_GPU_BYTES = 2**31


class EpochData(NamedTuple):
    """What every epoch reads: cached, or raw with the functions that do the same for every batch."""

    copies: tuple[Examples, ...]
    validation: ValidationExamples
    stem: Callable[..., Tensor]  # inputs of a batch of a copy -> features
    network_target: Callable[[Examples], AnyTarget]  # of a batch of a copy: its target in the network's units
    forward: Callable[..., Tensor]  # inputs of `validation` -> outputs in the target's units


def stage_data(model: Model, data: TrainingData, *, live: bool) -> EpochData:
    """Compute what stays the same, if it fits into memory; `live` augmentation leaves nothing that does."""
    max_bytes = MAX_CACHED_GPU_BYTES if data.train[0].inputs[0].is_cuda else MMAP_THRESHOLD_BYTES
    stem_learns = any(True for _ in model.stem.parameters())
    if live or stem_learns or _cache_bytes(model, data) > max_bytes:
        return EpochData(data.train, data.valid, model.stem, partial(target_in_network_units, model), model)
    with torch.no_grad():
        copies = tuple(
            Examples((_to_channels_last(model.stem(*examples.inputs)),), target_in_network_units(model, examples))
            for examples in data.train
        )
        features = _to_channels_last(model.stem(*data.valid.inputs))

    def forward(features: Tensor, *inputs: Tensor) -> Tensor:
        outputs: Tensor = model.output_transform(model.network(features), *inputs)
        return outputs

    validation = data.valid._replace(inputs=(features, *data.valid.inputs))
    return EpochData(copies, validation, lambda features: features, lambda batch: batch.target, forward)


def target_in_network_units(model: Model, examples: Examples) -> AnyTarget:
    """Target of some examples as the loss compares it with the network's outputs."""
    inverse: Callable[..., Tensor] = model.output_transform.inverse  # type: ignore[assignment]  # all have one
    return examples.target._replace(values=inverse(examples.target.values, *examples.inputs))


def _cache_bytes(model: Model, data: TrainingData) -> int:
    """What the cache would take, from the features and the target of one example, as float32."""
    rows = sum(examples.rows for examples in data.train) + len(data.valid.inputs[0])
    first = data.train[0].select(slice(1))
    with torch.no_grad():
        target = target_in_network_units(model, first)
        values = model.stem(*first.inputs).numel() + sum(column.numel() for column in target)
    return int(values * rows * 4)


def _to_channels_last(values: Tensor) -> Tensor:
    """Images on a GPU in the memory order that its convolutions are fastest on; everything else as it is."""
    if values.is_cuda and values.ndim == 4:
        return values.contiguous(memory_format=torch.channels_last)
    return values
