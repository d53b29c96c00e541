"""Loader of saved arrays: .npy, .npz and idx files with images, sequences or rows of numbers.

N examples, H height, W width, C channels, T steps, F variables.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.formats import NamedArray, open_array
from pipelines.sources.arrays.inputs import read_array_inputs
from pipelines.sources.arrays.targets import TargetKind, read_array_target, single_class_target
from pipelines.sources.arrays.unlabelled import ArraysUnlabelledPolicy, fill_missing_targets, set_unlabelled_apart
from pipelines.sources.files.downloads import resolve_location


def _to_texts(values: Any) -> Any:
    """What YAML gives for `[0, T-shirt, yes]`, as texts."""
    return tuple(str(value) for value in values) if isinstance(values, list | tuple) else values


RESERVED_NAMES = ("class", "value", "mask")  # what a target is called
Names = Annotated[tuple[str, ...], BeforeValidator(_to_texts)]


def _check_test_target(settings: "ArrayNames | ArraysSettings") -> None:
    if (settings.test_target is not None) != (settings.target is not None and settings.test_inputs is not None):
        raise ValueError("test_target goes with target and test_inputs: set it if both are set, and only then")


class ArrayNames(BaseModel):
    """`arrays: {inputs: x_train, target: y_train}`: what the arrays in an .npz are called."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    inputs: str
    target: str | None = None
    test_inputs: str | None = None
    test_target: str | None = None

    @model_validator(mode="after")
    def _check_test_arrays(self) -> "ArrayNames":
        _check_test_target(self)
        return self


class ArraysSettings(BaseModel):
    """`{kind: arrays, inputs: x.npy, target: y.npy}`, or `{kind: arrays, path: all.npz, arrays: {inputs: x}}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["arrays"]
    inputs: str | None = None  # a .npy or idx file, packed or not
    target: str | None = None  # likewise; without one, all examples are of one class
    test_inputs: str | None = None  # the examples that were published for testing: `split: {by: given}` keeps them so
    test_target: str | None = None
    path: str | None = None  # an .npz instead of these files ...
    arrays: ArrayNames | None = None  # ... and what its arrays are called
    target_kind: TargetKind | None = None  # whole numbers are classes or a mask, and others numbers, when absent
    labels: Names = ()  # of a target of whole numbers: what 0, 1, 2, ... stand for
    columns: Names = ()  # the names of the F numbers of an example or of a step; x1, x2, ... when absent
    step: str = ""  # of sequences: the time from one step to the next, such as "1 h"
    unit: str = ""  # of a target of numbers
    unlabelled: ArraysUnlabelledPolicy = "refuse"  # examples without a target: stop, leave them out, or keep for `semi`
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("labels", "columns")
    @classmethod
    def _check_unique(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"every name must be another, found {twice[0]!r} twice")
        return names

    @field_validator("columns")
    @classmethod
    def _check_column_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not re.fullmatch(r"[^/\x00-\x1f.][^/\x00-\x1f]{0,99}", name) or name in RESERVED_NAMES:
                known = ", ".join(RESERVED_NAMES)
                raise ValueError(
                    f"must be names without '/', not beginning with '.', and none of {known}, got {name!r}"
                )
        return names

    @model_validator(mode="after")
    def _check_files_or_archive(self) -> "ArraysSettings":
        files = (self.inputs, self.target, self.test_inputs, self.test_target)
        if self.path is None and (self.inputs is None or self.arrays is not None):
            raise ValueError("needs inputs, a .npy or idx file; or path, an .npz, with arrays: {inputs: ...}")
        if self.path is not None and (self.arrays is None or any(files)):
            raise ValueError("path is an .npz: say what its arrays are called with arrays: {inputs: ..., target: ...}")
        _check_test_target(self)
        return self


def load_arrays(settings: ArraysSettings) -> Dataset:
    """Open the arrays; what is as it must be stored stays in its file, memory-mapped.

    Raises:
        UserError: a file is missing or damaged, the arrays have other lengths, or their shape or type says nothing that
            a network could learn from.
    """
    names = settings.arrays or settings
    input_arrays = [
        _open_named_array(settings.path, name) for name in (names.inputs, names.test_inputs) if name is not None
    ]
    target_arrays = [
        _open_named_array(settings.path, name) for name in (names.target, names.test_target) if name is not None
    ]
    for one in (*input_arrays, *target_arrays):
        if not one.values.ndim or not len(one.values):
            raise UserError(f"{one.where}: holds no examples (shape {one.values.shape})")
    for one, other in zip(input_arrays, target_arrays, strict=False):
        if len(one.values) != len(other.values):
            raise UserError(
                f"{other.where}: must have a target for each of the {len(one.values)} examples of {one.where}, found "
                f"{len(other.values)}"
            )
    labelled = np.ones(sum(len(one.values) for one in input_arrays), dtype=bool)
    if settings.unlabelled != "refuse":
        target_arrays, labelled = fill_missing_targets(target_arrays, settings.target_kind, settings.unlabelled)
    array_inputs = read_array_inputs(input_arrays, settings.columns, settings.step)
    array_target = (
        read_array_target(target_arrays, settings.labels, settings.unit, array_inputs, settings.target_kind)
        if target_arrays
        else single_class_target(input_arrays)
    )
    schema = Schema(
        inputs=array_inputs.fields,
        target=array_target.field,
        title=settings.title or f"Arrays of {Path(settings.path or settings.inputs or '').name}",
        origin=settings.origin
        or f"the files {', '.join(dict.fromkeys(one.file for one in (*input_arrays, *target_arrays)))}",
        licence=settings.licence,
    )
    keys = {}
    if len(input_arrays) > 1:
        keys["part"] = np.repeat(np.array(["train", "test"]), [len(one.values) for one in input_arrays])
    data = Dataset(
        schema,
        Part(array_inputs.arrays, array_target.values),
        (*array_inputs.notes, *array_target.notes),
        array_inputs.findings,
        keys,
    )
    return set_unlabelled_apart(data, labelled, len(input_arrays[0].values), settings.unlabelled)


def _open_named_array(archive: str | None, name: str) -> NamedArray:
    if archive is None:
        return NamedArray(name, name, open_array(resolve_location(name), name))
    return NamedArray(archive, f"{archive}, array {name}", open_array(resolve_location(archive), archive, name))
