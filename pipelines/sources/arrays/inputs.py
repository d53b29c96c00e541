"""Inputs from arrays: images, sequences or columns of numbers, by type and shape.

N examples, H height, W width, C channels, T steps, F variables.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipelines.data.dataset import Finding
from pipelines.data.large_arrays import allocate, release_pages, released_chunks
from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.formats import NamedArray

CHANNEL_COUNTS = (1, 2, 3, 4)  # of an image; a longer axis is no axis of channels
MAX_COLUMNS = 256  # numbers of an example, each a column of its own


class ArrayInputs(NamedTuple):
    fields: tuple[Field, ...]
    arrays: tuple[NDArray[Any], ...]  # (N, ...) each
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_array_inputs(arrays: Sequence[NamedArray], names: Sequence[str], step: str) -> ArrayInputs:
    """Read arrays, of which the second continues the first, as the inputs of a problem.

    Args:
        arrays: one array, or the examples for training and for testing.
        names: of the F variables; x1, x2, ... if there are none.
        step: of sequences, the time from one step to the next.

    Raises:
        UserError: the shape or the type is none that is known, or a value is not finite.
    """
    first = arrays[0].values
    for other in arrays[1:]:
        if other.values.shape[1:] != first.shape[1:] or other.values.dtype != first.dtype:
            raise UserError(
                f"{other.where}: must have the shape and type of {arrays[0].where} ({first.shape[1:]} of "
                f"{first.dtype} for each example), found {other.values.shape[1:]} of {other.values.dtype}"
            )
    if first.dtype == np.uint8 and first.ndim in (3, 4):
        return _read_images(arrays)
    if first.dtype.kind not in "fiub":
        raise UserError(f"{arrays[0].where}: must hold numbers, found {first.dtype}; save it as float32 or uint8")
    if first.ndim == 3:
        return _read_sequences(arrays, _variable_names(names, first.shape[2], arrays[0]), step)
    if first.ndim in (1, 2):
        return _read_columns(arrays, names)
    raise UserError(
        f"{arrays[0].where}: {first.dtype} of shape {first.shape} is neither images (uint8 of 0 to 255, (N, H, W) or "
        f"(N, H, W, C)), nor sequences (numbers, (N, T, F)), nor rows (numbers, (N, F)); images that hold other "
        f"numbers must be scaled to 0..255 and saved as uint8"
    )


def concatenate_arrays(arrays: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Arrays one after the other, in another type; a single one that is of that type is not copied."""
    if len(arrays) == 1 and arrays[0].dtype == dtype:
        return arrays[0]
    joined_values = allocate((sum(map(len, arrays)), *arrays[0].shape[1:]), dtype)
    offset = 0
    for values in arrays:
        for rows in released_chunks(values):
            with np.errstate(over="ignore"):  # reported when the values are checked
                joined_values[offset + rows.start : offset + rows.stop] = values[rows]
            release_pages(joined_values)
        offset += len(values)
    return joined_values


def _read_images(arrays: Sequence[NamedArray]) -> ArrayInputs:
    shape, where, notes = arrays[0].values.shape, arrays[0].where, []
    values = concatenate_arrays([one.values for one in arrays], np.uint8)
    if len(shape) == 4 and shape[3] not in CHANNEL_COUNTS:
        if shape[1] not in CHANNEL_COUNTS:
            raise UserError(f"{where}: images of shape {shape[1:]} have no axis of 1 to 4 channels, first or last")
        values = np.moveaxis(values, 1, 3)  # (N, C, H, W) -> (N, H, W, C), a view
        notes.append("Channels stood before height and width, and are stored behind them.")
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]  # (N, H, W)
    if 0 in values.shape:
        raise UserError(f"{where}: images of shape {shape[1:]} have no pixels")
    unit = "grey level" if values.ndim == 3 else "level of a channel"
    field = Field(name="image", kind="image", dtype="uint8", shape=values.shape[1:], range=(0, 255), unit=unit)
    return ArrayInputs((field,), (values,), tuple(notes))


def _variable_names(names: Sequence[str], count: int, array: NamedArray) -> tuple[str, ...]:
    if names and len(names) != count:
        raise UserError(f"source.columns: must name the {count} variables of {array.where}, found {len(names)} names")
    if not count:
        raise UserError(f"{array.where}: holds no numbers (shape {array.values.shape})")
    return tuple(names) or tuple(f"x{place}" for place in range(1, count + 1))


def _read_columns(arrays: Sequence[NamedArray], names: Sequence[str]) -> ArrayInputs:
    first = arrays[0]
    count = 1 if first.values.ndim == 1 else first.values.shape[1]
    if count > MAX_COLUMNS:
        raise UserError(
            f"{first.where}: {count} numbers for each example are too many to be columns, at most {MAX_COLUMNS} are; "
            "if they are pixels, save them as uint8 of shape (N, H, W), if they are steps as (N, T, F)"
        )
    variable_names = _variable_names(names, count, first)
    matrix = concatenate_arrays([one.values.reshape(len(one.values), count) for one in arrays], np.float32)  # (N, F)
    low, high, missing = _value_ranges(matrix, variable_names, arrays)
    fields = tuple(
        Field(
            name=name, kind="number", dtype="float32", shape=(),
            range=None if np.isnan(low[place]) else (float(low[place]), float(high[place])),
        )
        for place, name in enumerate(variable_names)
    )  # fmt: skip
    findings: tuple[Finding, ...] = ()
    if missing:
        sentence = f"{missing} of {matrix.size} numbers ({missing / matrix.size:.1%}) are missing (NaN)."
        findings = (Finding("missing_numbers", "notice", missing, sentence),)
    return ArrayInputs(fields, tuple(matrix[:, place] for place in range(count)), findings=findings)


def _value_ranges(
    values: NDArray[np.float32], names: Sequence[str], arrays: Sequence[NamedArray]
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Smallest and largest value of each variable (F,), NaN if it has none, and how many are missing; (N, ..., F)."""
    low, high = np.full((2, len(names)), np.nan, dtype=np.float32)
    missing = 0
    for rows in released_chunks(values):
        flat = values[rows].reshape(-1, len(names))
        if np.isinf(flat).any():
            row, *_, variable = (int(place) for place in np.argwhere(np.isinf(values[rows]))[0])
            where, number = _locate_row(rows.start + row, arrays)
            raise UserError(
                f"{where}: example {number} (counted from 0) holds an infinite {names[variable]}, or one beyond the "
                f"3.4e38 of float32; replace it, or leave it out as NaN"
            )
        low, high = np.fmin(low, np.fmin.reduce(flat)), np.fmax(high, np.fmax.reduce(flat))
        missing += int(np.isnan(flat).sum())
    return low, high, missing


def _locate_row(row: int, arrays: Sequence[NamedArray]) -> tuple[str, int]:
    """The array, and the row in it, of a row of the joined one."""
    if row < len(arrays[0].values):
        return arrays[0].where, row
    return arrays[1].where, row - len(arrays[0].values)


def _read_sequences(arrays: Sequence[NamedArray], names: tuple[str, ...], step: str) -> ArrayInputs:
    values = concatenate_arrays([one.values for one in arrays], np.float32)  # (N, T, F)
    if 0 in values.shape:
        raise UserError(f"{arrays[0].where}: holds no steps (shape {arrays[0].values.shape})")
    low, high, missing = _value_ranges(values, names, arrays)
    field = Field(
        name="steps", kind="steps", dtype="float32", shape=values.shape[1:], columns=names, step=step,
        range=None if np.isnan(low).all() else (float(np.nanmin(low)), float(np.nanmax(high))),
    )  # fmt: skip
    if not missing:
        return ArrayInputs((field,), (values,))
    aligned, short_count = _right_align_steps(values, arrays, names)
    note = (
        f"{short_count} of {len(values)} sequences are shorter than {values.shape[1]} steps: the steps before them are "
        "NaN."
    )
    return ArrayInputs((field,), (aligned,), (note,))


def _right_align_steps(
    values: NDArray[np.float32], arrays: Sequence[NamedArray], names: Sequence[str]
) -> tuple[NDArray[np.float32], int]:
    """Move the steps of shorter sequences to the end, behind the steps that are all NaN; and how many are shorter.

    Raises:
        UserError: a step is missing in part or between others, or a sequence has none.
    """
    aligned, short_count = allocate(values.shape, np.float32), 0
    steps = values.shape[1]
    for rows in released_chunks(values):
        block = np.array(values[rows])  # (n, T, F)
        gaps: NDArray[np.bool_] = np.isnan(block)
        present: NDArray[np.bool_] = np.logical_not(gaps.all(axis=2))  # (n, T)
        counts = present.sum(axis=1)  # (n,)
        first = present.argmax(axis=1)  # (n,)
        spans = steps - present[:, ::-1].argmax(axis=1) - first  # (n,), from the first step to the last
        holed = (gaps.any(axis=2) & present).any(axis=1)  # (n,)
        broken = np.flatnonzero((counts == 0) | (spans != counts) | holed)
        if len(broken):
            where, number = _locate_row(rows.start + int(broken[0]), arrays)
            raise UserError(
                f"{where}: example {number} (counted from 0) lacks numbers (NaN) within its steps; only whole steps "
                f"before or behind all others may be missing. Fill the gaps, or leave the example out"
            )
        for row in np.flatnonzero(counts < steps):
            block[row] = np.roll(block[row], steps - first[row] - counts[row], axis=0)
        short_count += int((counts < steps).sum())
        aligned[rows] = block
        release_pages(aligned)
    return aligned, short_count
