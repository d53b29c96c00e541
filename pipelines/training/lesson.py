"""What a contender learns from: a small description that travels to worker processes, and its data.

Shapes: K copies (the examples as they are, then the draws), N examples, B of them in a batch.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

import models
from models.hyperparameters import configured
from models.stems import STEMS, ImageStem, Model
from pipelines.running.failure import Failure
from pipelines.sources.parts import read_part
from pipelines.sources.schema import Schema, read_schema
from pipelines.tasks import TASKS, Task
from pipelines.training.augmentation import AugmentSettings


@dataclass(frozen=True)
class Lesson:
    """An architecture, a task and where the data is."""

    architecture: str
    task: str
    goal: str | None  # None: the task's own
    schema: Path
    train: Path  # arrays (K, N, ...), as the augment stage wrote them
    valid: Path  # arrays (N, ...)
    augment: AugmentSettings  # its policy is drawn afresh every epoch when its copies are "live"
    device: str


class Examples(NamedTuple):
    """Tensors on the device. Row i of every tensor is the same example."""

    inputs: tuple[Tensor, ...]
    target: Tensor


class Data(NamedTuple):
    """All that learning sees. The test part is not among it."""

    schema: Schema
    task: Task
    train: tuple[Examples, ...]  # one per copy; the first is the examples as they are
    valid: Examples


def device() -> str:
    """Where networks train: the first GPU if there is one, else the CPU; BAKEOFF_DEVICE overrules."""
    stated = os.environ.get("BAKEOFF_DEVICE", "")
    if stated and stated not in ("cpu", "cuda"):
        raise Failure(f"BAKEOFF_DEVICE must be cpu or cuda, found {stated!r}")
    if stated == "cuda" and not torch.cuda.is_available():
        raise Failure("BAKEOFF_DEVICE is cuda, but PyTorch finds no GPU; unset it to train on the CPU")
    return stated or ("cuda" if torch.cuda.is_available() else "cpu")


def task_of(lesson_task: str, goal: str | None, schema: Schema) -> Task:
    constructor = TASKS[lesson_task]
    return constructor(schema) if goal is None else constructor(schema, goal)


def tensors(arrays: tuple[NDArray[Any], ...], place: str = "cpu") -> tuple[Tensor, ...]:
    """Copies of arrays as tensors on a device; copies, because the files are mapped read-only."""
    return tuple(torch.from_numpy(values.copy()).to(place) for values in arrays)


@lru_cache(maxsize=2)
def read(lesson: Lesson) -> Data:
    """Read a lesson's data onto its device, once per process."""
    schema = read_schema(lesson.schema)
    train = read_part(lesson.train, schema)
    valid = read_part(lesson.valid, schema)

    copies = tuple(
        Examples(
            tensors(tuple(values[copy] for values in train.inputs), lesson.device),
            *tensors((train.target[copy],), lesson.device),
        )
        for copy in range(len(train.target))
    )
    return Data(
        schema,
        task_of(lesson.task, lesson.goal, schema),
        copies,
        Examples(tensors(valid.inputs, lesson.device), *tensors((valid.target,), lesson.device)),
    )


def new_model(lesson: Lesson, data: Data, settings: Mapping[str, Any]) -> Model:
    """A network with fresh weights behind a stem fitted on the train part; `settings` may hold others' too."""
    stem = stem_of(lesson.architecture, data.schema, fitted_on=data.train[0])
    return behind(stem, lesson.architecture, data.task.outputs, settings).to(lesson.device)


def stem_of(architecture: str, schema: Schema, fitted_on: Examples | None = None) -> ImageStem:
    """The stem between a problem's columns and an architecture; its buffers are still to be loaded if not fitted."""
    (field,) = schema.inputs
    reads = models.ARCHITECTURES[architecture].reads
    if fitted_on is None:
        return STEMS[field.kind](field.shape, reads)
    return STEMS[field.kind].fit(fitted_on.inputs[0].cpu().numpy(), reads)


def behind(stem: ImageStem, architecture: str, outputs: int, settings: Mapping[str, Any]) -> Model:
    """A stem and the network behind it; of `settings`, the network takes those of its own Config."""
    config = models.ARCHITECTURES[architecture].config
    own = {name: value for name, value in settings.items() if name in config.model_fields}
    return Model(stem, models.build(architecture, configured(config, own), stem.inputs, outputs))
