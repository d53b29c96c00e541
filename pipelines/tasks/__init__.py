"""Tasks: what is learned, one per file: targets, loss, metrics, baselines."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter

from pipelines.data.schema import Schema
from pipelines.tasks.anomaly_detection import AnomalyDetection, AnomalyDetectionSettings
from pipelines.tasks.classification import Classification, ClassificationSettings
from pipelines.tasks.denoising import Denoising, DenoisingSettings
from pipelines.tasks.forecasting import Forecasting, ForecastingSettings
from pipelines.tasks.generation import Generation, GenerationSettings
from pipelines.tasks.reconstruction import Reconstruction, ReconstructionSettings
from pipelines.tasks.regression import Regression, RegressionSettings
from pipelines.tasks.segmentation import Segmentation, SegmentationSettings
from pipelines.tasks.task import Calibration, Goal, Metric, Task, score

TASKS: dict[str, type[Any]] = {  # each is built from (schema, settings, goal)
    "classification": Classification,  # which of a few classes?
    "regression": Regression,  # how much?
    "forecasting": Forecasting,  # what comes next?
    "segmentation": Segmentation,  # what is where?
    "reconstruction": Reconstruction,  # how little does it take to draw an input again?
    "denoising": Denoising,  # what is behind the noise?
    "anomaly_detection": AnomalyDetection,  # what is unlike the rest?
    "generation": Generation,  # what else could there be?
}


def _expand_kind(value: Any) -> Any:
    """`task: classification` is short for `task: {kind: classification}`."""
    return {"kind": value} if isinstance(value, str) else value


AnyTaskSettings: TypeAlias = Annotated[
    ClassificationSettings
    | RegressionSettings
    | ForecastingSettings
    | SegmentationSettings
    | ReconstructionSettings
    | DenoisingSettings
    | AnomalyDetectionSettings
    | GenerationSettings,
    Field(discriminator="kind"),
    BeforeValidator(_expand_kind),
]


def build_task(settings: AnyTaskSettings, schema: Schema, goal: str | None = None) -> Task:
    """The task that some settings name.

    Raises:
        UserError: if the data does not fit the task, or the goal is not one of its own.
    """
    task: Task = TASKS[settings.kind](schema, settings, goal)
    return task


def settings_from_json(settings: Mapping[str, Any]) -> AnyTaskSettings:
    """Settings of a task as they were written to a JSON file."""
    found: AnyTaskSettings = TypeAdapter(AnyTaskSettings).validate_json(json.dumps(settings))
    return found


__all__ = [
    "TASKS",
    "AnyTaskSettings",
    "Calibration",
    "Goal",
    "Metric",
    "Task",
    "build_task",
    "score",
    "settings_from_json",
]
