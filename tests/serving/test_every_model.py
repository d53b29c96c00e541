"""The handler with every small model: golden outputs, invalid requests, and neighbours in a batch."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.archive import build_archive, read_archive
from serving.server.golden_check import check_server
from serving.server.golden_requests import golden_instances
from serving.worker.handler import Handler
from serving.worker.integrity import InvalidArchive
from tests.support.handler_calls import Request, predict, send, start_handler
from tests.support.hostile_requests import INVALID_REQUESTS_BY_MODEL
from tests.support.request_bodies import scenes_body
from tests.support.small_models import SMALL_MODELS, build_model_archive, small_model_of

SMALL_OUTPUTS = [name for name in SMALL_MODELS if name != "scenes"]  # whose golden outputs are wrong by a visible error
WITH_INVALID_REQUESTS = sorted({model for model, _ in INVALID_REQUESTS_BY_MODEL.values()} & set(SMALL_OUTPUTS))


def client_of(handler: Handler) -> Any:
    """What the golden check needs of a client, without HTTP."""

    def predict_instances(_: str, instances: Sequence[Any]) -> Any:
        return predict(handler, {"instances": instances})["predictions"]

    return SimpleNamespace(predict_instances=predict_instances, address="the handler")


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_golden_inputs_sent_as_requests_get_the_golden_replies(
    handlers: dict[str, Handler], archive_folder: Path, name: str
) -> None:
    check_server(read_archive(archive_folder / f"{name}.mar"), client_of(handlers[name]))


@pytest.mark.parametrize("name", SMALL_OUTPUTS)
def test_wrong_golden_outputs_are_found_in_the_replies(handlers: dict[str, Handler], tmp_path: Path, name: str) -> None:
    """By so much that it shows even after pixels are rounded to whole grey levels."""
    errors: dict[str, Any] = {
        "drawn": 5.0,
        "photographs": 5.0,
        "cells": np.linspace(0, 3, 720).reshape(3, 20, 12)[::-1],
    }
    wrong = read_archive(build_model_archive(tmp_path, name, errors.get(name, 0.3)))
    words = rf"{name}: the handler does not give the golden outputs: in row 0, "
    with pytest.raises(InvalidArchive, match=words):
        check_server(wrong, client_of(handlers[name]))


@pytest.mark.parametrize("name", SMALL_OUTPUTS)
def test_a_worker_refuses_wrong_golden_outputs(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArchive, match="does not give the golden outputs"):
        start_handler(build_model_archive(tmp_path, name, 300.0), tmp_path / "unpacked")


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_errors_are_measured_against_the_scale_in_golden_npz(tmp_path: Path, scale: float) -> None:
    """The value is wrong by 0.01 in thousands: too much of 1, little of what it is measured against by default."""
    mar = build_model_archive(tmp_path, "prices", 0.01)
    start_handler(mar, tmp_path / "default")
    export = tmp_path / "prices-export"
    with np.load(export / "golden.npz") as arrays:
        np.savez(export / "golden.npz", **arrays, scale=np.array([scale]))
    parts = {"signature": "signature.json", "model": "model.onnx", "golden": "golden.npz"}
    build_archive(mar, **{part: export / file for part, file in parts.items()})
    with pytest.raises(InvalidArchive, match="does not give the golden outputs"):
        start_handler(mar, tmp_path / "scaled")


@pytest.mark.parametrize(("key", "value"), [("task", "ranking"), ("kind", "sound")])
def test_a_worker_refuses_a_task_or_kind_that_it_does_not_know(tmp_path: Path, key: str, value: str) -> None:
    fields = small_model_of("prices").signature["inputs"]
    changes: dict[str, Any] = {"task": value} if key == "task" else {"inputs": [{**fields[0], "kind": value}]}
    with pytest.raises(InvalidArchive, match=rf"{key} must be one of .*, found '{value}'"):
        start_handler(build_model_archive(tmp_path, "prices", **changes), tmp_path / "unpacked")


@pytest.mark.parametrize("name", INVALID_REQUESTS_BY_MODEL)
def test_an_invalid_request_gets_a_status_and_a_message(handlers: dict[str, Handler], name: str) -> None:
    model, request = INVALID_REQUESTS_BY_MODEL[name]
    ((status, document),) = send(handlers[model], Request(request.body, request.media_type))
    assert status == request.status, document
    assert list(document) == ["error"]
    assert request.expected_words in document["error"]
    assert len(document["error"]) < 500


@pytest.mark.parametrize("name", WITH_INVALID_REQUESTS)
def test_valid_requests_among_invalid_ones_get_the_reply_of_a_lone_request(
    handlers: dict[str, Handler], archive_folder: Path, name: str
) -> None:
    bad = [
        Request(request.body, request.media_type)
        for model, request in INVALID_REQUESTS_BY_MODEL.values()
        if model == name
    ]
    good = [Request(json.dumps(row).encode()) for row in golden_instances(read_archive(archive_folder / f"{name}.mar"))]
    mixed = [request for pair in zip(bad, good * len(bad), strict=False) for request in pair]
    together = send(handlers[name], *mixed)
    assert [status // 100 for status, _ in together] == [4, 2] * len(bad)
    assert together[1::2] == [send(handlers[name], request)[0] for request in mixed[1::2]]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.sampled_from(["wind", "rain", "seed", "b64"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.sampled_from(list(SMALL_MODELS)), st.data())
def test_any_json_under_the_right_names_gets_a_reply_or_a_message(
    handlers: dict[str, Handler], name: str, data: st.DataObject
) -> None:
    names = [field.name for field in handlers[name].signature.inputs]
    document = {field: data.draw(JSON_VALUES) for field in names}
    ((status, reply),) = send(handlers[name], Request(json.dumps(document).encode()))
    assert status in (200, 400) or "no number" in reply["error"]  # 1e38 rooms have an infinite price
    assert (status == 200) == ("error" not in reply)


def test_as_many_large_images_as_fit_are_answered(handlers: dict[str, Handler]) -> None:
    found = predict(handlers["scenes"], scenes_body(21))["predictions"]
    assert len(found) == 21
    assert found[0]["area"] == {"night": 1.0, "day": 0.0}


def test_a_reply_that_is_too_long_is_an_error_of_that_request_alone(tmp_path: Path) -> None:
    """A thousand forecasts of names so long that the reply would pass 6 MB, beside a short one."""
    columns = ["w" * 1500, "r" * 1500]
    signature = small_model_of("weather").signature
    changes: dict[str, Any] = {
        "inputs": [{**signature["inputs"][0], "columns": columns}],
        "target": {**signature["target"], "columns": columns},
    }
    handler = start_handler(build_model_archive(tmp_path, "weather", **changes), tmp_path / "unpacked")
    many, few = (Request(json.dumps([[[1, 2]]] * count).encode()) for count in (1024, 2))
    found = send(handler, few, many, few)
    assert [status for status, _ in found] == [200, 413, 200]
    assert "ask for less" in found[1][1]["error"]
