"""Replies of a real TorchServe over HTTP, to valid requests and hostile ones."""

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.archive import read_archive
from serving.client import Client, ClientError
from serving.server.golden_check import check_server, main
from serving.server.server import Server
from serving.worker.integrity import InvalidArchive
from tests.support import small_model
from tests.support.hostile_requests import INVALID_REQUESTS, INVALID_REQUESTS_BY_MODEL
from tests.support.request_bodies import JSON, VALID_IMAGE, image_body
from tests.support.small_models import SMALL_MODELS


def post(
    server: Server,
    body: bytes,
    media_type: str | None = JSON,
    path: str = "/predictions/digits",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Send one request and return its status and document."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=300)
    try:
        content_type = {"Content-Type": media_type} if media_type else {}
        connection.request("POST", path, body, {**content_type, **(headers or {})})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def still_right(server: Server) -> bool:
    """Tell whether the server still gives a digit its label."""
    pixels = small_model.load_digit_images()[0][0]
    status, document = post(server, image_body(pixels.tolist()))
    return status == 200 and document["label"] == str(small_model.predict(pixels[None])[0].argmax())


@pytest.fixture(scope="module")
def first_worker(server: Server) -> int:
    """The process number of the digits' worker at the start."""
    pid: int = server.list_workers("digits")[0]["pid"]
    return pid


def test_http_gives_what_onnx_runtime_gives(client: Client, server: Server) -> None:
    golden = server.packages[0].golden
    replies = client.predict_many("digits", list(golden["input_image"]))
    found = np.array([list(reply["probabilities"].values()) for reply in replies], np.float32)
    assert np.abs(found - golden["probabilities"]).max() <= server.packages[0].signature.tolerance


def test_golden_inputs_are_checked_over_http(
    server: Server, client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_model.build_model_archive(tmp_path / "store")
    assert main(["--store", str(tmp_path / "store"), "--address", server.address]) == 0
    assert "gives its golden outputs" in capsys.readouterr().out
    wrong = read_archive(small_model.build_model_archive(tmp_path / "wrong", golden_error=0.5))
    with pytest.raises(InvalidArchive, match=r"http://.* does not give the golden outputs"):
        check_server(wrong, client)


@pytest.mark.parametrize("name", INVALID_REQUESTS)
def test_an_invalid_request_gets_a_message_and_the_same_worker_lives(
    server: Server, first_worker: int, name: str
) -> None:
    request = INVALID_REQUESTS[name]
    status, document = post(server, request.body, request.media_type, headers=request.headers)
    assert status == request.status
    assert list(document) == ["error"]
    assert request.expected_words in document["error"]
    assert still_right(server)
    assert [worker["pid"] for worker in server.list_workers("digits")] == [first_worker]


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_invalid_requests_to_every_model_leave_its_worker_alive(server: Server, name: str) -> None:
    (before,) = [worker["pid"] for worker in server.list_workers(name)]
    for words, (model, request) in INVALID_REQUESTS_BY_MODEL.items():
        if model == name:
            status, document = post(server, request.body, request.media_type, f"/predictions/{name}")
            assert (status, list(document)) == (request.status, ["error"]), words
            assert request.expected_words in document["error"], words
    check_server(next(one for one in server.packages if one.signature.name == name), Client(server.address))
    assert [worker["pid"] for worker in server.list_workers(name)] == [before]


def test_a_reply_of_megabytes_arrives(server: Server) -> None:
    """A thousand forecasts; TorchServe's own limit on what a worker sends lies above what the handler lets through."""
    body = json.dumps([[[1e-3, 1 / 3]] * 6] * 1024).encode()
    status, document = post(server, body, path="/predictions/weather")
    assert status == 200
    assert len(document["predictions"]) == 1024


@pytest.mark.parametrize("header", ["describe", "explain", "ts_stream_next", "ts_request_sequence_id", "body"])
def test_headers_that_torchserve_reserves_change_nothing(server: Server, header: str) -> None:
    status, document = post(server, image_body(VALID_IMAGE), headers={header: "True"})
    assert status == 200
    assert set(document) == {"label", "probability", "probabilities"}
    assert still_right(server)


def test_a_body_too_large_for_torchserve_is_refused_and_the_server_lives(
    server: Server, client: Client, first_worker: int
) -> None:
    with pytest.raises(ClientError, match=r"larger than the server reads|no answer"):  # it may close before the end
        client.predict("digits", [[0] * 6_000_000])
    assert still_right(server)
    assert server.list_workers("digits")[0]["pid"] == first_worker


def test_a_model_that_is_not_there_is_404(server: Server) -> None:
    status, document = post(server, b"{}", path="/predictions/letters")
    assert (status, document["code"]) == (404, 404)


def test_models_cannot_be_added_from_outside(server: Server) -> None:
    for path in ("/models?url=http://localhost/evil.mar", "/models?url=file:///etc/passwd"):
        status, _ = post(server, b"", None, path=path)
        assert status >= 400
    connection = http.client.HTTPConnection("127.0.0.1", server.torchserve.ports["management"], timeout=300)
    connection.request("POST", "/models?url=file:///etc/passwd")
    assert connection.getresponse().status >= 400
    connection.close()


def test_only_loopback_listens(server: Server) -> None:
    """/proc/net/tcp holds addresses as hexadecimal, least significant byte first; 0A is LISTEN."""
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    ports = {f"{port:04X}" for port in server.torchserve.ports.values()}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    listening = [line[1] for line in lines if line[3] == "0A" and line[1].rsplit(":", 1)[1] in ports]
    assert len(listening) >= 5
    assert {address.rsplit(":", 1)[0] for address in listening} <= {"0100007F", "0000000000000000FFFF00000100007F"}


def test_a_dropped_connection_does_not_affect_other_requests(server: Server, first_worker: int) -> None:
    port = server.torchserve.ports["inference"]
    for content in (b"\x00\xff\x00", b"POST /predictions/digits HTTP/1.1\r\nContent-Length: 500\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
            connection.sendall(content)
    assert still_right(server)
    assert server.list_workers("digits")[0]["pid"] == first_worker


def test_concurrent_good_and_bad_requests_do_not_affect_each_other(server: Server) -> None:
    """Eight callers at once, half of them hostile: every one gets its own reply."""
    digits = small_model.load_digit_images()[0][:25]
    expected = [str(label) for label in small_model.predict(digits).argmax(axis=1)]
    found: dict[int, list[tuple[int, Any]]] = {}

    def call(caller: int) -> None:
        good = caller % 2 == 0
        bodies = [image_body(digit.tolist()) if good else image_body(digit.tolist()[:7]) for digit in digits]
        found[caller] = [post(server, body) for body in bodies]

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for caller, answers in found.items():
        if caller % 2 == 0:
            assert [(status, document.get("label")) for status, document in answers] == [(200, e) for e in expected]
        else:
            assert [status for status, _ in answers] == [400] * len(digits)


def test_the_curl_line_it_prints_works(server: Server) -> None:
    found = subprocess.run(
        ["bash", "-c", server.curl_command("digits") + " -s"], capture_output=True, text=True, check=True
    )
    golden = server.packages[0].golden["probabilities"][0]
    assert json.loads(found.stdout)["label"] == str(golden.argmax())


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_the_curl_line_of_every_model_works(server: Server, name: str) -> None:
    found = subprocess.run(
        ["bash", "-c", server.curl_command(name) + " -s"], capture_output=True, text=True, check=True
    )
    assert "error" not in json.loads(found.stdout)
