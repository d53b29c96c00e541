"""Evaluation data: the test part, the predictions for it and the reference, from which a task's pictures are drawn."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.tasks import Task
from pipelines.tasks.task import Calibration, Reference

AnyTask = TypeVar("AnyTask", bound=Task)


class EvaluationData(NamedTuple, Generic[AnyTask]):
    """Row i of test, predictions, reference and every baseline is the same example. N examples."""

    schema: Schema
    task: AnyTask
    test: Part
    predictions: NDArray[Any]  # (N, ...)
    reference: Reference
    calibration: Calibration
    baselines: Mapping[str, NDArray[Any]]  # predictions of the baselines, (N, ...), the most trivial first
    train: Part | None = None  # for views that show whether training examples were memorised
    predict: Callable[..., NDArray[Any]] | None = None  # the model: raw inputs, (n, ...) each -> predictions (n, ...)
    dependence: Dependence = ALONE  # which of the rows belong together
