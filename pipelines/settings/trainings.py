"""Every training of a contender, loaded from its artifacts, and the goal of each row by row.

Shapes: M trainings, N rows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.stems import Model
from pipelines.data.parts import Part
from pipelines.evaluation.predictions import Predictions
from pipelines.evaluation.training_error import Trainings
from pipelines.settings.trained_model import TrainedModel, load_members
from pipelines.tasks import Task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors


def measure_trainings(
    problem: str,
    contender: str,
    trained: TrainedModel,
    predictions: Predictions,
    postprocess: nn.Module,
    valid: Part,
    test: Part,
) -> Trainings | None:
    """The goal of every training on both parts, of folds on test alone.

    The best trial is not among them: its score was chosen, so that it is no training like the others.

    Args:
        predictions: of what ships, or of the folds on validation, for the same rows.
        postprocess: of what ships.
        valid: the validation part.
        test: the test part.

    Returns:
        None where what ships was trained after all others.

    Raises:
        UserError: if a file is missing or damaged.
    """
    task, record = trained.task, trained.record
    scored = [member["name"] for member in record["members"] if member["score"] is not None]
    if not record["folds"]:
        names = [name for name in scored if name.startswith("seed-")]
        models = load_members(problem, contender, task, record, names)
        return _measure_seeds(task, models, predictions, (valid, test), record["uses_seed"], record["ship"] == "best")
    if record["ship"] != "ensemble":
        return None
    models = load_members(problem, contender, task, record, scored)
    answers = (predict(model, postprocess, to_tensors(model_inputs(task, test))) for model in models)
    return Trainings(
        task.objective_per_row(predictions.valid_predictions, predictions.valid_reference)[None],
        np.array([task.objective_per_row(one, predictions.test_reference) for one in answers]),
        record["uses_seed"],
        ships_one=False,
    )


def _measure_seeds(
    task: Task,
    models: Sequence[Model],
    predictions: Predictions,
    parts: tuple[Part, Part],
    uses_seed: bool,
    ships_one: bool,
) -> Trainings | None:
    """Each training is calibrated on validation by itself, as if it shipped.

    A training whose goal is not a number on some row is left out; None if there is no other.
    """
    inputs = [to_tensors(model_inputs(task, part)) for part in parts]
    references = predictions.valid_reference, predictions.test_reference
    measured: list[list[NDArray[np.float64]]] = []
    for model in models:
        outputs = [predict(model, nn.Identity(), columns) for columns in inputs]
        postprocess = task.postprocess(task.calibrate_postprocess(outputs[0], references[0]))
        served = [predict(nn.Identity(), postprocess, to_tensors((values,))) for values in outputs]
        objectives = [task.objective_per_row(*pair) for pair in zip(served, references, strict=True)]
        if all(np.isfinite(rows).all() for rows in objectives):
            measured.append(objectives)
    if not measured:
        return None
    valid_rows, test_rows = (np.array([objectives[place] for objectives in measured]) for place in (0, 1))
    return Trainings(valid_rows, test_rows, uses_seed, ships_one)
