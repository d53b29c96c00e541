"""Elements of an input, that a person can point at: pixels, steps, tokens, columns; from what a network reads.

A stem makes several features of an element, or one of several (TF-IDF). An attribution is computed over features,
where gradients exist, and brought back to elements here, so that every element has one number.

Shapes: B rows; of pictures H height, W width, C channels; of sequences T steps, F variables; of recordings T steps, M
bands; of texts T tokens, V of the vocabulary, E numbers of each; of tables D columns.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from models.stems.audio import AudioStem
from models.stems.image import ImageStem
from models.stems.series_image import SeriesImageStem
from models.stems.steps import StepsStem
from models.stems.table import CategoryStem, TableStem
from models.stems.text import PADDING_ID, EmbeddingStem, TfidfStem

ElementKind = Literal["image", "steps", "audio", "text", "table"]
Reduction = Callable[[Tensor, int], Tensor]  # (values, axis of an element's features) -> without that axis


def add_features(values: Tensor, axis: int) -> Tensor:
    """An element counts as much as all of its features."""
    return values.sum(axis)


def take_largest(values: Tensor, axis: int) -> Tensor:
    """For what is the same in all features of an element."""
    return values.amax(axis)


def _pixels(stem: Any, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """(B, H, W)"""
    _, height, width, channels = (*inputs[0].shape, 1)[:4]
    if stem.input_type == "sequence":
        return reduce(values[:, :, :-1].reshape(-1, height, width, channels), 3)
    return reduce(values.reshape(-1, channels, height, width), 1)


def _steps(stem: Any, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """(B, T, F)"""
    return values.reshape(inputs[0].shape) if stem.is_flat else values[:, :, :-1]


def _steps_of_image(stem: Any, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """(B, T, F)"""
    return values[:, :-1, :, 0].transpose(1, 2)


def _bands(stem: Any, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """(B, T, M)"""
    if stem.is_image:
        return values[:, 0]
    shape = (-1, stem.spectrogram.steps, stem.spectrogram.bands)
    return values.reshape(shape) if values.ndim == 2 else values[:, :, :-1]


def _tokens_in_order(stem: Any, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """(B, T), 0 behind the last token: the stem has moved the padding to the front."""
    steps = values.shape[1]
    count = (inputs[0] != PADDING_ID).sum(1, keepdim=True)  # (B, 1)
    place = torch.arange(steps) + steps - count
    found = reduce(values[:, :, :-1], 2).gather(1, place.clamp(max=steps - 1))
    return torch.where(place < steps, found, torch.zeros_like(found))


def _tokens_counted(stem: Any, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """(B, T): a token that occurs several times shares what it counts evenly."""
    (text,) = inputs
    times = torch.zeros_like(values).scatter_add(1, text, torch.ones_like(text, dtype=values.dtype))
    return (values / times.clamp(min=1)).gather(1, text) * (text != PADDING_ID)


def _columns(stem: TableStem, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """(B, D)"""
    widths: dict[int, int] = dict.fromkeys(stem.number_indices, 2)  # the number, and the mark of a missing one
    for index, column_stem in zip(stem.other_indices, stem.column_stems, strict=True):
        widths[index] = _count_features(column_stem)
    features = torch.split(values, [widths[index] for index in sorted(widths)], 1)
    return torch.stack([reduce(column, 1) for column in features], 1)


def _count_features(column_stem: nn.Module) -> int:
    if isinstance(column_stem, TfidfStem):
        return column_stem.input_shape[0]
    assert isinstance(column_stem, CategoryStem), "a table holds nothing else besides numbers"
    return column_stem.feature_count


class ElementLayout(NamedTuple):
    """What a stem's elements are, and how its features are brought back to them."""

    kind: ElementKind
    gather: Callable[[Any, Tensor, tuple[Tensor, ...], Reduction], Tensor]


ELEMENT_LAYOUTS: dict[type[nn.Module], ElementLayout] = {
    ImageStem: ElementLayout("image", _pixels),
    StepsStem: ElementLayout("steps", _steps),
    SeriesImageStem: ElementLayout("steps", _steps_of_image),
    AudioStem: ElementLayout("audio", _bands),
    EmbeddingStem: ElementLayout("text", _tokens_in_order),
    TfidfStem: ElementLayout("text", _tokens_counted),
    TableStem: ElementLayout("table", _columns),
}


def gather_elements(stem: nn.Module, values: Tensor, inputs: tuple[Tensor, ...], reduce: Reduction) -> Tensor:
    """Bring numbers for every feature (B, *input_shape) to the elements of the inputs.

    Args:
        inputs: what the stem reads, (B, ...) each.
        reduce: how the features of an element become one number.
    """
    return ELEMENT_LAYOUTS[type(stem)].gather(stem, values, inputs, reduce)


def blank_features(stem: nn.Module, features: Tensor) -> Tensor:
    """What an attribution counts from: features of 0, which stand for the mean, for no category and for an empty text.

    The last feature of a step, which says that the step is there, stays as it is.
    """
    blank = torch.zeros_like(features)
    if features.ndim == 3:  # (B, T, F)
        blank[:, :, -1] = features[:, :, -1]
    elif isinstance(stem, SeriesImageStem):  # (B, F, T, 1)
        blank[:, -1] = features[:, -1]
    return blank
