"""What an array says of each example: a class, a number, or the class of every pixel. N examples, K classes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import passing, room
from pipelines.data.schema import Field
from pipelines.runtime.user_error import Failure
from pipelines.sources.arrays.formats import Opened
from pipelines.sources.arrays.inputs import Inputs, joined
from pipelines.sources.files.labels import in_order

MANY = 1000  # classes; more different whole numbers are quantities


class Target(NamedTuple):
    field: Field
    values: NDArray[Any]  # (N,) or (N, H, W)
    notes: tuple[str, ...] = ()


def target(opened: Sequence[Opened], labels: Sequence[str], unit: str, given: Inputs) -> Target:
    """Read arrays, of which the second continues the first, as the target of a problem.

    Whole numbers and texts are classes, other numbers are numbers, and whole numbers for every pixel are a mask.

    Args:
        opened: one array, or the targets for training and for testing.
        labels: what the whole numbers 0, 1, 2, ... stand for; if none are given, every different one is a class.
        unit: of numbers.
        given: the inputs.

    Raises:
        Failure: a target is missing, infinite or without a label, or the array is none of these.
    """
    first = opened[0]
    flat = [one._replace(values=_one_axis(one.values)) for one in opened]
    kinds = "".join(sorted({one.values.dtype.kind for one in flat}))
    if len({one.values.shape[1:] for one in flat}) > 1:
        raise Failure(f"{opened[1].called}: must have the shape of {first.called}, found {opened[1].values.shape}")
    if flat[0].values.ndim == 3 and set(kinds) <= set("ub"):
        return _mask(flat, labels, given)
    if flat[0].values.ndim > 1:
        raise Failure(
            f"{first.called}: must hold one target for each example, shape (N,), found {first.values.shape}; if a row "
            f"has a 1 for its class, save numpy.argmax(array, axis=1)"
        )
    if set(kinds) <= set("iub"):
        return _classes(flat, labels)
    if labels:
        raise Failure(
            f"source.labels: name whole numbers, but {first.called} holds {first.values.dtype}; leave them out"
        )
    if set(kinds) <= set("fiu"):
        return _numbers(flat, unit)
    if set(kinds) <= set("US"):
        return _texts(flat)
    raise Failure(f"{first.called}: must hold whole numbers, other numbers or texts, found {first.values.dtype}")


def of_one_class(asked: Sequence[Opened]) -> Target:
    """The target of a problem that has none."""
    field = Field(name="class", kind="category", dtype="int64", shape=(), categories=("all",))
    note = "No target is named in the settings, so all examples are of one class."
    return Target(field, np.zeros(sum(len(one.values) for one in asked), dtype=np.int64), (note,))


def _one_axis(values: NDArray[Any]) -> NDArray[Any]:
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _classes(opened: Sequence[Opened], labels: Sequence[str]) -> Target:
    for one in opened:
        odd = np.flatnonzero((one.values < 0) | (one.values >= len(labels)))
        if labels and len(odd):
            raise Failure(
                f"{one.called}: example {int(odd[0])} (counted from 0) is {int(one.values[odd[0]])}, but "
                f"{len(labels)} labels stand for 0 to {len(labels) - 1}; add labels, or count classes from 0"
            )
    values = np.concatenate([one.values.astype(np.int64) for one in opened])
    if labels:
        return Target(_category(labels), values)
    known, codes = np.unique(values, return_inverse=True)
    if len(known) > MANY:
        raise Failure(
            f"{opened[0].called}: {len(known)} different whole numbers are too many classes, at most {MANY} are; if "
            f"they are numbers to be learned, save them as float32"
        )
    return Target(_category([str(number) for number in known]), codes.astype(np.int64))


def _texts(opened: Sequence[Opened]) -> Target:
    texts = [np.char.decode(one.values, "utf-8") if one.values.dtype.kind == "S" else one.values for one in opened]
    values = np.char.strip(np.concatenate(texts))
    empty = np.flatnonzero(values == "")
    if len(empty):
        raise Failure(f"{opened[0].called}: example {int(empty[0])} (counted from 0) has no target; leave it out")
    names = in_order({str(value) for value in np.unique(values)})
    if len(names) > MANY:
        raise Failure(f"{opened[0].called}: {len(names)} different texts are too many classes, at most {MANY} are")
    place = {name: code for code, name in enumerate(names)}
    return Target(_category(names), np.array([place[str(value)] for value in values], dtype=np.int64))


def _category(names: Sequence[str]) -> Field:
    return Field(name="class", kind="category", dtype="int64", shape=(), categories=tuple(names))


def _numbers(opened: Sequence[Opened], unit: str) -> Target:
    for one in opened:
        with np.errstate(over="ignore"):
            odd = np.flatnonzero(~np.isfinite(one.values.astype(np.float32)))
        if len(odd):
            raise Failure(
                f"{one.called}: example {int(odd[0])} (counted from 0) is {one.values[odd[0]]}; leave out "
                f"the {len(odd)} examples without a finite target"
            )
    values = joined([one.values for one in opened], np.float32)
    reach = (float(values.min()), float(values.max()))
    return Target(Field(name="value", kind="number", dtype="float32", shape=(), range=reach, unit=unit), values)


def _mask(opened: Sequence[Opened], labels: Sequence[str], given: Inputs) -> Target:
    shape = opened[0].values.shape
    if given.fields[0].kind != "image" or given.fields[0].shape[:2] != shape[1:]:
        raise Failure(
            f"{opened[0].called}: numbers of shape {shape[1:]} for each example are a mask, which needs images of that "
            f"height and width, found {given.fields[0].kind} of shape {given.fields[0].shape}"
        )
    values = joined([one.values for one in opened], np.uint8)
    counts = np.zeros(256, dtype=np.int64)
    for rows in passing(values):
        counts += np.bincount(values[rows].ravel(), minlength=256)
    known = np.flatnonzero(counts)
    if len(known) == 1:
        raise Failure(f"{opened[0].called}: every pixel of every mask is {known[0]}; there is nothing to tell apart")
    if labels and known[-1] >= len(labels):
        raise Failure(
            f"{opened[0].called}: holds the class {known[-1]}, but {len(labels)} labels stand for 0 to "
            f"{len(labels) - 1}; add labels, or count classes from 0"
        )
    names = tuple(labels) or tuple(str(number) for number in known)
    if not labels and known[-1] >= len(known):  # such as 0 and 255
        codes = np.zeros(256, dtype=np.uint8)
        codes[known] = np.arange(len(known))
        coded = room(values.shape, np.uint8)
        for rows in passing(values):
            coded[rows] = codes[values[rows]]
        values = coded
    return Target(Field(name="mask", kind="mask", dtype="uint8", shape=shape[1:], categories=names), values)
