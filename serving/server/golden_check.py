"""Golden check: golden inputs sent to a running server must give the golden outputs.

    python -m serving.server.golden_check --address http://127.0.0.1:8080     (ends with status 0 when all models agree)

TorchServe's own /ping says "Healthy" before models are loaded and while a worker dies again and again.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from serving.archive import Package, find_archives, read_archive
from serving.client.client import DEFAULT_ADDRESS, Client
from serving.client.client_error import ClientError
from serving.server.golden_requests import golden_instances
from serving.server.reply_comparison import reply_difference
from serving.worker.integrity import InvalidArchive, error_scale, split_golden
from serving.worker.replies.table import build_reply
from serving.worker.request_error import RequestError

MAX_EXAMPLES = 64  # golden examples in one request
MAX_REQUEST_CHARACTERS = 4_000_000  # characters of one request, unless a single example has more


def check_server(package: Package, client: Client) -> None:
    """Send all golden inputs over HTTP and compare the replies with those that the golden outputs give.

    Raises:
        InvalidArchive: a reply differs by more than the signature's tolerance.
        ClientError: the server does not answer.
    """
    signature = package.signature
    replies = []
    for batch in _split_requests(golden_instances(package)):
        replies += client.predict_instances(signature.name, batch)
    scale = error_scale(package.golden, signature)
    for row, (expected, found) in enumerate(zip(_expected_replies(package), replies, strict=True)):
        if mismatch := reply_difference(expected, found, signature, scale):
            raise InvalidArchive(
                f"{signature.name}: {client.address} does not give the golden outputs: in row {row}, {mismatch}; the "
                f"tolerance is {signature.tolerance:g}; export the model again"
            )


def _expected_replies(package: Package) -> list[dict[str, Any]]:
    """Build the replies that the golden outputs give."""
    _, outputs = split_golden(package.golden, package.signature)
    predictions = outputs[package.signature.outputs[0].name]
    try:
        return [build_reply(predictions[row : row + 1], package.signature, {}, []) for row in range(len(predictions))]
    except RequestError as error:
        raise InvalidArchive(f"{package.signature.name}: golden.npz: {error.message}") from error


def _split_requests(examples: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Split examples into requests that are not too large."""
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
        prog="python -m serving.server.golden_check",
        description="Check that a running server gives the golden outputs of every model.",
    )
    parser.add_argument(
        "--store", default=Path("artifacts"), type=Path, help="the folder of archives (default: %(default)s)"
    )
    parser.add_argument("--address", default=DEFAULT_ADDRESS, help="address of the server (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        for path in find_archives([options.store]):
            package = read_archive(path)
            check_server(package, Client(options.address, timeout=10.0))
            print(f"{package.signature.name}: gives its golden outputs at {options.address}")
    except (InvalidArchive, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
