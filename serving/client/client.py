"""HTTP client: predictions from a running server."""

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from serving.client.client_error import ClientError
from serving.client.encoding import JSON, TEXT, Image, encode_image, encode_json, image_to_json

DEFAULT_ADDRESS = "http://127.0.0.1:8080"


class Client:
    """Client of the server at `address`; every call is one request, answered within `timeout` seconds.

    Raises:
        ClientError: the address is none.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, timeout: float = 30.0) -> None:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not _has_host(parts):
            raise ClientError(f"an address looks like {DEFAULT_ADDRESS}, found {address!r}")
        self.address = f"{parts.scheme}://{parts.netloc}"
        self.timeout = timeout
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
        """Predict one example, given in one of three ways.

        Args:
            name: the model.
            image: a path or the bytes of a PNG or JPEG, or of a WAV or FLAC recording; or an array or nested lists of
                pixels.
            instance: an object with the model's fields, as JSON; of a generator {"number": 8, "seed": 3}.
            text: a text.

        Returns:
            The reply of the model's task; serving/worker/replies/table.py lists its keys.

        Raises:
            ClientError: the server does not run, or refuses the input; the message says why.
            TypeError: not exactly one of the three is given.
        """
        if sum(given is not None for given in (image, instance, text)) != 1:
            raise TypeError("predict() needs exactly one of image, instance and text")
        if image is not None:
            return self._post(name, *encode_image(image))
        if text is not None:
            return self._post(name, text.encode(), TEXT)
        return self._post(name, encode_json(instance), JSON)

    def predict_many(self, name: str, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Predict several images in one request; the replies come in their order.

        Raises:
            ClientError: as for `predict`; the message says which image.
        """
        return self.predict_instances(name, [{"image": image_to_json(image)} for image in images])

    def predict_instances(self, name: str, instances: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Predict several examples in one request, each an object with the model's fields, as JSON.

        Raises:
            ClientError: as for `predict`; the message says which example.
        """
        reply = self._post(name, encode_json({"instances": list(instances)}), JSON)
        predictions: list[dict[str, Any]] = reply["predictions"]
        return predictions

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
    """The server's own message: the handler's key for it is "error", TorchServe's is "message"."""
    message = (document or {}).get("error") or (document or {}).get("message")
    default = "the request is larger than the server reads" if status == 413 else f"an empty answer, status {status}"
    return str(message or content[:200].decode("utf-8", "replace") or default)
