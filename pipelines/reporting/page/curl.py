"""How to ask the served champion, as a line for a terminal that works."""

import json
from typing import Any

from pipelines.data.schema import Field
from pipelines.tasks import Task

ADDRESS = "http://127.0.0.1:8080/predictions"
MOMENT = "days since 1970-01-01"  # the unit of dates


def curl(problem: str, task: Task) -> str:
    """A request with values that could occur, one per field of what is asked."""
    if [field.kind for field in task.asked] == ["image"]:
        return f"curl -H 'Content-Type: image/png' --data-binary @some.png {ADDRESS}/{problem}"
    if [field.kind for field in task.asked] == ["noise"]:
        return _json(problem, {"number": 4, "seed": 1})
    return _json(problem, {field.name: _value(field, whole=task.name == "forecasting") for field in task.asked})


def _json(problem: str, document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False).replace("'", "'\\''")
    return f"curl -H 'Content-Type: application/json' --data '{text}' {ADDRESS}/{problem}"


def _value(field: Field, *, whole: bool) -> Any:
    """A value that is typical of its kind."""
    if field.kind == "category":
        return field.categories[0] if field.categories else None
    if field.kind == "text":
        return " ".join(field.categories[2:8])
    if field.kind == "steps":
        return [[0.0] * field.shape[1]] * (field.shape[0] if whole else 1)  # a shorter sequence is often as good
    low, high = field.range or (0.0, 0.0)
    middle = float(f"{(low + high) / 2:.4g}")
    return "2000-01-01" if field.unit == MOMENT else middle
