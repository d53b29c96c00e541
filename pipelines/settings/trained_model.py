"""Trained model of a contender, loaded from its artifacts alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.stems import Model
from pipelines.data.schema import Schema
from pipelines.settings import paths
from pipelines.settings.trained_task import load_trained_task
from pipelines.tasks import Task
from pipelines.training.contender_settings import make_settings
from pipelines.training.weights import load_model


class TrainedModel(NamedTuple):
    """The model of a contender's best seed, on the CPU and in evaluation mode, with what it was trained for."""

    model: Model
    task: Task
    schema: Schema
    record: Mapping[str, Any]  # what model.json holds


def load_trained(problem: str, contender: str) -> TrainedModel:
    """Load what the train stage wrote.

    Raises:
        UserError: if a file is missing or damaged.
    """
    task, schema, record = load_trained_task(problem, contender)
    settings = make_settings(record["architecture"], task.name, record["settings"])
    weights_path = paths.train_folder(problem, contender) / "weights" / f"seed-{record['best_seed']}"
    return TrainedModel(load_model(record["architecture"], task, settings, weights_path), task, schema, record)
