"""The handler without TorchServe: batches, headers, and errors that stay with their request."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.worker.handler import Handler
from serving.worker.requests.body import find_header
from tests.support import small_model
from tests.support.handler_calls import Context, Request, send
from tests.support.hostile_requests import INVALID_REQUESTS
from tests.support.request_bodies import JPEG, JSON, PNG, InvalidRequest, image_body


@pytest.mark.parametrize("name", INVALID_REQUESTS)
def test_an_invalid_request_gets_a_status_and_a_message(digits_handler: Handler, name: str) -> None:
    """TorchServe gives no body of a form: it parses the form itself."""
    request = INVALID_REQUESTS[name]
    item = {"image": b"1"} if request.media_type and "form" in request.media_type else {"body": request.body}
    headers = {**request.headers, **({"Content-Type": request.media_type} if request.media_type else {})}
    context = Context(headers=[headers])
    (body,) = digits_handler.handle([item], context)
    document = json.loads(body)
    assert context.statuses[0] == request.status
    assert list(document) == ["error"]
    assert request.expected_words in document["error"]
    assert len(document["error"]) < 500


RESERVED = ["describe", "explain", "ts_stream_next", "ts_request_sequence_id", "body", "content-length"]


@pytest.mark.parametrize("header", RESERVED)
def test_headers_that_torchserve_reserves_change_nothing(
    digits_handler: Handler, digit: NDArray[np.uint8], digit_reply: dict[str, Any], header: str
) -> None:
    request = Request(image_body(digit.tolist()), headers={header: "True"})
    assert send(digits_handler, request) == [(200, digit_reply)]


def test_an_empty_batch_gets_no_replies(digits_handler: Handler) -> None:
    assert send(digits_handler) == []


@settings(max_examples=40)
@given(st.lists(st.one_of(st.integers(0, 1796), st.sampled_from([*INVALID_REQUESTS.values()])), min_size=1, max_size=9))
def test_a_request_in_a_batch_gets_the_reply_of_a_lone_request(
    digits_handler: Handler, mixture: list[int | InvalidRequest]
) -> None:
    batch = [
        Request(item.body, item.media_type, item.headers)
        if isinstance(item, InvalidRequest)
        else Request(image_body(small_model.load_digit_images()[0][item].tolist()))
        for item in mixture
    ]
    together = send(digits_handler, *batch)
    for request, item, (status, document) in zip(batch, mixture, together, strict=True):
        ((lone_status, lone),) = send(digits_handler, request)
        assert status == lone_status == (item.status if isinstance(item, InvalidRequest) else 200)
        if status == 200:
            tolerance = digits_handler.signature.tolerance
            assert document["label"] == lone["label"]
            assert document["probabilities"] == pytest.approx(lone["probabilities"], abs=tolerance)
        else:
            assert document == lone


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from(["image", "b64", "x"]), inner),
    max_leaves=20,
)


@settings(max_examples=200)
@given(JSON_VALUES)
def test_any_json_that_is_no_image_gets_an_error_message(digits_handler: Handler, value: Any) -> None:
    ((status, document),) = send(digits_handler, Request(json.dumps(value).encode()))
    assert status == 400
    assert document["error"]


@settings(max_examples=200)
@given(st.binary(max_size=80), st.sampled_from([JSON, PNG, JPEG, None]))
def test_any_bytes_get_a_reply_or_an_error_message(
    digits_handler: Handler, content: bytes, media_type: str | None
) -> None:
    ((status, document),) = send(digits_handler, Request(content, media_type))
    assert status in (200, 400, 415)
    assert document.get("error") or "label" in document


def test_a_request_that_breaks_the_graph_leaves_its_neighbours_alone(
    digits_handler: Handler,
    digit: NDArray[np.uint8],
    digit_reply: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = digits_handler.model.run

    def failing_run(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if (inputs["image"] == 99).all(axis=(1, 2)).any():
            raise RuntimeError("the graph broke")
        return run(inputs)

    monkeypatch.setattr(digits_handler.model, "run", failing_run)
    good, bad = Request(image_body(digit.tolist())), Request(image_body([[99] * 8] * 8))
    found = send(digits_handler, good, bad, good)
    assert [status for status, _ in found] == [200, 500, 200]
    assert found[0][1] == found[2][1] == digit_reply
    assert "the graph broke" not in found[1][1]["error"]
    assert "the graph broke" in caplog.text


def test_the_header_is_found_in_any_case() -> None:
    headers = {"CONTENT-type": "Image/PNG; q=1", "body": {"content-type": "x"}}
    assert find_header(headers, "content-type") == PNG
