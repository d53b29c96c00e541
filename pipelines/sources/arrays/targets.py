"""Targets from arrays: class labels, numbers or masks. N examples, K classes."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import allocate, released_chunks
from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.formats import NamedArray
from pipelines.sources.arrays.inputs import ArrayInputs, concatenate_arrays, read_array_inputs
from pipelines.sources.files.labels import sort_class_names

TargetKind = Literal["number", "category", "image"]

MAX_CLASSES = 1000  # classes; more different whole numbers are quantities


class ArrayTarget(NamedTuple):
    field: Field
    values: NDArray[Any]  # (N,), (N, H, W) or (N, H, W, C)
    notes: tuple[str, ...] = ()


def read_array_target(
    arrays: Sequence[NamedArray], labels: Sequence[str], unit: str, inputs: ArrayInputs, kind: TargetKind | None = None
) -> ArrayTarget:
    """Read arrays, of which the second continues the first, as the target of a problem.

    Whole numbers and texts are classes, other numbers are numbers, and whole numbers for every pixel are a mask, or an
    image if it is stated.

    Args:
        arrays: one array, or the targets for training and for testing.
        labels: what the whole numbers 0, 1, 2, ... stand for; if none are given, every different one is a class.
        unit: of numbers.
        inputs: of the same examples.
        kind: where whole numbers are to be learned as numbers, floats that are whole numbers as classes, or whole
            numbers for every pixel as an image.

    Raises:
        UserError: a target is missing, infinite or without a label, or the array is none of these.
    """
    first = arrays[0]
    if kind == "image":
        return _read_images(arrays, inputs)
    flat = [one._replace(values=squeeze_column(one.values)) for one in arrays]
    kinds = "".join(sorted({one.values.dtype.kind for one in flat}))
    if len({one.values.shape[1:] for one in flat}) > 1:
        raise UserError(f"{arrays[1].where}: must have the shape of {first.where}, found {arrays[1].values.shape}")
    if flat[0].values.ndim == 3 and set(kinds) <= set("ub"):
        return _read_masks(flat, labels, inputs)
    if flat[0].values.ndim > 1:
        raise UserError(
            f"{first.where}: must hold one target for each example, shape (N,), found {first.values.shape}; if a row "
            f"has a 1 for its class, save numpy.argmax(array, axis=1)"
        )
    if kind == "category" and set(kinds) <= set("fiub"):
        flat = [one._replace(values=_to_whole_numbers(one)) for one in flat]
        return _read_classes(flat, labels)
    if set(kinds) <= set("iub") and kind != "number":
        return _read_classes(flat, labels)
    if labels:
        raise UserError(
            f"source.labels: name whole numbers, but {first.where} holds {first.values.dtype}; leave them "
            "out, or state `target_kind: category` if these are whole numbers"
        )
    if set(kinds) <= set("fiub"):
        return _read_numbers(flat, unit)
    if set(kinds) <= set("US"):
        return _read_texts(flat)
    raise UserError(f"{first.where}: must hold whole numbers, other numbers or texts, found {first.values.dtype}")


def single_class_target(input_arrays: Sequence[NamedArray]) -> ArrayTarget:
    """The target of a problem that has none."""
    field = Field(name="class", kind="category", dtype="int64", shape=(), categories=("all",))
    note = "No target is named in the settings, so all examples are of one class."
    return ArrayTarget(field, np.zeros(sum(len(one.values) for one in input_arrays), dtype=np.int64), (note,))


def squeeze_column(values: NDArray[Any]) -> NDArray[Any]:
    """(N, 1) as (N,); anything else as it is."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _read_classes(arrays: Sequence[NamedArray], labels: Sequence[str]) -> ArrayTarget:
    for one in arrays:
        odd = np.flatnonzero((one.values < 0) | (one.values >= len(labels)))
        if labels and len(odd):
            raise UserError(
                f"{one.where}: example {int(odd[0])} (counted from 0) is {int(one.values[odd[0]])}, but "
                f"{len(labels)} labels stand for 0 to {len(labels) - 1}; add labels, or count classes from 0"
            )
    values = np.concatenate([one.values.astype(np.int64) for one in arrays])
    if labels:
        return ArrayTarget(_category_field(labels), values)
    known, codes = np.unique(values, return_inverse=True)
    if len(known) > MAX_CLASSES:
        raise UserError(
            f"{arrays[0].where}: {len(known)} different whole numbers are too many classes, at most {MAX_CLASSES} are; "
            "if they are numbers to be learned, state `target_kind: number`"
        )
    return ArrayTarget(_category_field([str(number) for number in known]), codes.astype(np.int64))


def _to_whole_numbers(one: NamedArray) -> NDArray[np.int64]:
    values = one.values.astype(np.float64)
    odd = np.flatnonzero(~(np.isfinite(values) & (values == np.round(values))))
    if len(odd):
        raise UserError(
            f"{one.where}: target_kind: category needs whole numbers, but example {int(odd[0])} (counted from 0) is "
            f"{one.values[odd[0]]}; state `target_kind: number`, or leave the example out"
        )
    return values.astype(np.int64)


def _read_texts(arrays: Sequence[NamedArray]) -> ArrayTarget:
    texts = [np.char.decode(one.values, "utf-8") if one.values.dtype.kind == "S" else one.values for one in arrays]
    values = np.char.strip(np.concatenate(texts))
    empty = np.flatnonzero(values == "")
    if len(empty):
        raise UserError(
            f"{arrays[0].where}: example {int(empty[0])} (counted from 0) has no target; state "
            "`unlabelled: skip`, which leaves such examples out, or `keep`"
        )
    names = sort_class_names({str(value) for value in np.unique(values)})
    if len(names) > MAX_CLASSES:
        raise UserError(
            f"{arrays[0].where}: {len(names)} different texts are too many classes, at most {MAX_CLASSES} are"
        )
    code_of = {name: code for code, name in enumerate(names)}
    return ArrayTarget(_category_field(names), np.array([code_of[str(value)] for value in values], dtype=np.int64))


def _category_field(names: Sequence[str]) -> Field:
    return Field(name="class", kind="category", dtype="int64", shape=(), categories=tuple(names))


def _read_numbers(arrays: Sequence[NamedArray], unit: str) -> ArrayTarget:
    for one in arrays:
        with np.errstate(over="ignore"):
            odd = np.flatnonzero(~np.isfinite(one.values.astype(np.float32)))
        if len(odd):
            raise UserError(
                f"{one.where}: example {int(odd[0])} (counted from 0) is {one.values[odd[0]]}; leave out "
                f"the {len(odd)} examples without a finite target, or state `unlabelled: skip` or `keep` if it is NaN"
            )
    values = concatenate_arrays([one.values for one in arrays], np.float32)
    value_range = (float(values.min()), float(values.max()))
    return ArrayTarget(
        Field(name="value", kind="number", dtype="float32", shape=(), range=value_range, unit=unit), values
    )


def _read_images(arrays: Sequence[NamedArray], inputs: ArrayInputs) -> ArrayTarget:
    """The clean form of each input."""
    found = read_array_inputs(arrays, (), "")
    wanted, field = inputs.fields[0], found.fields[0]
    if (wanted.kind, field.kind, field.shape) != ("image", "image", wanted.shape):
        raise UserError(
            f"{arrays[0].where}: target_kind: image needs a picture of the shape of its input, {wanted.kind} of shape "
            f"{wanted.shape}, found {field.kind} of shape {field.shape}"
        )
    return ArrayTarget(field.model_copy(update={"name": "clean"}), found.arrays[0], found.notes)


def _read_masks(arrays: Sequence[NamedArray], labels: Sequence[str], inputs: ArrayInputs) -> ArrayTarget:
    shape = arrays[0].values.shape
    if inputs.fields[0].kind != "image" or inputs.fields[0].shape[:2] != shape[1:]:
        raise UserError(
            f"{arrays[0].where}: numbers of shape {shape[1:]} for each example are a mask, which needs images of that "
            f"height and width, found {inputs.fields[0].kind} of shape {inputs.fields[0].shape}"
        )
    values = concatenate_arrays([one.values for one in arrays], np.uint8)
    counts = np.zeros(256, dtype=np.int64)
    for rows in released_chunks(values):
        counts += np.bincount(values[rows].ravel(), minlength=256)
    known = np.flatnonzero(counts)
    if len(known) == 1:
        raise UserError(f"{arrays[0].where}: every pixel of every mask is {known[0]}; there is nothing to tell apart")
    if labels and known[-1] >= len(labels):
        raise UserError(
            f"{arrays[0].where}: holds the class {known[-1]}, but {len(labels)} labels stand for 0 to "
            f"{len(labels) - 1}; add labels, or count classes from 0"
        )
    names = tuple(labels) or tuple(str(number) for number in known)
    if not labels and known[-1] >= len(known):  # such as 0 and 255
        codes = np.zeros(256, dtype=np.uint8)
        codes[known] = np.arange(len(known))
        coded = allocate(values.shape, np.uint8)
        for rows in released_chunks(values):
            coded[rows] = codes[values[rows]]
        values = coded
    return ArrayTarget(Field(name="mask", kind="mask", dtype="uint8", shape=shape[1:], categories=names), values)
