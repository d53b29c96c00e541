"""The first step of every model: raw columns in, what a network reads out.

A stem is part of the exported graph, so that what is served receives the data as it is stored. It is fitted on the
train part only, and holds what it learned there as buffers; their shapes follow from the columns alone, so that a
trained stem can be read back into a fresh one.

Shapes: B batch.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
from torch import Tensor, nn

from models.outputs.output_transform import Identity, OutputTransform
from models.stems.column import ColumnSpec, InputType
from models.stems.image import ImageStem
from models.stems.noise import NoiseStem
from models.stems.steps import StepsStem
from models.stems.table import TableStem
from models.stems.text import EmbeddingStem, TfidfStem

__all__ = ["STEMS", "ColumnSpec", "InputType", "Model", "Stem", "build_stem"]


class Stem(Protocol):
    """A module that was built from columns: forward(*raw columns) -> what a network reads."""

    input_shape: tuple[int, ...]  # shape of one example as the network receives it

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Learn from the train part, one (N, ...) array per column."""

    def __call__(self, *columns: Tensor) -> Tensor: ...


# What is stored, and what a network reads -> the stem between them. Several columns are a table.
STEMS: dict[tuple[str, InputType], Callable[[tuple[ColumnSpec, ...], InputType], Stem]] = {
    ("image", "image"): ImageStem,  # pixels, grey or colour
    ("image", "vector"): ImageStem,  # ... all in a row
    ("image", "sequence"): ImageStem,  # ... row by row
    ("text", "vector"): TfidfStem,  # which words, and how often
    ("text", "sequence"): EmbeddingStem,  # the words in their order
    ("steps", "sequence"): StepsStem,  # measurements over time
    ("steps", "vector"): StepsStem,  # ... all in a row
    ("number", "vector"): TableStem,
    ("category", "vector"): TableStem,
    ("table", "vector"): TableStem,  # numbers, categories and texts, side by side
    ("noise", "vector"): NoiseStem,  # what a generator starts from
}


def build_stem(columns: tuple[ColumnSpec, ...], input_type: InputType) -> Stem:
    """The stem between some columns and what a network reads, not yet fitted.

    Raises:
        ValueError: if there is none.
    """
    column_kind = columns[0].kind if len(columns) == 1 else "table"
    if (column_kind, input_type) not in STEMS:
        known = ", ".join(way for kind, way in STEMS if kind == column_kind)
        raise ValueError(f"a {column_kind} cannot be read as a {input_type}" + (f", only as: {known}" if known else ""))
    return STEMS[column_kind, input_type](columns, input_type)


class Model(nn.Module):
    """Stem, network and output transform, trained and exported together: forward(*raw columns) -> (B, ...)."""

    def __init__(self, stem: Stem, network: nn.Module, output_transform: OutputTransform | None = None) -> None:
        super().__init__()
        self.input_shape = stem.input_shape  # shape of one example as the network receives it
        self.stem = cast(nn.Module, stem)
        self.network = network
        self.output_transform = cast(nn.Module, output_transform or Identity())

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.output_transform(self.network(self.stem(*inputs)), *inputs)
        return outputs
