"""What models answer for rows that they were not trained on: the validation part, or every fold's own rows.

What is chosen once training is over (temperature, threshold, the width of an interval, the champion) is chosen on
these. Of folds, row i is answered by the one model that has not seen it, and compared with baselines fitted where
that model was trained.

N rows that are held out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.blocks.averaged_model import TrainedNetwork
from pipelines.data.dependence import Dependence
from pipelines.data.folds import Folds
from pipelines.data.parts import Part, select_rows
from pipelines.tasks import Task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tasks.task import Reference
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors


class HeldOut(NamedTuple):
    """Answers for rows that were held out; row i of each is the same example."""

    outputs: NDArray[Any]  # (N, ...), what the postprocess reads
    reference: Reference
    baselines: dict[str, NDArray[Any]]  # (N, ...) by the name of the row
    dependence: Dependence
    folds: NDArray[np.int64] | None = None  # (N,): the fold that held a row out; None of a holdout


def answer_holdout(task: Task, model: TrainedNetwork, train: Part, valid: Part, dependence: Dependence) -> HeldOut:
    """What a model answers for the validation part."""
    outputs = predict(model, nn.Identity(), to_tensors(model_inputs(task, valid)))
    return HeldOut(outputs, task.reference(valid, train), task.baselines(train, valid), dependence)


def answer_folds(task: Task, models: Sequence[TrainedNetwork], part: Part, folds: Folds) -> HeldOut:
    """What each fold's model answers for the rows that the fold holds out, in the order of the rows.

    Args:
        models: one per fold.
        part: the rows of the train part, then of the validation part.
    """
    found = [
        answer_holdout(
            task,
            model,
            select_rows(part, folds.trained(fold)),
            select_rows(part, folds.held_out(fold)),
            folds.dependence,
        )
        for fold, model in enumerate(models)
    ]
    held_out = [folds.held_out(fold) for fold in range(folds.number)]
    order = np.argsort(np.concatenate(held_out), kind="stable")

    def join(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(arrays)[order]

    return HeldOut(
        join([one.outputs for one in found]),
        task.reference_type(*(join(fields) for fields in zip(*(one.reference for one in found), strict=True))),
        {name: join([one.baselines[name] for one in found]) for name in found[0].baselines},
        folds.dependence,
        join([np.full(len(rows), fold) for fold, rows in enumerate(held_out)]),
    )
