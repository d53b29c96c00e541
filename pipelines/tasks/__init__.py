"""What is learned: outputs, loss, score, reply; one task per file."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter

from pipelines.data.schema import Schema
from pipelines.tasks.classification import Classification, ClassificationSettings
from pipelines.tasks.forecasting import Forecasting, ForecastingSettings
from pipelines.tasks.generation import Generation, GenerationSettings
from pipelines.tasks.reconstruction import Reconstruction, ReconstructionSettings
from pipelines.tasks.regression import Regression, RegressionSettings
from pipelines.tasks.segmentation import Segmentation, SegmentationSettings
from pipelines.tasks.task import Decision, Goal, Metric, Task

TASKS: dict[str, type[Any]] = {  # each is built from (schema, settings, goal)
    "classification": Classification,  # which of a few classes?
    "regression": Regression,  # how much?
    "forecasting": Forecasting,  # what comes next?
    "segmentation": Segmentation,  # what is where?
    "reconstruction": Reconstruction,  # what is behind the noise, and what is unlike the rest?
    "generation": Generation,  # what else could there be?
}


def _named(value: Any) -> Any:
    """`task: classification` is short for `task: {kind: classification}`."""
    return {"kind": value} if isinstance(value, str) else value


SettingsOfTask: TypeAlias = Annotated[
    ClassificationSettings
    | RegressionSettings
    | ForecastingSettings
    | SegmentationSettings
    | ReconstructionSettings
    | GenerationSettings,
    Field(discriminator="kind"),
    BeforeValidator(_named),
]


def task(settings: SettingsOfTask, schema: Schema, goal: str | None = None) -> Task:
    """The task that some settings name.

    Raises:
        Failure: if it cannot be asked of this data, or the goal is not one of its own.
    """
    learned: Task = TASKS[settings.kind](schema, settings, goal)
    return learned


def stored(settings: Mapping[str, Any]) -> SettingsOfTask:
    """Settings of a task as they were written to a JSON file."""
    found: SettingsOfTask = TypeAdapter(SettingsOfTask).validate_json(json.dumps(settings))
    return found


__all__ = ["TASKS", "Decision", "Goal", "Metric", "SettingsOfTask", "Task", "stored", "task"]
