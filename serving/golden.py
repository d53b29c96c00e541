"""Post golden inputs to a running server and compare what it answers: the only proof that it serves.

    python -m serving.golden --address http://127.0.0.1:8080      (ends with status 0 when all models agree)

TorchServe's own /ping says "Healthy" before models are loaded and while a worker dies again and again.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from serving import archive, checks
from serving.archive import Package
from serving.client import ADDRESS, Client, ClientFailure
from serving.replies import REPLIES

MOST = 64  # golden examples in one request


def check(package: Package, client: Client) -> None:
    """Ask for all golden inputs over HTTP.

    Raises:
        checks.Unservable: an answer differs by more than the signature's tolerance.
        ClientFailure: there is no answer.
    """
    described = package.signature
    inputs, expected = checks.golden_parts(package.golden, described)
    rows = len(next(iter(inputs.values())))
    instances = [{name: array[row].tolist() for name, array in inputs.items()} for row in range(rows)]
    replies = []
    for start in range(0, rows, MOST):
        replies += client.predict_instances(described.name, instances[start : start + MOST])
    checks.check_golden(expected, REPLIES[described.task].read(replies, described), described, client.address)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m serving.golden", description="Is a server giving right answers?")
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
