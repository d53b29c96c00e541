"""Ask a running server about every row of the test part, and compare with what `evaluate` wrote down."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.data.text import decoded
from pipelines.evaluation.predictions import read_predictions
from pipelines.settings.params import Params
from pipelines.tasks import task
from serving import archive
from serving.client.client import Client
from serving.worker import integrity as checks
from serving.worker.replies.table import REPLIES, written
from serving.worker.requests.example import DECODERS

AT_ONCE = 16  # examples in one request


def differences(project: Path, params: Params, problem: str, client: Client) -> list[str]:
    """What a server answers otherwise than `predictions.npz` says, a sentence per row; empty if nothing."""
    package = archive.opened(project / "artifacts" / problem / "package" / f"{problem}.mar")
    signature, scale = package.signature, checks.scale(package.golden, package.signature)
    asked = questions(project, params, problem)
    champion = json.loads((project / "artifacts" / problem / "compare" / "champion.json").read_text())["contender"]
    truth = read_predictions(project / "artifacts" / problem / "evaluate" / champion / "predictions.npz").test_replies
    assert len(asked) == len(truth)
    found: list[dict[str, Any]] = []
    for start in range(0, len(asked), AT_ONCE):
        found += client.predict_instances(problem, asked[start : start + AT_ONCE])
    said = []
    for row, reply in enumerate(found):
        expected = written(truth[row : row + 1], signature, {}, [])
        if difference := REPLIES[signature.task].difference(expected, reply, signature, scale):
            said.append(f"row {row}: {difference}")
    return said


def questions(project: Path, params: Params, problem: str) -> list[dict[str, Any]]:
    """The test part as requests, an object per example."""
    settings = params.problems[problem]
    split = project / "data" / problem / "split"
    schema = read_schema(split / "schema.json")
    learned = task(settings.task, schema, settings.goal)
    part = read_part(split / "test", schema)
    columns = dict(zip([field.name for field in learned.asked], learned.questions(part), strict=True))
    package = archive.opened(project / "artifacts" / problem / "package" / f"{problem}.mar")
    return [
        {
            field.name: decoded(np.asarray(columns[field.name][row])[None])[0]
            if field.kind == "text"
            else DECODERS[field.kind].write(np.asarray(columns[field.name][row]), field)
            for field in package.signature.inputs
        }
        for row in range(len(part.target))
    ]
