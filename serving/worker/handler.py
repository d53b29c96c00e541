"""TorchServe handler: a batch of request bodies in, a JSON reply for each out, one run of the graph per batch.

TorchServe answers 503 to a whole batch when a handler raises or returns the wrong number of replies. So no
exception leaves `handle`: each request gets its own status, whatever the others of its batch hold.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from serving.worker.integrity import CHECKSUM_FILE, InvalidArchive, check_files, check_golden, check_names, split_golden
from serving.worker.onnx_model import OnnxModel
from serving.worker.replies.table import REPLY_FORMATS, build_reply
from serving.worker.request_error import RequestError
from serving.worker.requests.body import JSON, Payload, find_header, numbers_per_row, parse_body
from serving.worker.requests.example import FIELD_FORMATS
from serving.worker.signature import parse_signature

REQUIRED_FILES = ("model.onnx", "signature.json", "golden.npz", "serving/worker/handler.py")
STATUS_PHRASES = {
    200: "OK",
    400: "Bad Request",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
}  # ASCII only: TorchServe counts a phrase in characters and sends it in bytes

MAX_RUN_NUMBERS = 2**22  # numbers in the inputs and outputs of one run of the graph: 16 MiB as float32
MAX_REPLY_BYTES = 6_000_000  # bytes in one reply; what TorchServe passes on for a whole batch is in config.properties

logger = logging.getLogger(__name__)


class Handler:
    """The handler of one model; it starts only when the model's files and golden outputs are as they should be.

    The only class of this file, because TorchServe takes the handler to be that.
    """

    def initialize(self, context: Any) -> None:
        """Load and check the model in the folder that TorchServe unpacked.

        Raises:
            InvalidArchive: with the reason; the worker then never becomes ready.
        """
        logging.getLogger().setLevel(logging.WARNING)  # TorchServe prints two lines per request otherwise
        torch.set_num_threads(1)  # TorchServe's worker imports torch; the graph does not use it
        folder = Path(context.system_properties["model_dir"])
        try:
            listing = (folder / CHECKSUM_FILE).read_bytes()
        except OSError as error:
            raise InvalidArchive(f"{folder.name}: {CHECKSUM_FILE} is absent; build the archive again") from error
        check_files(listing, lambda name: (folder / name).read_bytes(), REQUIRED_FILES, "the unpacked archive")
        self.signature = parse_signature((folder / "signature.json").read_bytes())
        check_names("task", [self.signature.task], REPLY_FORMATS)
        check_names("kind", [field.kind for field in self.signature.inputs], FIELD_FORMATS)
        self.model = OnnxModel(folder / "model.onnx", self.signature)
        with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
            golden = dict(arrays)
        inputs, _ = split_golden(golden, self.signature)
        check_golden(golden, self._run_rows(inputs), self.signature, "ONNX Runtime in the worker")

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Reply to a batch of requests, each by itself: a prediction, or an error with its status."""
        payloads = [self._parse_request(item, context.get_all_request_header(place)) for place, item in enumerate(data)]
        replies = self._reply_bodies([payload for payload in payloads if isinstance(payload, Payload)])
        bodies = []
        for place, payload in enumerate(payloads):
            reply = payload if isinstance(payload, RequestError) else next(replies)
            status = reply.status if isinstance(reply, RequestError) else 200
            context.set_response_status(status, STATUS_PHRASES[status], place)
            context.set_response_content_type(place, JSON)
            bodies.append(_error_body(reply) if isinstance(reply, RequestError) else reply)
        return bodies

    def _parse_request(self, item: Mapping[str, Any], headers: Mapping[str, Any]) -> Payload | RequestError:
        try:
            encoding = find_header(headers, "content-encoding")
            if encoding not in (None, "identity"):
                raise RequestError(415, f'the content encoding: expected none, found "{encoding}"')
            media_type = find_header(headers, "content-type")
            return parse_body(media_type, _raw_body(item), self.signature)
        except RequestError as error:
            return error
        except Exception:  # a bug met by one request must not take its neighbours down
            logger.exception("a request could not be read")
            return RequestError(500, "the request could not be read because of an error in the server")

    def _reply_bodies(self, payloads: list[Payload]) -> Iterator[bytes | RequestError]:
        """Reply to requests in groups that are run at once."""
        group: list[Payload] = []
        for payload in payloads:
            if group and sum(map(_row_count, [*group, payload])) > self._max_rows:
                yield from self._run_group(group)
                group = []
            group.append(payload)
        yield from self._run_group(group)

    def _run_group(self, group: list[Payload]) -> list[bytes | RequestError]:
        """Run all examples of a group at once; if that fails, each request alone, so that one failure stays one."""
        try:
            return self._run_payloads(group)
        except Exception:  # a worker that raises answers none of the batch, and TorchServe may restart it
            logger.exception("a batch of %d requests could not be run", len(group))
            return [self._run_alone(payload) for payload in group]

    def _run_alone(self, payload: Payload) -> bytes | RequestError:
        try:
            return self._run_payloads([payload])[0]
        except Exception:  # the same, of one request
            logger.exception("a request could not be run")
            return RequestError(500, "the model failed on this input because of an error in the server")

    def _run_payloads(self, payloads: list[Payload]) -> list[bytes | RequestError]:
        examples = [example for payload in payloads for example in payload.examples]
        if not examples:
            return []
        names = examples[0].columns
        outputs = self._run_rows({name: np.concatenate([one.columns[name] for one in examples]) for name in names})
        rows = outputs[self.signature.outputs[0].name]
        ends = iter(np.cumsum([one.row_count for one in examples]).tolist())
        return [self._build_body(payload, rows, ends) for payload in payloads]

    @property
    def _max_rows(self) -> int:
        """How many rows one run of the graph takes."""
        return max(1, MAX_RUN_NUMBERS // numbers_per_row(self.signature))

    def _run_rows(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the graph over rows, `_max_rows` at a time: memory depends on the model, not on the requests."""
        rows = len(next(iter(columns.values())))
        parts = [
            self.model.run({name: values[start : start + self._max_rows] for name, values in columns.items()})
            for start in range(0, rows, self._max_rows)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _build_body(self, payload: Payload, predictions: NDArray[Any], ends: Iterator[int]) -> bytes | RequestError:
        """Build the reply to one request; `ends` says where each example's rows end."""
        documents: list[dict[str, Any]] = []
        first_error = None
        for example, end in zip(payload.examples, ends, strict=False):
            try:
                documents.append(
                    build_reply(
                        predictions[end - example.row_count : end], self.signature, example.extras, example.notes
                    )
                )
            except RequestError as error:
                first_error = first_error or error
        if first_error:
            return first_error
        body = json.dumps({"predictions": documents} if payload.many else documents[0], allow_nan=False).encode()
        if len(body) > MAX_REPLY_BYTES:
            return RequestError(
                413,
                f"the reply: it would have {len(body)} bytes, and at most {MAX_REPLY_BYTES} are sent; ask for less",
            )
        return body + b"\n"


def _row_count(payload: Payload) -> int:
    return sum(example.row_count for example in payload.examples)


def _error_body(error: RequestError) -> bytes:
    return json.dumps({"error": error.message}).encode() + b"\n"


def _raw_body(item: Mapping[str, Any]) -> bytes:
    """The raw body; TorchServe leaves it out for forms, which are refused by their content type."""
    content = item.get("body", b"")
    return bytes(content) if isinstance(content, bytes | bytearray) else b""
