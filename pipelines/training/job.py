"""What a contender learns from: a small description that travels to worker processes, and its data.

Shapes: K copies (the examples as they are, then the draws), N examples, B of them in a batch.
"""

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import models
from models.blocks.hyperparameters import configured
from models.stems import Column, Model, stem
from pipelines.data.dataset import chunks
from pipelines.data.large_arrays import room
from pipelines.data.parts import Part, read_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.runtime.user_error import Failure
from pipelines.tasks import SettingsOfTask, Task, task
from pipelines.tasks.model_inputs import asked
from pipelines.training.augmentation import AugmentSettings

MAPPED = 2**26  # bytes from which on columns stay on disk, and batches are read from there


@dataclass(frozen=True)
class Lesson:
    """An architecture, a task and where the data is."""

    architecture: str
    task: SettingsOfTask
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
    part: Part  # the train part as it is stored, memory-mapped, without its draws
    train: tuple[Examples, ...]  # one per copy; the first is the examples as they are
    valid: Examples  # with the truth that replies are scored against in place of the target


def device() -> str:
    """Where networks train: the first GPU if there is one, else the CPU; BAKEOFF_DEVICE overrules."""
    stated = os.environ.get("BAKEOFF_DEVICE", "")
    if stated and stated not in ("cpu", "cuda"):
        raise Failure(f"BAKEOFF_DEVICE must be cpu or cuda, found {stated!r}")
    if stated == "cuda" and not torch.cuda.is_available():
        raise Failure("BAKEOFF_DEVICE is cuda, but PyTorch finds no GPU; unset it to train on the CPU")
    return stated or ("cuda" if torch.cuda.is_available() else "cpu")


def tensors(arrays: tuple[NDArray[Any], ...], place: str = "cpu") -> tuple[Tensor, ...]:
    """Arrays as tensors on a device: copies, unless they are large; then what is mapped from files stays so."""
    return _placed(arrays, place, stay=_large(arrays))


def _large(arrays: Iterable[NDArray[Any]]) -> bool:
    return sum(values.nbytes for values in arrays) >= MAPPED


def _placed(arrays: Iterable[NDArray[Any]], place: str, *, stay: bool) -> tuple[Tensor, ...]:
    if place == "cpu" and not stay:
        return tuple(torch.from_numpy(np.array(values)) for values in arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a mapped file cannot be written to: nothing does
        return tuple(torch.from_numpy(values).to(place) for values in arrays)


@lru_cache(maxsize=2)
def read(lesson: Lesson) -> Data:
    """Read a lesson's data onto its device, once per process."""
    schema = read_schema(lesson.schema)
    learned = task(lesson.task, schema, lesson.goal)
    stored = read_part(lesson.train, schema)
    valid = read_part(lesson.valid, schema)
    copies = [
        Part(tuple(values[copy] for values in stored.inputs), stored.target[copy]) for copy in range(len(stored.target))
    ]
    parts = [_learnable(learned, part) for part in copies]
    train = [(asked(learned, part), (learned.target(part),)) for part in parts]
    seen, truth = asked(learned, valid), (learned.truth(valid),)
    stay = _large(values for columns in (*train, (seen, truth)) for column in columns for values in column)

    def examples(inputs: tuple[NDArray[Any], ...], target: tuple[NDArray[Any]], place: str) -> Examples:
        return Examples(_placed(inputs, lesson.device, stay=stay), *_placed(target, place, stay=stay))

    return Data(
        schema,
        learned,
        parts[0],
        tuple(examples(*columns, lesson.device) for columns in train),
        examples(seen, truth, "cpu"),
    )


def _learnable(learned: Task, part: Part) -> Part:
    """The rows that may be learned from; the part itself if all may. Large ones are mapped either way."""
    rows = learned.learnable(part)
    if rows is None:
        return part
    if not rows.any():
        raise Failure(f"no example of the train part may be learned from; {learned.name} needs some")
    return Part(tuple(_taken(values, rows) for values in part.inputs), _taken(part.target, rows))


def _taken(values: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """The rows of `values` (N, ...) that are marked in `rows` (N,)."""
    places = np.flatnonzero(rows)
    taken = room((len(places), *values.shape[1:]), values.dtype)
    for part in chunks(taken):
        taken[part] = values[places[part]]
    return taken


def new_model(lesson: Lesson, data: Data, settings: Mapping[str, Any]) -> Model:
    """A network with fresh weights between a stem and a finish fitted on the train part.

    Args:
        settings: may hold the learner's too.
    """
    model = blank_model(lesson.architecture, data.task, settings, data.part)
    return model.to(lesson.device)


def blank_model(architecture: str, learned: Task, settings: Mapping[str, Any], train: Part | None = None) -> Model:
    """A model with starting weights; of `settings`, the network takes those of its own Config.

    Args:
        train: what stem and finish are fitted on; None if they are still to be loaded.

    Raises:
        Failure: if the architecture cannot read what is asked.
    """
    row = models.ARCHITECTURES[architecture]
    own = {name: value for name, value in settings.items() if name in row.config.model_fields}
    try:
        front = stem(tuple(column(field) for field in learned.asked), row.reads)
    except ValueError as error:
        raise Failure(f"{architecture} cannot be entered here: {error}") from None
    if train is not None:
        front.fit(asked(learned, train))
    network = models.build(architecture, configured(row.config, own), front.inputs, learned.outputs(row.writes))
    return Model(front, network, learned.finish(train))


def column(field: Field) -> Column:
    """What a stem has to know of a field."""
    shape = (field.length,) if field.kind == "text" else field.shape
    return Column(field.kind, shape, len(field.categories), field.length)
