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
from serving.client.client import ADDRESS, Client, ClientFailure
from serving.worker import integrity as checks
from serving.worker.replies.table import REPLIES, written
from serving.worker.request_error import Refusal
from serving.worker.requests.example import DECODERS

MOST = 64  # golden examples in one request
LARGEST = 4_000_000  # characters of one request, unless a single example has more


def instances(package: Package) -> list[dict[str, Any]]:
    """The golden inputs as a request writes them, one object per example."""
    inputs, _ = checks.golden_parts(package.golden, package.signature)
    return [
        {field.name: DECODERS[field.kind].write(inputs[field.name][row], field) for field in package.signature.inputs}
        for row in range(len(next(iter(inputs.values()))))
    ]


def check(package: Package, client: Client) -> None:
    """Ask for all golden inputs over HTTP and compare the replies with those that the golden outputs give.

    Raises:
        checks.Unservable: a reply differs by more than the signature's tolerance.
        ClientFailure: there is no answer.
    """
    described = package.signature
    replies = []
    for some in _requests(instances(package)):
        replies += client.predict_instances(described.name, some)
    scale = checks.scale(package.golden, described)
    for row, (expected, found) in enumerate(zip(_expected(package), replies, strict=True)):
        if said := REPLIES[described.task].difference(expected, found, described, scale):
            raise checks.Unservable(
                f"{described.name}: {client.address} does not give the golden outputs: in row {row}, {said}; the "
                f"tolerance is {described.tolerance:g}; export the model again"
            )


def _expected(package: Package) -> list[dict[str, Any]]:
    """The replies that the golden outputs give."""
    _, outputs = checks.golden_parts(package.golden, package.signature)
    answers = outputs[package.signature.outputs[0].name]
    try:
        return [written(answers[row : row + 1], package.signature, {}, []) for row in range(len(answers))]
    except Refusal as refusal:
        raise checks.Unservable(f"{package.signature.name}: golden.npz: {refusal.sentence}") from refusal


def _requests(examples: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Share examples out among requests that are not too large."""
    some: list[dict[str, Any]] = []
    size = 0
    for one in examples:
        length = len(json.dumps(one))
        if some and (len(some) == MOST or size + length > LARGEST):
            yield some
            some, size = [], 0
        some.append(one)
        size += length
    yield some


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m serving.server.golden_check", description="Is a server giving right answers?"
    )
    parser.add_argument("--store", default=Path("artifacts"), type=Path, help="where the archives are")
    parser.add_argument("--address", default=ADDRESS, help="where the server answers (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        for path in archive.found([options.store]):
            package = archive.opened(path)
            check(package, Client(options.address, timeout=10.0))
            print(f"{package.signature.name}: gives its golden outputs at {options.address}")
    except (checks.Unservable, ClientFailure) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
