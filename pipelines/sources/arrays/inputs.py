"""What an array says by its type and shape: images, sequences or columns of numbers.

N examples, H height, W width, C channels, T steps, F variables.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipelines.data.dataset import Finding
from pipelines.data.large_arrays import forget, passing, room
from pipelines.data.schema import Field
from pipelines.runtime.user_error import Failure
from pipelines.sources.arrays.formats import Opened

CHANNELS = (1, 2, 3, 4)  # of an image; a longer axis is no axis of channels
COLUMNS = 256  # numbers of an example, each a column of its own


class Inputs(NamedTuple):
    fields: tuple[Field, ...]
    arrays: tuple[NDArray[Any], ...]  # (N, ...) each
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def inputs(opened: Sequence[Opened], names: Sequence[str], step: str) -> Inputs:
    """Read arrays, of which the second continues the first, as the inputs of a problem.

    Args:
        opened: one array, or the examples for training and for testing.
        names: of the F variables; x1, x2, ... if there are none.
        step: of sequences, the time from one step to the next.

    Raises:
        Failure: the shape or the type is none that is known, or a value is not finite.
    """
    first = opened[0].values
    for other in opened[1:]:
        if other.values.shape[1:] != first.shape[1:] or other.values.dtype != first.dtype:
            raise Failure(
                f"{other.called}: must have the shape and type of {opened[0].called} ({first.shape[1:]} of "
                f"{first.dtype} for each example), found {other.values.shape[1:]} of {other.values.dtype}"
            )
    if first.dtype == np.uint8 and first.ndim in (3, 4):
        return _images(opened)
    if first.dtype.kind not in "fiub":
        raise Failure(f"{opened[0].called}: must hold numbers, found {first.dtype}; save it as float32 or uint8")
    if first.ndim == 3:
        return _sequences(opened, _named(names, first.shape[2], opened[0]), step)
    if first.ndim in (1, 2):
        return _columns(opened, names)
    raise Failure(
        f"{opened[0].called}: {first.dtype} of shape {first.shape} is neither images (uint8 of 0 to 255, (N, H, W) or "
        f"(N, H, W, C)), nor sequences (numbers, (N, T, F)), nor rows (numbers, (N, F)); images that hold other "
        f"numbers must be scaled to 0..255 and saved as uint8"
    )


def joined(arrays: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Arrays one after the other, in another type; a single one that is of that type is not copied."""
    if len(arrays) == 1 and arrays[0].dtype == dtype:
        return arrays[0]
    whole = room((sum(map(len, arrays)), *arrays[0].shape[1:]), dtype)
    place = 0
    for values in arrays:
        for rows in passing(values):
            with np.errstate(over="ignore"):  # found, and said, when the values are checked
                whole[place + rows.start : place + rows.stop] = values[rows]
            forget(whole)
        place += len(values)
    return whole


def _images(opened: Sequence[Opened]) -> Inputs:
    shape, called, notes = opened[0].values.shape, opened[0].called, []
    values = joined([one.values for one in opened], np.uint8)
    if len(shape) == 4 and shape[3] not in CHANNELS:
        if shape[1] not in CHANNELS:
            raise Failure(f"{called}: images of shape {shape[1:]} have no axis of 1 to 4 channels, first or last")
        values = np.moveaxis(values, 1, 3)  # (N, C, H, W) -> (N, H, W, C), a view
        notes.append("Channels stood before height and width, and are stored behind them.")
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]  # (N, H, W)
    if 0 in values.shape:
        raise Failure(f"{called}: images of shape {shape[1:]} have no pixels")
    unit = "grey level" if values.ndim == 3 else "level of a channel"
    field = Field(name="image", kind="image", dtype="uint8", shape=values.shape[1:], range=(0, 255), unit=unit)
    return Inputs((field,), (values,), tuple(notes))


def _named(names: Sequence[str], count: int, opened: Opened) -> tuple[str, ...]:
    if names and len(names) != count:
        raise Failure(f"source.columns: must name the {count} variables of {opened.called}, found {len(names)} names")
    if not count:
        raise Failure(f"{opened.called}: holds no numbers (shape {opened.values.shape})")
    return tuple(names) or tuple(f"x{place}" for place in range(1, count + 1))


def _columns(opened: Sequence[Opened], names: Sequence[str]) -> Inputs:
    first = opened[0]
    count = 1 if first.values.ndim == 1 else first.values.shape[1]
    if count > COLUMNS:
        raise Failure(
            f"{first.called}: {count} numbers for each example are too many to be columns, at most {COLUMNS} are; if "
            f"they are pixels, save them as uint8 of shape (N, H, W), if they are steps as (N, T, F)"
        )
    known = _named(names, count, first)
    matrix = joined([one.values.reshape(len(one.values), count) for one in opened], np.float32)  # (N, F)
    low, high, missing = _reach(matrix, known, opened)
    fields = tuple(
        Field(
            name=name, kind="number", dtype="float32", shape=(),
            range=None if np.isnan(low[place]) else (float(low[place]), float(high[place])),
        )
        for place, name in enumerate(known)
    )  # fmt: skip
    findings: tuple[Finding, ...] = ()
    if missing:
        sentence = f"{missing} of {matrix.size} numbers ({missing / matrix.size:.1%}) are missing (NaN)."
        findings = (Finding("missing_numbers", "notice", missing, sentence),)
    return Inputs(fields, tuple(matrix[:, place] for place in range(count)), findings=findings)


def _reach(
    values: NDArray[np.float32], names: Sequence[str], opened: Sequence[Opened]
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Smallest and largest value of each variable (F,), NaN if it has none, and how many are missing; (N, ..., F)."""
    low, high = np.full((2, len(names)), np.nan, dtype=np.float32)
    missing = 0
    for rows in passing(values):
        flat = values[rows].reshape(-1, len(names))
        if np.isinf(flat).any():
            row, *_, variable = (int(place) for place in np.argwhere(np.isinf(values[rows]))[0])
            called, number = _place(rows.start + row, opened)
            raise Failure(
                f"{called}: example {number} (counted from 0) holds an infinite {names[variable]}, or one beyond the "
                f"3.4e38 of float32; replace it, or leave it out as NaN"
            )
        low, high = np.fmin(low, np.fmin.reduce(flat)), np.fmax(high, np.fmax.reduce(flat))
        missing += int(np.isnan(flat).sum())
    return low, high, missing


def _place(row: int, opened: Sequence[Opened]) -> tuple[str, int]:
    """The array, and the row in it, of a row of the joined one."""
    if row < len(opened[0].values):
        return opened[0].called, row
    return opened[1].called, row - len(opened[0].values)


def _sequences(opened: Sequence[Opened], names: tuple[str, ...], step: str) -> Inputs:
    values = joined([one.values for one in opened], np.float32)  # (N, T, F)
    if 0 in values.shape:
        raise Failure(f"{opened[0].called}: holds no steps (shape {opened[0].values.shape})")
    low, high, missing = _reach(values, names, opened)
    field = Field(
        name="steps", kind="steps", dtype="float32", shape=values.shape[1:], columns=names, step=step,
        range=None if np.isnan(low).all() else (float(np.nanmin(low)), float(np.nanmax(high))),
    )  # fmt: skip
    if not missing:
        return Inputs((field,), (values,))
    aligned, short = _right_aligned(values, opened, names)
    note = (
        f"{short} of {len(values)} sequences are shorter than {values.shape[1]} steps: the steps before them are NaN."
    )
    return Inputs((field,), (aligned,), (note,))


def _right_aligned(
    values: NDArray[np.float32], opened: Sequence[Opened], names: Sequence[str]
) -> tuple[NDArray[np.float32], int]:
    """Move the steps of shorter sequences to the end, behind the steps that are all NaN; and how many are shorter.

    Raises:
        Failure: a step is missing in part or between others, or a sequence has none.
    """
    aligned, short = room(values.shape, np.float32), 0
    steps = values.shape[1]
    for rows in passing(values):
        here = np.array(values[rows])  # (n, T, F)
        gaps: NDArray[np.bool_] = np.isnan(here)
        present: NDArray[np.bool_] = np.logical_not(gaps.all(axis=2))  # (n, T)
        counts = present.sum(axis=1)  # (n,)
        first = present.argmax(axis=1)  # (n,)
        spans = steps - present[:, ::-1].argmax(axis=1) - first  # (n,), from the first step to the last
        holed = (gaps.any(axis=2) & present).any(axis=1)  # (n,)
        broken = np.flatnonzero((counts == 0) | (spans != counts) | holed)
        if len(broken):
            called, number = _place(rows.start + int(broken[0]), opened)
            raise Failure(
                f"{called}: example {number} (counted from 0) lacks numbers (NaN) within its steps; only whole steps "
                f"before or behind all others may be missing. Fill the gaps, or leave the example out"
            )
        for row in np.flatnonzero(counts < steps):
            here[row] = np.roll(here[row], steps - first[row] - counts[row], axis=0)
        short += int((counts < steps).sum())
        aligned[rows] = here
        forget(aligned)
    return aligned, short
