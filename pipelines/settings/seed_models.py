"""Every training of a contender, loaded from its artifacts, and the goal of each row by row.

Shapes: M trainings, N rows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.stems import Model
from pipelines.data.parts import Part
from pipelines.evaluation.predictions import Predictions
from pipelines.evaluation.training_error import Trainings
from pipelines.settings import paths
from pipelines.settings.trained_task import load_trained_task
from pipelines.tasks import Task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.contender_settings import make_settings
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors
from pipelines.training.weights import load_model


def measure_trainings(problem: str, contender: str, predictions: Predictions, *parts: Part) -> Trainings | None:
    """The goal of every seed run on both parts; each is calibrated on validation by itself, as if it shipped.

    A seed run whose goal is not a number on some row is left out; None if there is no other. The best trial is not
    among them: its score was chosen, so that it is no training like the others.

    Args:
        predictions: of the same rows, for their references.
        parts: validation and test.

    Raises:
        UserError: if a file is missing or damaged.
    """
    task, _, record = load_trained_task(problem, contender)
    inputs = [to_tensors(model_inputs(task, part)) for part in parts]
    references = predictions.valid_reference, predictions.test_reference
    measured: list[list[NDArray[np.float64]]] = []
    for model in load_seed_models(problem, contender, task, record):
        outputs = [predict(model, nn.Identity(), columns) for columns in inputs]
        postprocess = task.postprocess(task.calibrate_postprocess(outputs[0], references[0]))
        served = [predict(nn.Identity(), postprocess, to_tensors((values,))) for values in outputs]
        objectives = [task.objective_per_row(*pair) for pair in zip(served, references, strict=True)]
        if all(np.isfinite(rows).all() for rows in objectives):
            measured.append(objectives)
    if not measured:
        return None
    valid_rows, test_rows = (np.array([objectives[place] for objectives in measured]) for place in (0, 1))
    return Trainings(valid_rows, test_rows, record["uses_seed"], record["ship"] == "best")


def load_seed_models(problem: str, contender: str, task: Task, record: Any) -> Iterator[Model]:
    """The model of every seed run that ended with a score, in the order of the seeds.

    Args:
        record: what model.json holds.
    """
    settings = make_settings(record["architecture"], task.name, record["settings"])
    folder = paths.train_folder(problem, contender) / "weights"
    for member in record["members"]:
        if member["name"].startswith("seed-") and member["score"] is not None:
            yield load_model(record["architecture"], task, settings, folder / member["name"])
