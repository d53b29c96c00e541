"""The client: what it takes, and what it says when there is no reply."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.client import Client, ClientError
from tests.support import small_model
from tests.support.request_bodies import VALID_IMAGE


def test_the_client_takes_a_path_bytes_an_array_and_a_list(client: Client, image_file: Path) -> None:
    pixels = small_model.load_digit_images()[0][5]
    replies = [
        client.predict("digits", image) for image in (image_file, str(image_file), image_file.read_bytes(), pixels)
    ]
    replies += [client.predict("digits", pixels.tolist()), *client.predict_many("digits", [image_file, pixels])]
    assert all(reply == replies[0] for reply in replies)
    assert replies[0]["label"] == str(small_model.predict(pixels[None])[0].argmax())


def test_the_client_takes_an_instance_and_a_text(client: Client) -> None:
    row = {"age": 29, "sex": "female", "alone": True, "born": None}
    assert client.predict("survival", instance=row) == client.predict_instances("survival", [row])[0]
    assert client.predict("spam", text="you won") == client.predict("spam", instance={"text": "you won"})
    assert len(client.predict("drawn", instance={"number": 3, "seed": 2})["samples"]) == 3


@pytest.mark.parametrize("given", [{}, {"image": VALID_IMAGE, "text": "you won"}])
def test_the_client_needs_exactly_one_of_its_three_inputs(client: Client, given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="exactly one"):
        client.predict("digits", **given)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_the_client_says_what_json_cannot_hold(client: Client, value: Any) -> None:
    with pytest.raises(ClientError, match="a missing value is None"):
        client.predict("prices", instance={"rooms": value})


def test_the_client_says_what_the_server_found_wrong(client: Client) -> None:
    with pytest.raises(ClientError, match="expected a list of 8") as raised:
        client.predict("digits", np.zeros((7, 8), int))
    assert raised.value.status == 400


def test_the_client_says_that_a_model_is_not_there(client: Client) -> None:
    with pytest.raises(ClientError, match="letters"):
        client.predict("letters", VALID_IMAGE)


def test_the_client_says_that_no_server_answers() -> None:
    with pytest.raises(ClientError, match="is the server running"):
        Client("http://127.0.0.1:1").predict("digits", VALID_IMAGE)


@pytest.mark.parametrize("address", ["ftp://localhost", "http://", "http://localhost:port"])
def test_an_invalid_address_is_an_error_message(address: str) -> None:
    with pytest.raises(ClientError, match="an address looks like"):
        Client(address)
