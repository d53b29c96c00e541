"""Model inputs: the columns of a part as they are stored, texts as numbers of their tokens."""

from typing import Any

from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.text import token_ids
from pipelines.tasks.task import Task


def model_inputs(task: Task, part: Part) -> tuple[NDArray[Any], ...]:
    """One (N, ...) array per field of `task.input_fields`, ready for the graph."""
    return tuple(
        token_ids(values, field) if field.kind == "text" else values
        for field, values in zip(task.input_fields, task.raw_inputs(part), strict=True)
    )
