"""Answers of a real TorchServe over HTTP, to good requests and hostile ones, and the client that asks."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serving import archive
from serving.client.__main__ import main
from serving.client.client import Client, ClientError
from serving.server import golden_check as golden
from serving.server.__main__ import running_server
from serving.worker import integrity
from tests.support import hostile_requests, small_model, small_models

JSON = hostile_requests.JSON


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server of all small models; that it is ready says that every one gave its golden outputs over HTTP."""
    folder = tmp_path_factory.mktemp("http")
    others = [small_models.build_model_archive(folder, name) for name in small_models.SMALL_MODELS]
    with running_server([small_model.build_model_archive(folder), *others], timeout=240) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    return Client(server.address)


def ask(server, body, media=JSON, path="/predictions/digits", method="POST", headers=()):
    """Send one request and return (status, document)."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path, body, {**({"Content-Type": media} if media else {}), **dict(headers)})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def still_right(server):
    """The golden digit again: the server lives and answers as before."""
    pixels = small_model.load_digit_images()[0][0]
    status, document = ask(server, hostile_requests.image_body(pixels.tolist()))
    return status == 200 and document["label"] == str(small_model.predict(pixels[None])[0].argmax())


@pytest.fixture(scope="module")
def first_worker(server):
    return server.list_workers("digits")[0]["pid"]


def test_http_gives_what_onnx_runtime_gives(client, server):
    golden = server.packages[0].golden
    replies = client.predict_many("digits", list(golden["input_image"]))
    found = np.array([list(reply["probabilities"].values()) for reply in replies], np.float32)
    assert np.abs(found - golden["probabilities"]).max() <= server.packages[0].signature.tolerance


def test_golden_inputs_are_checked_over_http(server, client, tmp_path, capsys):
    small_model.build_model_archive(tmp_path / "store")
    assert golden.main(["--store", str(tmp_path / "store"), "--address", server.address]) == 0
    assert "gives its golden outputs" in capsys.readouterr().out
    wrong = archive.read_archive(small_model.build_model_archive(tmp_path / "wrong", golden_error=0.5))
    with pytest.raises(integrity.InvalidArchive, match=r"http://.* does not give the golden outputs"):
        golden.check_server(wrong, client)


@pytest.mark.parametrize("name", hostile_requests.INVALID_REQUESTS)
def test_a_wrong_request_gets_a_sentence_and_the_same_worker_lives(server, first_worker, name):
    request = hostile_requests.INVALID_REQUESTS[name]
    status, document = ask(server, request.body, request.media_type, headers=request.headers)
    assert status == request.status
    assert list(document) == ["error"]
    assert request.expected_words in document["error"]
    assert still_right(server)
    assert [worker["pid"] for worker in server.list_workers("digits")] == [first_worker]


@pytest.mark.parametrize("name", small_models.SMALL_MODELS)
def test_wrong_requests_to_every_model_get_sentences_and_the_same_worker_lives(server, name):
    (before,) = [worker["pid"] for worker in server.list_workers(name)]
    for words, (model, request) in hostile_requests.INVALID_REQUESTS_BY_MODEL.items():
        if model == name:
            status, document = ask(server, request.body, request.media_type, f"/predictions/{name}")
            assert (status, list(document)) == (request.status, ["error"]), words
            assert request.expected_words in document["error"], words
    golden.check_server(next(one for one in server.packages if one.signature.name == name), Client(server.address))
    assert [worker["pid"] for worker in server.list_workers(name)] == [before]


def test_a_reply_of_megabytes_arrives(server):
    """A thousand forecasts; TorchServe's own limit on what a worker sends lies above what the handler lets through."""
    body = json.dumps([[[1e-3, 1 / 3]] * 6] * 1024).encode()
    status, document = ask(server, body, path="/predictions/weather")
    assert status == 200
    assert len(document["predictions"]) == 1024


@pytest.mark.parametrize("header", ["describe", "explain", "ts_stream_next", "ts_request_sequence_id", "body"])
def test_headers_that_torchserve_reserves_change_nothing(server, header):
    status, document = ask(server, hostile_requests.image_body(hostile_requests.VALID_IMAGE), headers={header: "True"})
    assert status == 200
    assert set(document) == {"label", "probability", "probabilities"}
    assert still_right(server)


def test_a_body_beyond_what_torchserve_reads_is_refused_and_the_server_lives(server, client, first_worker):
    with pytest.raises(ClientError, match=r"larger than the server reads|no answer"):  # it may close before the end
        client.predict("digits", [[0] * 6_000_000])
    assert still_right(server)
    assert server.list_workers("digits")[0]["pid"] == first_worker


def test_a_model_that_is_not_there_is_404(server):
    status, document = ask(server, b"{}", path="/predictions/letters")
    assert (status, document["code"]) == (404, 404)


def test_models_cannot_be_added_from_outside(server):
    for path in ("/models?url=http://localhost/evil.mar", "/models?url=file:///etc/passwd"):
        status, _ = ask(server, b"", None, path=path)
        assert status >= 400
    connection = http.client.HTTPConnection("127.0.0.1", server.torchserve.ports["management"], timeout=30)
    connection.request("POST", "/models?url=file:///etc/passwd")
    assert connection.getresponse().status >= 400
    connection.close()


def test_only_loopback_listens(server):
    """/proc/net/tcp holds addresses as hexadecimal, least significant byte first; 0A is LISTEN."""
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    ports = {f"{port:04X}" for port in server.torchserve.ports.values()}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    listening = [line[1] for line in lines if line[3] == "0A" and line[1].rsplit(":", 1)[1] in ports]
    assert len(listening) >= 5
    assert {address.rsplit(":", 1)[0] for address in listening} <= {"0100007F", "0000000000000000FFFF00000100007F"}


def test_a_dropped_connection_does_not_affect_other_requests(server, first_worker):
    port = server.torchserve.ports["inference"]
    for content in (b"\x00\xff\x00", b"POST /predictions/digits HTTP/1.1\r\nContent-Length: 500\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(content)
    assert still_right(server)
    assert server.list_workers("digits")[0]["pid"] == first_worker


def test_concurrent_good_and_bad_requests_do_not_affect_each_other(server):
    """Eight callers at once, half of them hostile: every one gets its own answer."""
    digits = small_model.load_digit_images()[0][:25]
    expected = [str(label) for label in small_model.predict(digits).argmax(axis=1)]
    found = {}

    def call(caller):
        good = caller % 2 == 0
        bodies = [
            hostile_requests.image_body(digit.tolist()) if good else hostile_requests.image_body(digit.tolist()[:7])
            for digit in digits
        ]
        found[caller] = [ask(server, body) for body in bodies]

    callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for caller, answers in found.items():
        if caller % 2 == 0:
            assert [(status, document.get("label")) for status, document in answers] == [(200, e) for e in expected]
        else:
            assert [status for status, _ in answers] == [400] * len(digits)


def test_the_curl_line_it_prints_works(server):
    found = subprocess.run(
        ["bash", "-c", server.curl_command("digits") + " -s"], capture_output=True, text=True, check=True
    )
    golden = server.packages[0].golden["probabilities"][0]
    assert json.loads(found.stdout)["label"] == str(golden.argmax())


@pytest.mark.parametrize("name", small_models.SMALL_MODELS)
def test_the_curl_line_of_every_model_works(server, name):
    found = subprocess.run(
        ["bash", "-c", server.curl_command(name) + " -s"], capture_output=True, text=True, check=True
    )
    assert "error" not in json.loads(found.stdout)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "digit.png"
    Image.fromarray(small_model.load_digit_images()[0][5]).save(path)
    return path


def test_the_client_takes_a_path_bytes_an_array_and_a_list(client, picture):
    pixels = small_model.load_digit_images()[0][5]
    replies = [client.predict("digits", image) for image in (picture, str(picture), picture.read_bytes(), pixels)]
    replies += [client.predict("digits", pixels.tolist()), *client.predict_many("digits", [picture, pixels])]
    assert all(reply == replies[0] for reply in replies)
    assert replies[0]["label"] == str(small_model.predict(pixels[None])[0].argmax())


def test_the_client_takes_an_instance_and_a_text(client):
    row = {"age": 29, "sex": "female", "alone": True, "born": None}
    assert client.predict("survival", instance=row) == client.predict_instances("survival", [row])[0]
    assert client.predict("spam", text="you won") == client.predict("spam", instance={"text": "you won"})
    assert len(client.predict("drawn", instance={"number": 3, "seed": 2})["samples"]) == 3


@pytest.mark.parametrize("given", [{}, {"image": hostile_requests.VALID_IMAGE, "text": "you won"}])
def test_the_client_needs_exactly_one_thing_to_ask_about(client, given):
    with pytest.raises(TypeError, match="exactly one"):
        client.predict("digits", **given)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_the_client_says_what_json_cannot_hold(client, value):
    with pytest.raises(ClientError, match="a missing value is None"):
        client.predict("prices", instance={"rooms": value})


def test_the_client_says_what_the_server_found_wrong(client):
    with pytest.raises(ClientError, match="expected a list of 8") as raised:
        client.predict("digits", np.zeros((7, 8), int))
    assert raised.value.status == 400


def test_the_client_says_that_a_model_is_not_there(client):
    with pytest.raises(ClientError, match="letters"):
        client.predict("letters", hostile_requests.VALID_IMAGE)


def test_the_client_says_that_nobody_answers():
    with pytest.raises(ClientError, match="is the server running"):
        Client("http://127.0.0.1:1").predict("digits", hostile_requests.VALID_IMAGE)


@pytest.mark.parametrize("address", ["ftp://localhost", "http://", "http://localhost:port"])
def test_an_invalid_address_is_an_error_message(address):
    with pytest.raises(ClientError, match="an address looks like"):
        Client(address)


def test_the_command_prints_a_line_per_picture(server, picture, capsys):
    label = small_model.predict(small_model.load_digit_images()[0][5][None])[0].argmax()
    assert main(["digits", str(picture), str(picture), "--address", server.address]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1].split(" ")[0] for line in lines] == [str(label)] * 2


def test_the_command_says_what_is_wrong_and_goes_on(server, picture, tmp_path, capsys):
    (tmp_path / "large.png").write_bytes(hostile_requests.blank_png(size=(28, 28)))
    (tmp_path / "text.png").write_text("hello")
    wrong = [str(tmp_path / name) for name in ("absent.png", "large.png", "text.png")]
    assert main(["digits", *wrong, str(picture), "--address", server.address]) == 1
    said = capsys.readouterr()
    assert [words in said.err for words in ("cannot be read", "28 wide", "PNG or JPEG")] == [True] * 3
    assert len(said.out.splitlines()) == 1


def test_the_command_takes_json_text_and_numbers_of_samples(server, tmp_path, capsys):
    def said(*arguments, status=0):
        assert main([*arguments, "--address", server.address]) == status
        return capsys.readouterr()

    (tmp_path / "rooms.json").write_text('{"rooms": 3}')
    value = "2750 euros (2630 to 2870 in 90% of cases)"
    assert said("prices", "--json", '{"rooms": 3}').out == f"example 1: {value}\n"
    assert said("prices", "--json", f"@{tmp_path / 'rooms.json'}").out == f"{tmp_path / 'rooms.json'}: {value}\n"
    assert said("spam", "--text", "you have won", "--text", "!").out.startswith("text 1: late (72.1%; then plain ")
    drawn = said("drawn", "--number", "2", "--seed", "5", "--out", str(tmp_path / "out")).out.splitlines()
    assert drawn == ["drawn: 2 samples from seed 5", *(str(path) for path in sorted((tmp_path / "out").iterdir()))]
    assert "expected JSON" in said("prices", "--json", "{rooms}", status=1).err
    assert "expected a JSON object" in said("prices", "--json", "3", status=1).err
    assert "cannot be read" in said("prices", "--json", "@nowhere.json", status=1).err
    with pytest.raises(SystemExit):
        main(["digits"])


def test_the_command_runs_as_documented(server, picture):
    command = [sys.executable, "-m", "serving.client", "digits", str(picture), "--address", server.address]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.startswith(str(picture))
    assert found.stderr == ""
