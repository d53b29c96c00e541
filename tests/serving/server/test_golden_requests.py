"""Golden requests: what the server writes is what the worker parses, for every kind of field and task."""

import json
from pathlib import Path

import numpy as np
import pytest

from serving.archive import read_archive
from serving.server.golden_check import _split_requests
from serving.server.golden_requests import FIELD_WRITERS, golden_instances
from serving.server.reply_comparison import REPLY_COMPARISONS
from serving.worker.integrity import split_golden
from serving.worker.replies.table import REPLY_FORMATS
from serving.worker.requests.body import JSON, parse_body
from serving.worker.requests.example import FIELD_FORMATS
from tests.support.small_models import SMALL_MODELS


def test_every_kind_of_field_has_a_parser_and_a_writer() -> None:
    assert FIELD_WRITERS.keys() == FIELD_FORMATS.keys()


def test_every_task_has_a_reply_and_its_comparison() -> None:
    assert REPLY_COMPARISONS.keys() == REPLY_FORMATS.keys()


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_golden_inputs_round_trip_through_json(archive_folder: Path, name: str) -> None:
    package = read_archive(archive_folder / f"{name}.mar")
    inputs, _ = split_golden(package.golden, package.signature)
    for row, instance in enumerate(golden_instances(package)):
        body = json.dumps(instance, allow_nan=False).encode()
        (example,) = parse_body(JSON, body, package.signature).examples
        for field, values in inputs.items():
            found = example.columns[field]
            assert found.dtype == values.dtype
            assert np.array_equal(found[0], values[row], equal_nan=values.dtype.kind == "f"), field


def test_the_golden_instance_of_a_text_is_a_text(archive_folder: Path) -> None:
    assert golden_instances(read_archive(archive_folder / "spam.mar"))[0] == {"text": "you have won ! !"}


def test_golden_inputs_that_are_large_go_in_several_requests() -> None:
    row = {"image": [0] * 1_000_000}  # three million characters of JSON
    assert [len(batch) for batch in _split_requests([row, row, {"image": 1}, row])] == [1, 2, 1]
    assert [len(batch) for batch in _split_requests([{"image": 1}] * 130)] == [64, 64, 2]
