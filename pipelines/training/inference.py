"""Inference on a whole part in batches, and the score on validation."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.stems import Model
from pipelines.data.large_arrays import allocate
from pipelines.tasks import Task
from pipelines.training.job import ValidationExamples

MAX_BATCH_EXAMPLES = 1024  # examples answered at a time, at most
MAX_BATCH_VALUES = 2**20  # numbers in these, about: a network may make a hundred of each, one per channel

EpochCallback = Callable[[int, Mapping[str, float]], None]  # (epoch, what to record)


def predict(model: nn.Module, postprocess: nn.Module, inputs: tuple[Tensor, ...]) -> NDArray[Any]:
    """Predictions for these inputs, as they would be served: (N, ...) float32, in evaluation mode."""
    return _predict_batches(model.eval(), postprocess, inputs)


def _predict_batches(
    forward: Callable[..., Tensor], postprocess: nn.Module, inputs: tuple[Tensor, ...]
) -> NDArray[Any]:
    rows = len(inputs[0])
    step = max(1, min(MAX_BATCH_EXAMPLES, MAX_BATCH_VALUES // sum(values[:1].numel() for values in inputs)))
    predictions = np.empty(0)
    with torch.inference_mode():
        for start in range(0, rows, step):
            slices = (values[start : start + step] for values in inputs)
            batch_predictions = postprocess(forward(*slices).float()).cpu().numpy()
            if not start:
                predictions = allocate((rows, *batch_predictions.shape[1:]), batch_predictions.dtype)
            predictions[start : start + step] = batch_predictions
    return predictions


def score_validation(forward: Callable[..., Tensor], task: Task, valid: ValidationExamples) -> dict[str, float]:
    """The goal on the validation part, named valid_<goal>; the other metrics wait for the evaluation.

    Args:
        forward: of a model in evaluation mode: `valid.inputs` -> outputs in the target's units.
    """
    per_row = task.objective_per_row(_predict_batches(forward, task.postprocess(), valid.inputs), valid.reference)
    return {f"valid_{task.goal.name}": float(per_row.mean())}


def output_loss(model: Model, task: Task, valid: ValidationExamples) -> Callable[[Tensor], float]:
    """The goal on the validation part, of a network's outputs for it (V, O); smaller is better, infinite if undefined.

    Args:
        model: its output transform is used alone.
    """
    sign = 1.0 if task.goal.direction == "minimize" else -1.0

    def transform(outputs: Tensor, *inputs: Tensor) -> Tensor:
        transformed: Tensor = model.output_transform(outputs, *inputs)
        return transformed

    def loss(outputs: Tensor) -> float:
        scores = score_validation(transform, task, valid._replace(inputs=(outputs, *valid.inputs)))
        score = sign * scores[f"valid_{task.goal.name}"]
        return score if math.isfinite(score) else math.inf

    return loss
