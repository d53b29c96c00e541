"""Post golden inputs to a running server and compare what it answers: the only proof that it serves.

    python -m serving.server.golden_check --address http://127.0.0.1:8080     (ends with status 0 when all models agree)

TorchServe's own /ping says "Healthy" before models are loaded and while a worker dies again and again.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from serving import archive
from serving.archive import Package
from serving.client.client import DEFAULT_ADDRESS, Client, ClientError
from serving.worker import integrity
from serving.worker.replies.table import REPLY_FORMATS, build_reply
from serving.worker.request_error import RequestError
from serving.worker.requests.example import FIELD_FORMATS

MAX_EXAMPLES = 64  # golden examples in one request
MAX_REQUEST_CHARACTERS = 4_000_000  # characters of one request, unless a single example has more


def golden_instances(package: Package) -> list[dict[str, Any]]:
    """The golden inputs as a request writes them, one object per example."""
    inputs, _ = integrity.split_golden(package.golden, package.signature)
    return [
        {
            field.name: FIELD_FORMATS[field.kind].to_json(inputs[field.name][row], field)
            for field in package.signature.inputs
        }
        for row in range(len(next(iter(inputs.values()))))
    ]


def check_server(package: Package, client: Client) -> None:
    """Ask for all golden inputs over HTTP and compare the replies with those that the golden outputs give.

    Raises:
        checks.InvalidArchive: a reply differs by more than the signature's tolerance.
        ClientFailure: there is no answer.
    """
    signature = package.signature
    replies = []
    for batch in _split_requests(golden_instances(package)):
        replies += client.predict_instances(signature.name, batch)
    scale = integrity.error_scale(package.golden, signature)
    for row, (expected, found) in enumerate(zip(_expected_replies(package), replies, strict=True)):
        if mismatch := REPLY_FORMATS[signature.task].difference(expected, found, signature, scale):
            raise integrity.InvalidArchive(
                f"{signature.name}: {client.address} does not give the golden outputs: in row {row}, {mismatch}; the "
                f"tolerance is {signature.tolerance:g}; export the model again"
            )


def _expected_replies(package: Package) -> list[dict[str, Any]]:
    """The replies that the golden outputs give."""
    _, outputs = integrity.split_golden(package.golden, package.signature)
    predictions = outputs[package.signature.outputs[0].name]
    try:
        return [build_reply(predictions[row : row + 1], package.signature, {}, []) for row in range(len(predictions))]
    except RequestError as error:
        raise integrity.InvalidArchive(f"{package.signature.name}: golden.npz: {error.message}") from error


def _split_requests(examples: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Share examples out among requests that are not too large."""
    batch: list[dict[str, Any]] = []
    size = 0
    for example in examples:
        length = len(json.dumps(example))
        if batch and (len(batch) == MAX_EXAMPLES or size + length > MAX_REQUEST_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(example)
        size += length
    yield batch


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m serving.server.golden_check", description="Is a server giving right answers?"
    )
    parser.add_argument("--store", default=Path("artifacts"), type=Path, help="where the archives are")
    parser.add_argument("--address", default=DEFAULT_ADDRESS, help="where the server answers (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        for path in archive.find_archives([options.store]):
            package = archive.read_archive(path)
            check_server(package, Client(options.address, timeout=10.0))
            print(f"{package.signature.name}: gives its golden outputs at {options.address}")
    except (integrity.InvalidArchive, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
