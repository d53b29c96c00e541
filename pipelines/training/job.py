"""Training jobs: a small description that is sent to worker processes, the data it names, and the model.

Shapes: K copies (the examples as they are, then the draws), N examples, B of them in a batch.
"""

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import models
from models.blocks.hyperparameters import Hyperparameters
from models.blocks.window_scale import WindowScaleSpec
from models.outputs.reconstruction import ScoreOfItsOwn
from models.stems import ColumnSpec, Model, build_stem
from pipelines.data.folds import HOLDOUT, read_folds
from pipelines.data.large_arrays import take_rows
from pipelines.data.parts import Part, read_part, select_rows
from pipelines.data.schema import Field, Schema, Tokens, read_schema
from pipelines.data.text import fit_vocabulary
from pipelines.runtime.cluster_connection import cluster_address
from pipelines.runtime.user_error import UserError
from pipelines.tasks import AnyTaskSettings, Task, build_task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tasks.task import AnyTarget, Reference
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.contender_settings import ContenderSettings, TextSettings
from pipelines.training.starts import Start

MMAP_THRESHOLD_BYTES = 2**26  # bytes from which on columns stay on disk, and batches are read from there


@dataclass(frozen=True)
class TrainingJob:
    """An architecture, a task and where the data is."""

    architecture: str
    task_settings: AnyTaskSettings
    goal: str | None  # None: the task's own
    schema_file: Path
    train_part_folder: Path  # arrays (K, N, ...), as the augment stage wrote them
    valid_part_folder: Path  # arrays (N, ...)
    augment: AugmentSettings  # its policy is drawn afresh every epoch when its copies are "live"
    device: str
    folds_file: Path | None = None  # in the folder of the validation part; None: a holdout
    fold: int | None = 0  # what is held out of the rows; None: nothing, all rows are trained on
    tokens: Tokens = "words"  # what its texts are cut into
    start: Start | None = None  # where its weights begin; None: at random ones

    def read_with(self, stem: Hyperparameters) -> "TrainingJob":
        """This job with its data as such settings of the stem have it read."""
        return replace(self, tokens=stem.tokens) if isinstance(stem, TextSettings) else self

    @property
    def files(self) -> tuple[Path, ...]:
        """The files and folders that training reads."""
        start = () if self.start is None else self.start.files
        return self.schema_file, self.train_part_folder, self.valid_part_folder, *start


class Examples(NamedTuple):
    """Training examples as tensors on the device: row i of every tensor is the same example."""

    inputs: tuple[Tensor, ...]
    target: AnyTarget

    @property
    def rows(self) -> int:
        return len(self.inputs[0])

    def take(self, rows: Tensor) -> "Examples":
        """These rows (N,), as copies."""
        return Examples(
            tuple(values[rows] for values in self.inputs), type(self.target)(*(values[rows] for values in self.target))
        )

    def select(self, rows: slice) -> "Examples":
        """Some of the rows, as views."""
        return Examples(
            tuple(values[rows] for values in self.inputs), type(self.target)(*(values[rows] for values in self.target))
        )


class ValidationExamples(NamedTuple):
    """Validation examples: inputs as tensors on the device, and the arrays that predictions are scored against."""

    inputs: tuple[Tensor, ...]
    reference: Reference


class TrainingData(NamedTuple):
    """All that training reads: the train and the validation part, never the test part."""

    schema: Schema
    task: Task
    part: Part  # the train part as it is stored, memory-mapped, without its copies
    train: tuple[Examples, ...]  # one per copy; the first is the examples as they are
    valid: ValidationExamples


def select_device() -> str:
    """Where networks train: the first GPU if there is one, else the CPU; BAKEOFF_DEVICE overrules."""
    override = os.environ.get("BAKEOFF_DEVICE", "")
    if override and override not in ("cpu", "cuda"):
        raise UserError(f"BAKEOFF_DEVICE must be cpu or cuda, found {override!r}")
    if override == "cuda" and not cluster_address() and not torch.cuda.is_available():  # a cluster has GPUs of its own
        raise UserError("BAKEOFF_DEVICE is cuda, but PyTorch finds no GPU; unset it to train on the CPU")
    return override or ("cuda" if torch.cuda.is_available() else "cpu")


def to_tensors(arrays: tuple[NDArray[Any], ...], device: str = "cpu") -> tuple[Tensor, ...]:
    """Arrays as tensors on a device: copies, unless they are large; then what is mapped from files stays so."""
    return _move_to_device(arrays, device, keep_mapped=_is_large(arrays))


def _is_large(arrays: Iterable[NDArray[Any]]) -> bool:
    return sum(values.nbytes for values in arrays) >= MMAP_THRESHOLD_BYTES


def _move_to_device(arrays: Iterable[NDArray[Any]], device: str, *, keep_mapped: bool) -> tuple[Tensor, ...]:
    if device == "cpu" and not keep_mapped:
        return tuple(torch.from_numpy(np.array(values)) for values in arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a mapped file cannot be written to: nothing does
        return tuple(torch.from_numpy(values).to(device) for values in arrays)


@lru_cache(maxsize=16)
def read_job_schema(job: TrainingJob) -> Schema:
    """Read the schema of a job's data, with the vocabularies of its own tokens; of words, the split has fitted them.

    They are fitted on the split's train part, as those are: where there are folds, not on the rows behind it.

    Raises:
        UserError: if tokens are set, and no input is a text.
    """
    schema = read_schema(job.schema_file)
    if job.tokens == "words":
        return schema
    if not any(field.kind == "text" for field in schema.inputs):
        found = ", ".join(f"{field.name} ({field.kind})" for field in schema.inputs[:5])
        raise UserError(
            f"tokens: {job.tokens} says how texts are read, and no input is a text; the inputs begin with {found}: "
            "leave it out"
        )
    augmented = read_part(job.train_part_folder, schema)
    has_folds = job.folds_file is not None and read_folds(job.folds_file).number
    behind = len(read_part(job.valid_part_folder, schema).target) if has_folds else 0
    rows = slice(augmented.target.shape[1] - behind)
    train = Part(tuple(values[0, rows] for values in augmented.inputs), augmented.target[0, rows])
    return fit_vocabulary(schema, train, job.tokens)


@lru_cache(maxsize=2)
def load_training_data(job: TrainingJob) -> TrainingData:
    """Read a job's data onto its device, once per process."""
    schema = read_job_schema(job)
    task = build_task(job.task_settings, schema, job.goal)
    copies, valid = _read_fold(job, schema)
    parts = [_select_trainable(task, part) for part in copies]
    train = [(model_inputs(task, part), task.target(part)) for part in parts]
    valid_inputs, reference = model_inputs(task, valid), task.reference(valid, parts[0])
    keep_mapped = _is_large(
        values for columns in (*train, (valid_inputs, reference)) for column in columns for values in column
    )

    def to_device(arrays: Iterable[NDArray[Any]]) -> tuple[Tensor, ...]:
        return _move_to_device(arrays, job.device, keep_mapped=keep_mapped)

    return TrainingData(
        schema,
        task,
        parts[0],
        tuple(Examples(to_device(inputs), type(target)(*to_device(target))) for inputs, target in train),
        ValidationExamples(to_device(valid_inputs), reference),
    )


def load_validation(job: TrainingJob) -> ValidationExamples:
    """Read what a job is validated on alone, onto the CPU."""
    schema = read_job_schema(job)
    task = build_task(job.task_settings, schema, job.goal)
    copies, valid = _read_fold(job, schema)
    return ValidationExamples(
        to_tensors(model_inputs(task, valid)), task.reference(valid, _select_trainable(task, copies[0]))
    )


def _read_fold(job: TrainingJob, schema: Schema) -> tuple[list[Part], Part]:
    """The copies of the rows to train on, and the rows to validate on.

    Where all rows are trained on, those of the first fold stand in for the latter: their score is no validation.
    """
    augmented = read_part(job.train_part_folder, schema)
    copies = [
        Part(tuple(values[copy] for values in augmented.inputs), augmented.target[copy])
        for copy in range(len(augmented.target))
    ]
    folds = HOLDOUT if job.folds_file is None else read_folds(job.folds_file)
    if not folds.number:
        return copies, read_part(job.valid_part_folder, schema)
    valid = select_rows(copies[0], folds.held_out(job.fold or 0))
    return copies if job.fold is None else [select_rows(copy, folds.trained(job.fold)) for copy in copies], valid


def _select_trainable(task: Task, part: Part) -> Part:
    """The rows that may be learned from; the part itself if all may. Large ones are mapped either way."""
    rows = task.train_mask(part)
    if rows is None:
        return part
    if not rows.any():
        raise UserError(f"no example of the train part may be learned from; {task.name} needs some")
    return Part(tuple(take_rows(values, rows) for values in part.inputs), take_rows(part.target, rows))


def build_fitted_model(job: TrainingJob, data: TrainingData, settings: ContenderSettings[Any]) -> Model:
    """A network with starting weights, between a stem and an output transform fitted on the train part."""
    model = build_model(job.architecture, data.task, settings, data.part)
    return model.to(job.device)


def build_model(architecture: str, task: Task, settings: ContenderSettings[Any], fit_on: Part | None = None) -> Model:
    """A model with starting weights.

    Args:
        settings: of the network and of the stem.
        fit_on: what stem and output transform are fitted on; None if they are still to be loaded.

    Raises:
        UserError: if the architecture cannot read the task's inputs.
    """
    entry = models.ARCHITECTURES[architecture]
    task = task.with_stem_settings(settings.stem)
    scales = task.window_scales()
    columns = tuple(to_column(field, scales.get(place)) for place, field in enumerate(task.input_fields))
    try:
        input_stem = build_stem(columns, entry.input_type)
    except ValueError as error:
        raise UserError(f"{architecture} cannot be entered here: {error}") from None
    if fit_on is not None:
        input_stem.fit(model_inputs(task, fit_on))
    transform = task.output_transform(fit_on)
    if entry.output_type == "score":
        if not task.scores_anomalies:
            raise UserError(f"{architecture} gives an anomaly score; {task.name} needs predictions")
        head_width, transform = 1, ScoreOfItsOwn(transform, task.head_width("vector"))
    else:
        head_width = task.head_width(entry.output_type)
    network = models.build_network(architecture, settings.network, input_stem.input_shape, head_width)
    return Model(input_stem, network, transform)


def to_column(field: Field, window_scale: WindowScaleSpec | None = None) -> ColumnSpec:
    """What a stem has to know of a field."""
    shape = (field.length,) if field.kind == "text" else field.shape
    return ColumnSpec(field.kind, shape, len(field.categories), field.length, window_scale, field.rate or 0)
