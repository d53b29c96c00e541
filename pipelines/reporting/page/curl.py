"""An example request to the served champion, as a curl command that works."""

import json
from typing import Any

from pipelines.data.dates import DATE_UNIT
from pipelines.data.schema import Field
from pipelines.tasks import Task

PREDICTIONS_URL = "http://127.0.0.1:8080/predictions"


def curl_command(problem: str, task: Task) -> str:
    """A curl command with a plausible value for every input field."""
    if [field.kind for field in task.input_fields] == ["image"]:
        return f"curl -H 'Content-Type: image/png' --data-binary @some.png {PREDICTIONS_URL}/{problem}"
    if [field.kind for field in task.input_fields] == ["audio"]:
        return f"curl -H 'Content-Type: audio/wav' --data-binary @some.wav {PREDICTIONS_URL}/{problem}"
    if [field.kind for field in task.input_fields] == ["noise"]:
        return _curl_json(problem, {"number": 4, "seed": 1})
    return _curl_json(
        problem,
        {field.name: _example_value(field, full_length=task.requires_full_window) for field in task.input_fields},
    )


def _curl_json(problem: str, document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False).replace("'", "'\\''")
    return f"curl -H 'Content-Type: application/json' --data '{text}' {PREDICTIONS_URL}/{problem}"


def _example_value(field: Field, *, full_length: bool) -> Any:
    """A plausible value: a category, a few words, the middle of a range."""
    if field.kind == "category":
        return field.categories[0] if field.categories else None
    if field.kind == "text":
        return " ".join(field.categories[2:8])
    if field.kind == "steps":
        return [[0.0] * field.shape[1]] * (field.shape[0] if full_length else 1)  # shorter sequences are allowed
    low, high = field.range or (0.0, 0.0)
    middle = float(f"{(low + high) / 2:.4g}")
    return "2000-01-01" if field.unit == DATE_UNIT else middle
