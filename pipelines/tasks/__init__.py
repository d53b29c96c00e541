"""What is learned: outputs, loss, score, reply; one task per file."""

from pipelines.tasks.classification import Classification
from pipelines.tasks.task import Goal, Metric, Task

TASKS = {
    "classification": Classification,  # which of a few classes?
}

__all__ = ["TASKS", "Goal", "Metric", "Task"]
