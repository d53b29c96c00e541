"""Occlusion: how much the explained number falls when a part of the input is hidden.

It only asks, so that it also says what networks without a gradient look at: trees, random convolutions. A window goes
over the elements and what the network reads of those in it becomes 0, which stands for the mean, for no category and
for no word. An element counts as much as the windows over it do in the mean: above 0 where it speaks for the answer,
below 0 where it speaks against it.

Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", 2014. https://arxiv.org/abs/1311.2901

Shapes: B rows, P elements of a row, W windows.
"""

import math
from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor, nn

from pipelines.explanation.elements import (
    ELEMENT_LAYOUTS,
    ElementKind,
    add_features,
    blank_features,
    gather_elements,
)
from pipelines.explanation.explained_number import explain_no_number
from pipelines.explanation.feature_model import prepare_scorer, read_features, stems_of
from pipelines.explanation.subject import Subject

MAX_BATCH_VALUES = 2**20  # features that go through the network at a time, about
WINDOWS_ACROSS: dict[ElementKind, tuple[int, ...]] = {  # windows side by side that an axis holds; they overlap by half
    "image": (7, 7),
    "audio": (12, 8),  # time, frequency
    "steps": (24, 1000),  # of every variable alone
    "text": (200,),
    "table": (1000,),
}


def explain_no_occlusion(subject: Subject) -> str:
    """Why nothing can be hidden from a contender; empty if it can."""
    return explain_no_number(subject.task)


def occlude(subject: Subject, inputs: tuple[Tensor, ...]) -> Tensor:
    """How much the explained number falls without each element, (B, P...).

    Args:
        inputs: of the rows, (B, ...) each.
    """
    scorer, features, weights = prepare_scorer(subject.model, subject.task, inputs)
    stems, rows = stems_of(subject.model), len(features[0])
    windows = make_windows(subject, inputs)
    with torch.no_grad():
        whole = scorer(*features, weights, *inputs)
    width = sum(values[0].numel() for values in features)
    falls = []
    for some in torch.split(windows, max(1, MAX_BATCH_VALUES // (rows * width))):
        hidden = some.repeat_interleave(rows, 0)  # (w B, P...): of every window all rows
        asked = tuple(_repeat(values, len(some)) for values in inputs)
        read = (_repeat(values, len(some)) for values in features)
        left = tuple(_hide(stem, values, asked, hidden) for stem, values in zip(stems, read, strict=True))
        with torch.no_grad():
            falls.append(whole - scorer(*left, _repeat(weights, len(some)), *asked).reshape(len(some), rows))
    return torch.einsum("wb,w...->b...", torch.cat(falls), windows) / windows.sum(0)


def make_windows(subject: Subject, inputs: tuple[Tensor, ...]) -> Tensor:
    """1 in a window and 0 elsewhere, (W, P...)."""
    stem, features = stems_of(subject.model)[0], read_features(subject.model, inputs)[0]
    shape = gather_elements(stem, features, inputs, add_features).shape[1:]
    across = WINDOWS_ACROSS[ELEMENT_LAYOUTS[type(stem)].kind]
    spans = [torch.stack(list(_axis_windows(*pair))) for pair in zip(shape, across, strict=True)]
    return reduce(torch.kron, spans).reshape(-1, *shape)


def _axis_windows(length: int, most: int) -> Iterator[Tensor]:
    """Windows of equal length along an axis, (length,) each, every one beginning in the middle of that before."""
    side = math.ceil(length / most)
    for start in sorted({*range(0, length - side, (side + 1) // 2), length - side}):
        window = torch.zeros(length)
        window[start : start + side] = 1
        yield window


def _hide(stem: nn.Module, features: Tensor, inputs: tuple[Tensor, ...], hidden: Tensor) -> Tensor:
    """Features without what stems from the hidden elements, whose share in each feature gathering's gradient tells."""
    probe = torch.zeros_like(features, requires_grad=True)
    elements = gather_elements(stem, probe, inputs, add_features)
    (share,) = torch.autograd.grad(elements, probe, hidden)
    return features - share * (features - blank_features(stem, features))


def _repeat(values: Tensor, times: int) -> Tensor:
    return values.repeat(times, *[1] * (values.ndim - 1))
