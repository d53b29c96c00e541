"""How good a model is on a part: replies in slices, then one score over the whole set."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.tasks import Task
from pipelines.training.lesson import Examples

SLICE = 4096  # examples answered at a time

Report = Callable[[int, Mapping[str, float]], bool]  # (epoch, what to record) -> whether to stop


def replies(model: nn.Module, reply: nn.Module, inputs: tuple[Tensor, ...]) -> NDArray[Any]:
    """What the model would serve for these inputs: (N, ...) float32, in evaluation mode, without gradients."""
    model.eval()
    rows = len(inputs[0])
    with torch.inference_mode():
        slices = [
            reply(model(*(values[start : start + SLICE] for values in inputs)).float()).cpu().numpy()
            for start in range(0, rows, SLICE)
        ]
    return np.concatenate(slices)


def validate(model: nn.Module, task: Task, valid: Examples) -> dict[str, float]:
    """The goal on the validation part, named valid_<goal>; the other metrics wait for the evaluation."""
    per_example = task.examples(replies(model, task.reply(), valid.inputs), valid.target.cpu().numpy())
    return {f"valid_{task.goal.name}": float(per_example.mean())}
