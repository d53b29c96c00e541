"""Specification of a raw column: kind and shape, from which a stem is built."""

from typing import Literal, NamedTuple

from models.blocks.window_scale import WindowScaleSpec

InputType = Literal["vector", "image", "sequence"]


class ColumnSpec(NamedTuple):
    """One raw column, as it is stored; its shape without the examples' axis."""

    kind: str  # "image", "number", "category", "text", "steps", "audio", "noise"
    shape: tuple[int, ...] = ()
    cardinality: int = 0  # of a category, the number of categories; of a text, the size of the vocabulary
    length: int = 0  # of a text, the number of tokens read
    window_scale: WindowScaleSpec | None = None  # of steps, which variables are read by the window's own level
    rate: int = 0  # of audio, samples per second
