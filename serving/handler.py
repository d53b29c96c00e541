"""What runs inside a TorchServe worker: raw bytes in, JSON bytes out, one graph run per batch.

TorchServe answers 503 for a whole batch when a handler raises or returns the wrong number of answers, so
nothing may escape `handle`: each request gets its own status and its neighbours do not notice.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from serving import checks, payloads, signature
from serving.graph import Graph
from serving.payloads import Payload
from serving.refusal import Refusal
from serving.replies import REPLIES

REQUIRED = ("model.onnx", "signature.json", "golden.npz", "serving/handler.py")
PHRASES = {
    200: "OK",
    400: "Bad Request",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
}
# ASCII only: TorchServe counts a phrase in characters and sends it in bytes.

logger = logging.getLogger(__name__)


class Handler:
    """One model: refuses to start unless its files are whole and its golden inputs give the golden outputs.

    The only class of this file, because TorchServe takes the handler to be that.
    """

    def initialize(self, context: Any) -> None:
        """Load and check the model from the folder TorchServe unpacked.

        Raises:
            checks.Unservable: with the reason; the worker then never becomes ready.
        """
        logging.getLogger().setLevel(logging.WARNING)  # TorchServe prints two lines per request otherwise
        torch.set_num_threads(1)  # TorchServe's worker imports torch; the graph does not use it
        folder = Path(context.system_properties["model_dir"])
        try:
            listing = (folder / checks.SUMS).read_bytes()
        except OSError as error:
            raise checks.Unservable(f"{folder.name}: {checks.SUMS} is absent; build the archive again") from error
        checks.check_files(listing, lambda name: (folder / name).read_bytes(), REQUIRED, "the unpacked archive")
        self.signature = signature.read((folder / "signature.json").read_bytes())
        self.reply = REPLIES[self.signature.task]
        self.graph = Graph(folder / "model.onnx", self.signature)
        with np.load(folder / "golden.npz", allow_pickle=False) as golden:
            inputs, expected = checks.golden_parts(golden, self.signature)
        checks.check_golden(expected, self.graph.run(inputs), self.signature, "ONNX Runtime in the worker")

    def handle(self, data: list[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Answer a batch of requests, each by itself: a prediction or a refusal with its own status."""
        found = [self._read(item, context.get_all_request_header(place)) for place, item in enumerate(data)]
        answers = self._answers([payload for payload in found if isinstance(payload, Payload)])
        bodies = []
        for place, payload in enumerate(found):
            answer = payload if isinstance(payload, Refusal) else next(answers)
            status = answer.status if isinstance(answer, Refusal) else 200
            context.set_response_status(status, PHRASES[status], place)
            context.set_response_content_type(place, payloads.JSON)
            document = {"error": answer.sentence} if isinstance(answer, Refusal) else answer
            bodies.append(json.dumps(document, allow_nan=False).encode() + b"\n")
        return bodies

    def _read(self, item: Mapping[str, Any], headers: Mapping[str, Any]) -> Payload | Refusal:
        try:
            encoding = payloads.header(headers, "content-encoding")
            if encoding not in (None, "identity"):
                raise Refusal(415, f'the content encoding: expected none, found "{encoding}"')
            media = payloads.header(headers, "content-type")
            return payloads.read(media, _body(item), self.signature)
        except Refusal as refusal:
            return refusal
        except Exception:  # a bug met by one request must not take its neighbours down
            logger.exception("a request could not be read")
            return Refusal(500, "the request could not be read because of an error in the server")

    def _answers(self, found: list[Payload]) -> Iterator[dict[str, Any] | Refusal]:
        """Run all examples of all requests at once; if that fails, each request alone, to find the culprit."""
        try:
            yield from self._run(found)
        except Exception:
            logger.exception("a batch of %d requests could not be run", len(found))
            yield from (self._alone(payload) for payload in found)

    def _alone(self, payload: Payload) -> dict[str, Any] | Refusal:
        try:
            return self._run([payload])[0]
        except Exception:
            logger.exception("a request could not be run")
            return Refusal(500, "the model failed on this input because of an error in the server")

    def _run(self, found: list[Payload]) -> list[dict[str, Any]]:
        examples = [example for payload in found for example in payload.examples]
        if not examples:
            return []
        outputs = self.graph.run({name: _stacked(examples, name) for name in examples[0]})
        rows = iter(range(len(examples)))
        documents = []
        for payload in found:
            replies = [self.reply.write(outputs, next(rows), self.signature) for _ in payload.examples]
            documents.append({"predictions": replies} if payload.many else replies[0])
        return documents


def _stacked(examples: list[dict[str, NDArray[Any]]], name: str) -> NDArray[Any]:
    return np.stack([example[name] for example in examples])


def _body(item: Mapping[str, Any]) -> bytes:
    """Take the raw body; TorchServe leaves it out for forms, whose content type is refused by name."""
    content = item.get("body", b"")
    return bytes(content) if isinstance(content, bytes | bytearray) else b""
