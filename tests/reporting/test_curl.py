"""The report's curl command: a plausible value for every input field, and a line that a shell can run."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.data.schema import Field, Schema, read_schema
from pipelines.reporting.page.curl import PREDICTIONS_URL, curl_command
from pipelines.tasks import build_task
from pipelines.tasks.regression import Regression, RegressionSettings
from tests.support.problems import PROBLEMS, task_settings_of


def split_as_shell(line: str) -> list[str]:
    return shlex.split(line)


def document(line: str) -> dict[str, Any]:
    split = split_as_shell(line)
    found: dict[str, Any] = json.loads(split[split.index("--data") + 1])
    return found


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_task_has_a_curl_command_that_a_shell_can_run(folder_of: Callable[[str], Path], problem: str) -> None:
    schema = read_schema(folder_of(problem) / "split" / "schema.json")
    task = build_task(task_settings_of(problem), schema)
    line = curl_command(problem, task)
    assert "\n" not in line
    assert split_as_shell(line)[0] == "curl"
    assert split_as_shell(line)[-1] == f"{PREDICTIONS_URL}/{problem}"
    kinds = [field.kind for field in task.input_fields]
    if kinds == ["image"]:
        assert "Content-Type: image/png" in split_as_shell(line)
    elif kinds == ["noise"]:
        assert set(document(line)) == {"number", "seed"}
    else:
        assert list(document(line)) == [field.name for field in task.input_fields]


@pytest.mark.parametrize("problem", ["cells", "diabetes"])
def test_example_values_occur_in_the_data(folder_of: Callable[[str], Path], problem: str) -> None:
    folder = folder_of(problem) / "split"
    schema = read_schema(folder / "schema.json")
    sent = document(curl_command(problem, build_task(task_settings_of(problem), schema)))
    for field in schema.inputs:
        if field.kind == "category":
            assert sent[field.name] in field.categories
        else:
            assert field.range is not None
            assert field.range[0] <= sent[field.name] <= field.range[1]


def regression_on(*fields: Field) -> Regression:
    target = Field(name="y", kind="number", dtype="float32", shape=())
    schema = Schema(inputs=fields, target=target, title="Stand-in", origin="made here", licence="none")
    return Regression(schema, RegressionSettings())


def field(name: str, kind: str, **more: Any) -> Field:
    return Field.model_validate({"name": name, "kind": kind, "dtype": "float32", "shape": (), **more})


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (field("x", "number", range=(2, 4)), 3.0),
        (field("x", "number", range=(0, 1 / 3)), 0.1667),
        (field("x", "number"), 0.0),
        (field("x", "number", unit="days since 1970-01-01", range=(0, 1)), "2000-01-01"),
        (field("x", "category", categories=("it's", "other")), "it's"),
        (field("x", "text", categories=("", "<unknown>", "don't", "straße")), "don't straße"),
        (field("x", "steps", shape=(5, 2), columns=("a", "b")), [[0.0, 0.0]]),
    ],
    ids=str,
)
def test_the_example_value_of_a_field_follows_its_kind(column: Field, value: Any) -> None:
    line = curl_command("problem", regression_on(column))
    assert document(line) == {"x": value}


def test_apostrophes_in_column_names_survive_the_shell() -> None:
    line = curl_command("problem", regression_on(field("it's", "number"), field('say "so"', "number")))
    assert document(line) == {"it's": 0.0, 'say "so"': 0.0}


def test_a_recording_is_sent_as_a_file() -> None:
    recording = Field(name="recording", kind="audio", dtype="int16", shape=(8,), rate=8000)
    line = split_as_shell(curl_command("words", regression_on(recording)))
    assert "Content-Type: audio/wav" in line
    assert line[line.index("--data-binary") + 1] == "@some.wav"
