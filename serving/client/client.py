"""A client for the served models; the standard library and numpy alone."""

import base64
import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import numpy as np
from numpy.typing import NDArray

from serving.worker.image_codec import detect_media_type

DEFAULT_ADDRESS = "http://127.0.0.1:8080"
JSON, TEXT = "application/json", "text/plain; charset=utf-8"

Image = str | Path | bytes | NDArray[Any] | list[Any]


class ClientError(RuntimeError):
    """Why there is no answer, as a sentence; `status` is the HTTP status, None when nobody answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Predictions from the server at `address`; every call is one request."""

    def __init__(self, address: str = DEFAULT_ADDRESS, timeout: float = 30.0) -> None:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not _has_host(parts):
            raise ClientError(f"an address looks like {DEFAULT_ADDRESS}, found {address!r}")
        self.address = f"{parts.scheme}://{parts.netloc}"
        self.timeout = timeout  # seconds
        self._connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._netloc = parts.netloc

    def predict(
        self,
        name: str,
        image: Image | None = None,
        *,
        instance: Mapping[str, Any] | None = None,
        text: str | None = None,
    ) -> dict[str, Any]:
        """Ask about one example, given in one of three ways.

        Args:
            name: the model.
            image: a path, PNG or JPEG bytes, an array, or nested lists of pixels.
            instance: an object with the model's fields, as JSON; of a generator {"number": 8, "seed": 3}.
            text: a text.

        Returns:
            What the model's task answers; serving/worker/replies/table.py lists the keys.

        Raises:
            ClientFailure: the server does not run, or refuses the input; the message says why.
            TypeError: not exactly one of the three is given.
        """
        if sum(given is not None for given in (image, instance, text)) != 1:
            raise TypeError("predict() needs exactly one of image, instance and text")
        if image is not None:
            return self._post(name, *_encode_image(image))
        if text is not None:
            return self._post(name, text.encode(), TEXT)
        return self._post(name, _encode_json(instance), JSON)

    def predict_many(self, name: str, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Ask for several pictures in one request; the replies come in their order.

        Raises:
            ClientFailure: as for `predict`; the message says which picture.
        """
        return self.predict_instances(name, [{"image": _image_to_json(image)} for image in images])

    def predict_instances(self, name: str, instances: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ask for examples that are JSON already, each an object with the model's fields."""
        replies: list[dict[str, Any]] = self._post(name, _encode_json({"instances": list(instances)}), JSON)[
            "predictions"
        ]
        return replies

    def _post(self, name: str, body: bytes, content_type: str) -> dict[str, Any]:
        connection = self._connect(self._netloc, timeout=self.timeout)
        try:
            path = f"/predictions/{quote(name, safe='')}"
            connection.request("POST", path, body, {"Content-Type": content_type})
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise ClientError(f"no answer from {self.address} ({reason}); is the server running?") from error
        finally:
            connection.close()
        document = _decode_object(content)
        if status != 200 or document is None:
            raise ClientError(_error_message(status, document, content), status)
        return document


def _encode_json(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ClientError(f"the example cannot be written as JSON: {error}; a missing value is None") from error


def _has_host(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        return False


def _decode_object(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _error_message(status: int, document: dict[str, Any] | None, content: bytes) -> str:
    """The server's own sentence: the handler says "error", TorchServe says "message"."""
    message = (document or {}).get("error") or (document or {}).get("message")
    default = "the request is larger than the server reads" if status == 413 else f"an empty answer, status {status}"
    return str(message or content[:200].decode("utf-8", "replace") or default)


def _read_file(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error


def _encode_image(image: Image) -> tuple[bytes, str]:
    content = _read_file(image) if isinstance(image, str | Path) else image
    if isinstance(content, bytes):
        media_type = detect_media_type(content)
        if media_type is None:
            what = image if isinstance(image, str | Path) else f"the {len(content)} bytes given"
            raise ClientError(f"{what}: expected a PNG or JPEG picture")
        return content, media_type
    return json.dumps({"image": _pixel_lists(content)}).encode(), JSON


def _image_to_json(image: Image) -> Any:
    if isinstance(image, str | Path | bytes):
        content, _ = _encode_image(image)
        return {"b64": base64.b64encode(content).decode()}
    return _pixel_lists(image)


def _pixel_lists(image: NDArray[Any] | list[Any]) -> Any:
    return image.tolist() if isinstance(image, np.ndarray) else image
