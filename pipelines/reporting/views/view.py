"""What a task's pictures are drawn from: the test part, what was answered to it, and what is true."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.tasks import Task
from pipelines.tasks.task import Calibration


class EvaluationData(NamedTuple):
    """Row i of part, replies, truth and every baseline is the same example. N examples."""

    schema: Schema
    task: Task
    test: Part
    predictions: NDArray[Any]  # (N, ...)
    reference: NDArray[Any]  # (N, ...)
    calibration: Calibration
    baselines: Mapping[str, NDArray[Any]]  # replies of the baselines, (N, ...), the most trivial first
    train: Part | None = None  # what was learned from, for those who look whether it was learned by heart
    predict: Callable[..., NDArray[Any]] | None = None  # the model: what is asked, (n, ...) each -> replies (n, ...)
