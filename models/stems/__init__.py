"""Stems: the preprocessing layer of a model, from raw columns to what a network reads.

A stem is part of the exported graph, so that a served model takes the data as it is stored. It is fitted on the train
part only, and keeps what it was fitted to as buffers; their shapes follow from the columns alone, so that the weights
of a fitted stem can be loaded into a new one.

Shapes: B batch.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
from torch import Tensor, nn

from models.outputs.output_transform import Identity, OutputTransform
from models.stems.audio import AudioStem
from models.stems.column import ColumnSpec, InputType
from models.stems.image import ImageStem
from models.stems.noise import NoiseStem
from models.stems.series_image import SeriesImageStem
from models.stems.steps import StepsStem
from models.stems.table import TableStem
from models.stems.text import EmbeddingStem, TfidfStem

__all__ = ["STEMS", "ColumnSpec", "InputType", "Model", "Stem", "build_stem"]


class Stem(Protocol):
    """Preprocessing layer: forward(*raw columns) -> (B, *input_shape)."""

    input_shape: tuple[int, ...]  # of one example, as the network reads it

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Fit to the train part, one (N, ...) array per column."""

    def __call__(self, *columns: Tensor) -> Tensor: ...


# (kind of column, what a network reads) -> the stem between them; several columns are a table
STEMS: dict[tuple[str, InputType], Callable[[tuple[ColumnSpec, ...], InputType], Stem]] = {
    ("image", "image"): ImageStem,  # pixels, grey or colour
    ("image", "vector"): ImageStem,  # ... flattened
    ("image", "sequence"): ImageStem,  # ... row by row
    ("text", "vector"): TfidfStem,  # TF-IDF
    ("text", "sequence"): EmbeddingStem,  # embeddings of its tokens, in order
    ("steps", "sequence"): StepsStem,  # measurements over time, with a mark of what is present
    ("steps", "vector"): StepsStem,  # ... flattened
    ("steps", "image"): SeriesImageStem,  # ... as an image of one pixel's width
    ("audio", "sequence"): AudioStem,  # log-mel frames, with a mark of what is present
    ("audio", "vector"): AudioStem,  # ... flattened
    ("audio", "image"): AudioStem,  # ... as an image, the spectrogram
    ("number", "vector"): TableStem,
    ("category", "vector"): TableStem,
    ("table", "vector"): TableStem,  # numbers, categories and texts, side by side
    ("noise", "vector"): NoiseStem,  # the latent input of a generator
}


def build_stem(columns: tuple[ColumnSpec, ...], input_type: InputType) -> Stem:
    """Build the stem between columns and what a network reads, not yet fitted.

    Raises:
        ValueError: if there is none.
    """
    column_kind = columns[0].kind if len(columns) == 1 else "table"
    if (column_kind, input_type) not in STEMS:
        known = ", ".join(known_type for kind, known_type in STEMS if kind == column_kind)
        raise ValueError(f"{column_kind} cannot be read as {input_type}" + (f", only as: {known}" if known else ""))
    return STEMS[column_kind, input_type](columns, input_type)


class Model(nn.Module):
    """Stem, network and output transform as one module: forward(*raw columns) -> (B, ...)."""

    def __init__(self, stem: Stem, network: nn.Module, output_transform: OutputTransform | None = None) -> None:
        super().__init__()
        self.input_shape = stem.input_shape  # of one example, as the network reads it
        self.stem = cast(nn.Module, stem)
        self.network = network
        self.output_transform = cast(nn.Module, output_transform or Identity())

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.output_transform(self.network(self.stem(*inputs)), *inputs)
        return outputs
