"""Task of a trained contender, from its artifacts alone and without PyTorch."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.data.schema import Schema, read_schema
from pipelines.runtime.files import read_json
from pipelines.settings import paths
from pipelines.tasks import Task, build_task, settings_from_json


class TrainedTask(NamedTuple):
    """What a contender was trained for."""

    task: Task
    schema: Schema
    record: Mapping[str, Any]  # what model.json holds


def load_trained_task(problem: str, contender: str) -> TrainedTask:
    """Read what the train stage wrote.

    Raises:
        UserError: if a file is missing or damaged.
    """
    record = read_json(paths.train_folder(problem, contender) / "model.json")
    own = paths.trained_schema_file(problem, contender)
    schema = read_schema(own if own.exists() else paths.schema_file(problem))
    return TrainedTask(build_task(settings_from_json(record["task"]), schema, record["goal"]), schema, record)
