"""Served predictions of the whole test part, compared with the predictions that `evaluate` wrote."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.data.text import from_bytes
from pipelines.settings.params import Params
from pipelines.tasks import build_task
from serving.archive import read_archive
from serving.client import Client
from serving.server.golden_requests import field_to_json
from serving.server.reply_comparison import reply_difference
from serving.worker.integrity import error_scale
from serving.worker.replies.table import build_reply

MAX_EXAMPLES_PER_REQUEST = 16


def find_differences(project: Path, params: Params, problem: str, client: Client) -> list[str]:
    """The rows of the test part where a server's reply differs from `predictions.npz`, a message for each."""
    package = read_archive(project / "artifacts" / problem / "package" / f"{problem}.mar")
    signature, scale = package.signature, error_scale(package.golden, package.signature)
    instances = instances_of_test_part(project, params, problem)
    champion = json.loads((project / "artifacts" / problem / "compare" / "champion.json").read_text())["contender"]
    with np.load(project / "artifacts" / problem / "evaluate" / champion / "predictions.npz") as arrays:
        predictions = arrays["test_predictions"]
    assert len(instances) == len(predictions)
    replies: list[dict[str, Any]] = []
    for start in range(0, len(instances), MAX_EXAMPLES_PER_REQUEST):
        replies += client.predict_instances(problem, instances[start : start + MAX_EXAMPLES_PER_REQUEST])
    mismatches = []
    for row, reply in enumerate(replies):
        expected = build_reply(predictions[row : row + 1], signature, {}, [])
        if difference := reply_difference(expected, reply, signature, scale):
            mismatches.append(f"row {row}: {difference}")
    return mismatches


def instances_of_test_part(project: Path, params: Params, problem: str) -> list[dict[str, Any]]:
    """The test part as JSON objects with the model's fields, one per example."""
    settings = params.problems[problem]
    split = project / "data" / problem / "split"
    schema = read_schema(split / "schema.json")
    task = build_task(settings.task, schema, settings.goal)
    part = read_part(split / "test", schema)
    columns = dict(zip([field.name for field in task.input_fields], task.raw_inputs(part), strict=True))
    package = read_archive(project / "artifacts" / problem / "package" / f"{problem}.mar")
    return [
        {
            field.name: from_bytes(np.asarray(columns[field.name][row])[None])[0]
            if field.kind == "text"
            else field_to_json(np.asarray(columns[field.name][row]), field)
            for field in package.signature.inputs
        }
        for row in range(len(part.target))
    ]
