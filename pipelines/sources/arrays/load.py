"""Arrays that somebody saved: images, sequences or rows of numbers, and what is to be learned of each.

N examples, H height, W width, C channels, T steps, F variables.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from pipelines.data.dataset import Data
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.runtime.user_error import Failure
from pipelines.sources.arrays.formats import Opened, open_array
from pipelines.sources.arrays.inputs import inputs
from pipelines.sources.arrays.targets import of_one_class, target
from pipelines.sources.files.downloads import local


def _texts(values: Any) -> Any:
    """What YAML gives for `[0, T-shirt, yes]`, as texts."""
    return tuple(str(value) for value in values) if isinstance(values, list | tuple) else values


RESERVED = ("class", "value", "mask")  # what a target is called
Names = Annotated[tuple[str, ...], BeforeValidator(_texts)]


def _check_test(settings: "ArrayNames | ArraysSettings") -> None:
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
    def _test_is_whole(self) -> "ArrayNames":
        _check_test(self)
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
    labels: Names = ()  # of a target of whole numbers: what 0, 1, 2, ... stand for
    columns: Names = ()  # the names of the F numbers of an example or of a step; x1, x2, ... when absent
    step: str = ""  # of sequences: the time from one step to the next, such as "1 h"
    unit: str = ""  # of a target of numbers
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("labels", "columns")
    @classmethod
    def _differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"every name must be another, found {twice[0]!r} twice")
        return names

    @field_validator("columns")
    @classmethod
    def _can_name_files(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not re.fullmatch(r"[^/\x00-\x1f.][^/\x00-\x1f]{0,99}", name) or name in RESERVED:
                known = ", ".join(RESERVED)
                raise ValueError(
                    f"must be names without '/', not beginning with '.', and none of {known}, got {name!r}"
                )
        return names

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> "ArraysSettings":
        files = (self.inputs, self.target, self.test_inputs, self.test_target)
        if self.path is None and (self.inputs is None or self.arrays is not None):
            raise ValueError("needs inputs, a .npy or idx file; or path, an .npz, with arrays: {inputs: ...}")
        if self.path is not None and (self.arrays is None or any(files)):
            raise ValueError("path is an .npz: say what its arrays are called with arrays: {inputs: ..., target: ...}")
        _check_test(self)
        return self


def load(settings: ArraysSettings) -> Data:
    """Open the arrays; what is as it must be stored stays in its file, memory-mapped.

    Raises:
        Failure: a file is missing or damaged, the arrays have other lengths, or their shape or type says nothing that
            a network could learn from.
    """
    names = settings.arrays or settings
    asked = [_array(settings.path, name) for name in (names.inputs, names.test_inputs) if name is not None]
    wanted = [_array(settings.path, name) for name in (names.target, names.test_target) if name is not None]
    for one in (*asked, *wanted):
        if not one.values.ndim or not len(one.values):
            raise Failure(f"{one.called}: holds no examples (shape {one.values.shape})")
    for one, other in zip(asked, wanted, strict=False):
        if len(one.values) != len(other.values):
            raise Failure(
                f"{other.called}: must have a target for each of the {len(one.values)} examples of {one.called}, found "
                f"{len(other.values)}"
            )
    given = inputs(asked, settings.columns, settings.step)
    learned = target(wanted, settings.labels, settings.unit, given) if wanted else of_one_class(asked)
    schema = Schema(
        inputs=given.fields,
        target=learned.field,
        title=settings.title or f"Arrays of {Path(settings.path or settings.inputs or '').name}",
        origin=settings.origin or f"the files {', '.join(dict.fromkeys(one.file for one in (*asked, *wanted)))}",
        licence=settings.licence,
    )
    keys = {}
    if len(asked) > 1:
        keys["part"] = np.repeat(np.array(["train", "test"]), [len(one.values) for one in asked])
    return Data(schema, Part(given.arrays, learned.values), (*given.notes, *learned.notes), given.findings, keys)


def _array(archive: str | None, name: str) -> Opened:
    if archive is None:
        return Opened(name, name, open_array(local(name), name))
    return Opened(archive, f"{archive}, array {name}", open_array(local(archive), archive, name))
