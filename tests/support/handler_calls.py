"""Calls of a handler without TorchServe: start it from an archive, send it a batch of requests."""

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.worker.handler import Handler
from tests.support.request_bodies import JSON


class Request(NamedTuple):
    """One request: its body, its content type, and further headers."""

    body: bytes
    media_type: str | None = JSON
    headers: Mapping[str, str] = {}


class Context:
    """What TorchServe gives a handler, as far as the handler uses it."""

    def __init__(self, folder: Path | None = None, headers: Sequence[Mapping[str, str]] = ()) -> None:
        self.system_properties = {"model_dir": str(folder)}
        self.headers = headers
        self.statuses: dict[int, int] = {}

    def get_all_request_header(self, place: int) -> Mapping[str, str]:
        return self.headers[place]

    def set_response_status(self, code: int, phrase: str, place: int) -> None:
        assert phrase.isascii()
        assert phrase
        self.statuses[place] = code

    def set_response_content_type(self, place: int, value: str) -> None:
        assert value == JSON


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive into a folder, as TorchServe does."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def start_handler(archive: Path, folder: Path) -> Handler:
    """Unpack an archive into a folder and start a handler there."""
    handler = Handler()
    handler.initialize(Context(unpack(archive, folder)))
    return handler


def send(handler: Handler, *requests: Request) -> list[tuple[int, Any]]:
    """Send a batch of requests; return the status and the document of each reply."""
    headers = [
        {"Content-Type": request.media_type, **request.headers} if request.media_type else dict(request.headers)
        for request in requests
    ]
    context = Context(headers=headers)
    bodies = handler.handle([{"body": bytearray(request.body)} for request in requests], context)
    return [(context.statuses[place], json.loads(body)) for place, body in enumerate(bodies)]


def predict(handler: Handler, document: Any, media_type: str = JSON) -> Any:
    """Send one request, a JSON document or bytes, which must succeed; return the reply."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    ((status, reply),) = send(handler, Request(body, media_type))
    assert status == 200, reply
    return reply


def decode_reply_image(image: Mapping[str, str]) -> tuple[NDArray[Any], str]:
    """The pixels of an image in a reply, and its Pillow mode."""
    with Image.open(io.BytesIO(base64.b64decode(image["b64"]))) as opened:
        return np.asarray(opened), opened.mode
