"""Trained model of a contender, loaded from its artifacts alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.stems import Model
from pipelines.data.schema import Schema, read_schema
from pipelines.runtime.files import read_json
from pipelines.settings import paths
from pipelines.tasks import Task, build_task, settings_from_json
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
    folder = paths.train_folder(problem, contender)
    record = read_json(folder / "model.json")
    schema = read_schema(paths.schema_file(problem))
    task = build_task(settings_from_json(record["task"]), schema, record["goal"])
    settings = make_settings(record["architecture"], record["settings"])
    weights_path = folder / "weights" / f"seed-{record['best_seed']}"
    return TrainedModel(load_model(record["architecture"], task, settings.network, weights_path), task, schema, record)
