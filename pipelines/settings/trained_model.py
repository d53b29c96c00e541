"""Trained model of a contender, loaded from its artifacts alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from models.blocks.averaged_model import TrainedNetwork, average_models
from models.stems import Model
from pipelines.data.schema import Schema
from pipelines.settings import paths
from pipelines.settings.trained_task import load_trained_task
from pipelines.tasks import Task
from pipelines.training.contender_settings import make_settings
from pipelines.training.weights import load_model


class TrainedModel(NamedTuple):
    """What ships of a contender, on the CPU and in evaluation mode, with what it was trained for."""

    model: TrainedNetwork  # one member, or the average of several
    task: Task
    schema: Schema
    record: Mapping[str, Any]  # what model.json holds


def load_trained(problem: str, contender: str) -> TrainedModel:
    """Load what the train stage wrote.

    Raises:
        UserError: if a file is missing or damaged.
    """
    task, schema, record = load_trained_task(problem, contender)
    members = load_members(problem, contender, task, record, record["shipped"])
    return TrainedModel(average_models(members, task.average()).eval(), task, schema, record)


def load_members(
    problem: str, contender: str, task: Task, record: Mapping[str, Any], names: Sequence[str]
) -> list[Model]:
    """Load some of a contender's members, in this order.

    Args:
        record: what model.json holds.

    Raises:
        UserError: if a file is missing or damaged.
    """
    settings = make_settings(record["architecture"], task.name, record["settings"])
    folder = paths.train_folder(problem, contender) / "weights"
    return [load_model(record["architecture"], task, settings, folder / name) for name in names]
