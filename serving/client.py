"""Ask a running server: a small library and a command.

from serving.client import Client
client = Client("http://127.0.0.1:8080")
client.predict("digits", image="three.png")
client.predict("titanic", instance={"age": 29, "sex": "female", "fare": None})
client.predict("spam", text="You have won a prize")

python -m serving.client digits three.png
python -m serving.client titanic --json '{"age": 29, "sex": "female", "fare": null}'
python -m serving.client spam --text "You have won a prize"
python -m serving.client drawn-digits --number 4 --seed 2 --out drawn
"""

import argparse
import base64
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import numpy as np
from numpy.typing import NDArray

from serving import summaries
from serving.pictures import media
from serving.summaries import readable

ADDRESS = "http://127.0.0.1:8080"
JSON, TEXT = "application/json", "text/plain; charset=utf-8"
Image = str | Path | bytes | NDArray[Any] | list[Any]


class ClientFailure(RuntimeError):
    """Why there is no answer, as a sentence; `status` is the HTTP status, None when nobody answered."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class Client:
    """Predictions from the server at `address`; every call is one request."""

    def __init__(self, address: str = ADDRESS, timeout: float = 30.0) -> None:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not _has_place(parts):
            raise ClientFailure(f"an address looks like {ADDRESS}, found {address!r}")
        self.address = f"{parts.scheme}://{parts.netloc}"
        self.timeout = timeout  # seconds
        self._connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._place = parts.netloc

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
            What the model's task answers; serving/replies.py lists the keys.

        Raises:
            ClientFailure: the server does not run, or refuses the input; the message says why.
            TypeError: not exactly one of the three is given.
        """
        if sum(given is not None for given in (image, instance, text)) != 1:
            raise TypeError("predict() needs exactly one of image, instance and text")
        if image is not None:
            return self._answer(name, *_encoded(image))
        if text is not None:
            return self._answer(name, text.encode(), TEXT)
        return self._answer(name, _document(instance), JSON)

    def predict_many(self, name: str, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Ask for several pictures in one request; the replies come in their order.

        Raises:
            ClientFailure: as for `predict`; the message says which picture.
        """
        return self.predict_instances(name, [{"image": _embedded(image)} for image in images])

    def predict_instances(self, name: str, instances: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ask for examples that are JSON already, each an object with the model's fields."""
        replies: list[dict[str, Any]] = self._answer(name, _document({"instances": list(instances)}), JSON)[
            "predictions"
        ]
        return replies

    def _answer(self, name: str, body: bytes, content_type: str) -> dict[str, Any]:
        connection = self._connect(self._place, timeout=self.timeout)
        try:
            path = f"/predictions/{quote(name, safe='')}"
            connection.request("POST", path, body, {"Content-Type": content_type})
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise ClientFailure(f"no answer from {self.address} ({reason}); is the server running?") from error
        finally:
            connection.close()
        document = _parsed(content)
        if status != 200 or document is None:
            raise ClientFailure(_explained(status, document, content), status)
        return document


def _document(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ClientFailure(f"the example cannot be written as JSON: {error}; a missing value is None") from error


def _has_place(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        return False


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _explained(status: int, document: dict[str, Any] | None, content: bytes) -> str:
    """The server's own sentence: the handler says "error", TorchServe says "message"."""
    sentence = (document or {}).get("error") or (document or {}).get("message")
    silent = "the request is larger than the server reads" if status == 413 else f"an empty answer, status {status}"
    return str(sentence or content[:200].decode("utf-8", "replace") or silent)


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClientFailure(f"{path} cannot be read: {error.strerror}") from error


def _encoded(image: Image) -> tuple[bytes, str]:
    content = _read(image) if isinstance(image, str | Path) else image
    if isinstance(content, bytes):
        found = media(content)
        if found is None:
            what = image if isinstance(image, str | Path) else f"the {len(content)} bytes given"
            raise ClientFailure(f"{what}: expected a PNG or JPEG picture")
        return content, found
    return json.dumps({"image": _pixels(content)}).encode(), JSON


def _embedded(image: Image) -> Any:
    if isinstance(image, str | Path | bytes):
        content, _ = _encoded(image)
        return {"b64": base64.b64encode(content).decode()}
    return _pixels(image)


def _pixels(image: NDArray[Any] | list[Any]) -> Any:
    return image.tolist() if isinstance(image, np.ndarray) else image


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    client = Client(options.address)
    status = 0
    for source, ask in _questions(options):
        try:
            reply = ask(client)
            print(readable(source, reply))
            if options.out is not None:
                for path in summaries.write_pictures(options.out, Path(source).stem, reply):
                    print(path)
        except (ClientFailure, OSError) as failure:
            said = str(failure)
            print(said if said.startswith(source) else f"{source}: {said}", file=sys.stderr)
            status = 1
    return status


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.client", description="Ask a running server.")
    parser.add_argument("name", help="the model, for example digits")
    parser.add_argument("pictures", nargs="*", metavar="picture", help="PNG or JPEG files")
    parser.add_argument("--json", action="append", default=[], help="an example as JSON, or @FILE that holds it")
    parser.add_argument("--text", action="append", default=[], help="a text")
    parser.add_argument("--number", type=int, help="of a generator: how many samples (default: 1)")
    parser.add_argument("--seed", type=int, help="of a generator: what the samples are drawn from (default: 0)")
    parser.add_argument("--out", type=Path, help="a folder for the pictures in the replies")
    parser.add_argument("--address", default=ADDRESS, help="where the server answers (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not (options.pictures or options.json or options.text or options.number or options.seed is not None):
        parser.error("nothing is asked: give a picture, --json, --text, or --number and --seed")
    return options


def _questions(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[Client], dict[str, Any]]]]:
    """What is asked, in the order of the options' list: a name to print, and the call."""
    for picture in options.pictures:
        yield picture, partial(Client.predict, name=options.name, image=picture)
    for place, given in enumerate(options.json, start=1):
        yield given[1:] if given.startswith("@") else f"example {place}", partial(_ask_json, options.name, given)
    for place, text in enumerate(options.text, start=1):
        yield f"text {place}", partial(Client.predict, name=options.name, text=text)
    asked = {name: getattr(options, name) for name in ("number", "seed") if getattr(options, name) is not None}
    if asked:
        yield options.name, partial(Client.predict, name=options.name, instance=asked)


def _ask_json(name: str, given: str, client: Client) -> dict[str, Any]:
    return client.predict(name, instance=_parsed_example(given))


def _parsed_example(given: str) -> dict[str, Any]:
    try:
        document = json.loads(_read(given[1:]) if given.startswith("@") else given)
    except ValueError as error:
        raise ClientFailure(f"expected JSON: {error}") from error
    if not isinstance(document, dict):
        raise ClientFailure('expected a JSON object with the model\'s fields, such as {"age": 29}')
    return document


if __name__ == "__main__":
    sys.exit(main())
