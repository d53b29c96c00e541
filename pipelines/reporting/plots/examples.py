"""Drawings of single examples, by kind of field: image, mask, sequence, recording, text, row of a table."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.audio import NO_SAMPLE
from pipelines.data.dates import DATE_UNIT
from pipelines.data.parts import Part
from pipelines.data.schema import Field, FieldKind, Schema
from pipelines.data.text import from_bytes
from pipelines.reporting.plots.style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_COLUMNS = 9  # of a table that are shown
LINE_CHARACTERS = 38  # characters in a line of a tile
MAX_LINES = 9
MAX_WAVE_POINTS = 400  # of a recording, along the time
MIN_GROUPED_THOUSANDS = 10_000  # smaller numbers, such as years, have no comma


def draw_image(axes: Axes, field: Field, image: NDArray[Any]) -> None:
    """Show an image (H, W), (H, W, 1) or (H, W, 3) with every pixel as a square."""
    axes.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)


def draw_mask(axes: Axes, field: Field, mask: NDArray[Any]) -> None:
    """Show the class of every pixel (H, W), each in its own colour."""
    axes.imshow(mask, cmap="tab10", vmin=0, vmax=9, interpolation="nearest")


def draw_steps(axes: Axes, field: Field, steps: NDArray[Any]) -> None:
    """Draw a line for every variable of a sequence (T, F), each on its own scale."""
    values = np.asarray(steps, dtype=np.float64)
    known = np.isfinite(values)
    low = np.min(values, axis=0, initial=np.inf, where=known)
    high = np.max(values, axis=0, initial=-np.inf, where=known)
    span = np.where((high > low) & np.isfinite(high - low), high - low, 1.0)
    axes.plot((values - np.where(np.isfinite(low), low, 0)) / span, linewidth=1)


def draw_recording(axes: Axes, field: Field, samples: NDArray[Any]) -> None:
    """Draw the waveform of a recording (S,) as its highest and lowest samples along the time, loud or soft alike."""
    known = samples[samples != NO_SAMPLE].astype(np.float64)
    blocks = np.array_split(known, min(len(known), MAX_WAVE_POINTS))
    highest, lowest = np.array([[block.max(), block.min()] for block in blocks]).T
    axes.fill_between(np.arange(len(blocks)), lowest, highest, linewidth=0)
    limit = max(1.0, float(np.abs(known).max()))
    axes.set_ylim(-limit, limit)


def draw_text(axes: Axes, field: Field, text: NDArray[Any]) -> None:
    """Write the beginning of a text, uint8 (L,)."""
    _draw_lines(axes, wrap(from_bytes(text[None])[0], LINE_CHARACTERS)[:MAX_LINES])


DRAW_BY_KIND: dict[FieldKind, Callable[[Axes, Field, NDArray[Any]], None]] = {
    "image": draw_image,
    "mask": draw_mask,
    "steps": draw_steps,
    "audio": draw_recording,
    "text": draw_text,
}


def has_text_tiles(schema: Schema) -> bool:
    """Tell whether an example is drawn as text."""
    return len(schema.inputs) > 1 or schema.inputs[0].kind not in ("image", "steps", "audio")


def draws_image(schema: Schema) -> bool:
    """Tell whether an example is drawn as an image."""
    return len(schema.inputs) == 1 and schema.inputs[0].kind == "image"


def draw_example(axes: Axes, schema: Schema, part: Part, row: int) -> None:
    """Draw one example's input into axes without frame."""
    axes.set_axis_off()
    field = schema.inputs[0]
    if len(schema.inputs) == 1 and field.kind in DRAW_BY_KIND:
        DRAW_BY_KIND[field.kind](axes, field, np.asarray(part.inputs[0][row]))
    else:
        _draw_lines(axes, describe_row(schema, part, row))


def describe_row(schema: Schema, part: Part, row: int) -> list[str]:
    """A row of a table as lines "column: value", the first columns only."""
    lines = [
        f"{field.name}: {format_value(field, values[row])}"
        for field, values in zip(schema.inputs[:MAX_COLUMNS], part.inputs[:MAX_COLUMNS], strict=True)
    ]
    more = len(schema.inputs) - MAX_COLUMNS
    return [shorten(line, LINE_CHARACTERS, placeholder=" …") for line in lines] + (
        [f"and {more} more"] if more > 0 else []
    )


def format_value(field: Field, value: Any) -> str:
    """A number with its unit, a date, a category or a text, as a reader expects it."""
    if field.kind == "category":
        return field.categories[int(value)] if value >= 0 else "missing"
    if field.kind == "text":
        return from_bytes(np.asarray(value)[None])[0]
    if np.isnan(value):
        return "missing"
    if field.unit == DATE_UNIT:
        return str(np.datetime64("1970-01-01") + np.timedelta64(int(value), "D"))
    return f"{float(value):{',' if abs(value) >= MIN_GROUPED_THOUSANDS else ''}.6g} {field.unit}".strip()


def _draw_lines(axes: Axes, lines: list[str]) -> None:
    axes.text(
        0.02, 0.98, "\n".join(lines), va="top", ha="left", fontsize=7, color=GREY, transform=axes.transAxes, wrap=False
    )
