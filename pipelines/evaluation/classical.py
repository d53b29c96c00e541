"""Classical contenders of a table: what a network's gain over a trivial baseline does not tell.

They are contenders and no rows of a baseline, because they can ship: tuned, calibrated and compared like the others.
Where a competition over a table lacks one, the reason for its champion says so.
"""

from collections.abc import Collection, Mapping

from pipelines.tasks import Task

CLASSICAL: Mapping[str, tuple[str, ...]] = {  # by task: a linear fit, and trees that stop when validation does
    "classification": ("logistic_regression", "gradient_boosting"),
    "regression": ("linear_regression", "gradient_boosting"),
}
CELL_KINDS = ("number", "category", "text")  # what a cell of a table may hold


def find_missing_classical(task: Task, architectures: Collection[str]) -> tuple[str, ...]:
    """The classical architectures that were not entered for a table; none where examples are no rows of one."""
    kinds = [field.kind for field in task.input_fields]
    if kinds in ([], ["text"]) or any(kind not in CELL_KINDS for kind in kinds):
        return ()
    return tuple(name for name in CLASSICAL.get(task.name, ()) if name not in architectures)
