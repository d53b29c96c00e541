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

from serving.worker import integrity as checks
from serving.worker import signature
from serving.worker.onnx_model import Graph
from serving.worker.replies.table import REPLIES, written
from serving.worker.request_error import Refusal
from serving.worker.requests import body as payloads
from serving.worker.requests.body import Payload
from serving.worker.requests.example import DECODERS

REQUIRED = ("model.onnx", "signature.json", "golden.npz", "serving/worker/handler.py")
PHRASES = {
    200: "OK",
    400: "Bad Request",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
}
# ASCII only: TorchServe counts a phrase in characters and sends it in bytes.

RUN = 2**22  # numbers in the inputs and outputs of one run of the graph: 16 MiB as float32
LARGEST = 6_000_000  # bytes in one reply; what TorchServe passes on for a whole batch is in config.properties

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
        checks.check_names("task", [self.signature.task], REPLIES)
        checks.check_names("kind", [field.kind for field in self.signature.inputs], DECODERS)
        self.graph = Graph(folder / "model.onnx", self.signature)
        with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
            golden = dict(arrays)
        inputs, _ = checks.golden_parts(golden, self.signature)
        checks.check_golden(golden, self._run_rows(inputs), self.signature, "ONNX Runtime in the worker")

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
            bodies.append(_refused(answer) if isinstance(answer, Refusal) else answer)
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

    def _answers(self, found: list[Payload]) -> Iterator[bytes | Refusal]:
        """Answer requests in groups that are run at once."""
        group: list[Payload] = []
        for payload in found:
            if group and sum(map(_rows, [*group, payload])) > self._most:
                yield from self._answered(group)
                group = []
            group.append(payload)
        yield from self._answered(group)

    def _answered(self, group: list[Payload]) -> list[bytes | Refusal]:
        """Run all examples of a group at once; if that fails, each request alone, to find the culprit."""
        try:
            return self._run(group)
        except Exception:
            logger.exception("a batch of %d requests could not be run", len(group))
            return [self._alone(payload) for payload in group]

    def _alone(self, payload: Payload) -> bytes | Refusal:
        try:
            return self._run([payload])[0]
        except Exception:
            logger.exception("a request could not be run")
            return Refusal(500, "the model failed on this input because of an error in the server")

    def _run(self, found: list[Payload]) -> list[bytes | Refusal]:
        examples = [example for payload in found for example in payload.examples]
        if not examples:
            return []
        names = examples[0].columns
        answers = self._run_rows({name: np.concatenate([one.columns[name] for one in examples]) for name in names})
        rows = answers[self.signature.outputs[0].name]
        places = iter(np.cumsum([one.rows for one in examples]).tolist())
        return [self._written(payload, rows, places) for payload in found]

    @property
    def _most(self) -> int:
        """How many rows the graph is given at once."""
        return max(1, RUN // payloads.numbers(self.signature))

    def _run_rows(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the graph over rows, some at a time, so that memory depends on the model and not on requests."""
        rows = len(next(iter(columns.values())))
        parts = [
            self.graph.run({name: values[start : start + self._most] for name, values in columns.items()})
            for start in range(0, rows, self._most)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _written(self, payload: Payload, answers: NDArray[Any], ends: Iterator[int]) -> bytes | Refusal:
        """Write the reply to one request; `ends` says where each example's rows end."""
        documents: list[dict[str, Any]] = []
        refusal = None
        for example, end in zip(payload.examples, ends, strict=False):
            try:
                documents.append(
                    written(answers[end - example.rows : end], self.signature, example.said, example.notes)
                )
            except Refusal as found:
                refusal = refusal or found
        if refusal:
            return refusal
        body = json.dumps({"predictions": documents} if payload.many else documents[0], allow_nan=False).encode()
        if len(body) > LARGEST:
            return Refusal(
                413, f"the reply: it would have {len(body)} bytes, and at most {LARGEST} are sent; ask for less"
            )
        return body + b"\n"


def _rows(payload: Payload) -> int:
    return sum(example.rows for example in payload.examples)


def _refused(refusal: Refusal) -> bytes:
    return json.dumps({"error": refusal.sentence}).encode() + b"\n"


def _body(item: Mapping[str, Any]) -> bytes:
    """Take the raw body; TorchServe leaves it out for forms, whose content type is refused by name."""
    content = item.get("body", b"")
    return bytes(content) if isinstance(content, bytes | bytearray) else b""
