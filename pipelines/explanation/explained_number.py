"""Explained number: the one number of a model's answer that an attribution is about, by task.

It is a weighted sum of the outputs in the target's units, with weights that are fixed by what the model answers for the
row as it is.

Shapes: B rows, K classes, H height, W width, C channels, D numbers of an image.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class ExplainedNumber(NamedTuple):
    """The weights of the outputs, and in words what they make."""

    weigh_outputs: Callable[[Any, Tensor], Tensor]  # (task, outputs (B, ...)) -> weights (B, ...)
    description: str


def weigh_named_class(task: Any, outputs: Tensor) -> Tensor:
    """The logit of the class with the largest, over the mean of all: no constant added to all logits counts; (B, K)."""
    classes = outputs.shape[1]
    return F.one_hot(outputs.argmax(1), classes).to(outputs.dtype) - 1 / classes


def weigh_number(task: Any, outputs: Tensor) -> Tensor:
    return torch.ones_like(outputs)


def weigh_median_forecast(task: Any, outputs: Tensor) -> Tensor:
    """The median, in the mean over horizon and variables; (B, steps, variables, quantiles)."""
    weights = torch.zeros_like(outputs)
    weights[..., outputs.shape[3] // 2] = 1 / (outputs.shape[1] * outputs.shape[2])
    return weights


def weigh_largest_area(task: Any, outputs: Tensor) -> Tensor:
    """The logit over the mean of all of the scored class that covers the most pixels, in the mean over these.

    (B, K, H, W); of a picture with nothing but background, of the first scored class over all pixels.
    """
    classes = outputs.shape[1]
    found = F.one_hot(outputs.argmax(1), classes).movedim(3, 1).to(outputs.dtype)  # (B, K, H, W)
    scored = torch.from_numpy(task.scored_classes)
    named = scored[found[:, scored].sum((2, 3)).argmax(1)]  # (B,)
    area = found[torch.arange(len(found)), named]  # (B, H, W)
    area = torch.where(area.sum((1, 2), keepdim=True) > 0, area, torch.ones_like(area))
    share = area / area.sum((1, 2), keepdim=True)
    return (F.one_hot(named, classes).to(outputs.dtype) - 1 / classes)[:, :, None, None] * share[:, None]


def weigh_middle_pixel(task: Any, outputs: Tensor) -> Tensor:
    """The pixel in the middle of what is drawn, in the mean of its channels; (B, 1 + D), a score in front."""
    height, width, channels = (*task.form.shape, 1)[:3]
    first = 1 + (height // 2 * width + width // 2) * channels
    weights = torch.zeros_like(outputs)
    weights[:, first : first + channels] = 1 / channels
    return weights


_MIDDLE_PIXEL = ExplainedNumber(weigh_middle_pixel, "the pixel in the middle of its answer")
EXPLAINED_NUMBERS: dict[str, ExplainedNumber] = {
    "classification": ExplainedNumber(weigh_named_class, "the score of the class that it names"),
    "regression": ExplainedNumber(weigh_number, "the number that it predicts"),
    "forecasting": ExplainedNumber(weigh_median_forecast, "the mean of its forecast"),
    "segmentation": ExplainedNumber(weigh_largest_area, "the mean score of the area that it marks"),
    "reconstruction": _MIDDLE_PIXEL,
    "denoising": _MIDDLE_PIXEL,
}
NO_NUMBER = {  # tasks without one, and why
    "anomaly_detection": "its score compares every input with what is drawn of it, so that each counts by itself",
    "generation": "it starts from noise, and there is nothing that it looks at",
}


def explain_no_number(task: Any) -> str:
    """Why no one number of the answers can be explained; empty if one can."""
    if task.name in NO_NUMBER:
        return NO_NUMBER[task.name]
    if task.name == "reconstruction" and not task.form.is_image:
        return "its answer is every column at once"
    return ""
