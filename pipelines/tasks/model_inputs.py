"""What a graph is asked about a part: the columns as they are stored, texts as codes of the vocabulary."""

from typing import Any

from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.text import codes
from pipelines.tasks.task import Task


def asked(task: Task, part: Part) -> tuple[NDArray[Any], ...]:
    """One (N, ...) array per field of `task.asked`, ready for the graph."""
    return tuple(
        codes(values, field) if field.kind == "text" else values
        for field, values in zip(task.asked, task.questions(part), strict=True)
    )
