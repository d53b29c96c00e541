"""Server command: every champion over HTTP by TorchServe, until Ctrl-C.

python -m serving.server                              every artifacts/<problem>/package/*.mar
python -m serving.server --store some/folder a.mar    all archives of a folder, and one file
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from serving.archive import find_archives
from serving.server.server import running_server
from serving.server.torchserve import LOOPBACK, ServingError
from serving.worker.integrity import InvalidArchive

DEFAULT_STORE = Path("artifacts")


class _StopSignal(BaseException):
    """SIGTERM or Ctrl-C arrived."""


def _raise_stop_signal(number: int, frame: FrameType | None) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # a second signal must not interrupt the shutdown
    raise _StopSignal


def _print_line(line: str) -> None:
    print(line, flush=True)


def _serve_until_stopped(options: argparse.Namespace) -> None:
    archives = find_archives([*options.archives, *([options.store] if options.store else [])] or [DEFAULT_STORE])
    with running_server(
        archives, host=options.host, port=options.port, timeout=options.timeout, on_status=_print_line
    ) as server:
        names = [package.signature.name for package in server.packages]
        _print_line(f"Ready after {server.startup_seconds:.1f} seconds: {', '.join(names)} at {server.address}. Try:\n")
        for name in names:
            _print_line(f"{server.curl_command(name)}\n")
        _print_line("Ctrl-C stops it.")
        while server.is_running():
            time.sleep(0.5)
        raise ServingError(
            f"TorchServe ended by itself: {server.torchserve.failure_reason() or 'its log gives no reason'}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m serving.server",
        description="Serve trained models over HTTP with TorchServe, until Ctrl-C. Each model is checked first.",
    )
    parser.add_argument("archives", nargs="*", type=Path, metavar="MAR", help="archives to serve")
    parser.add_argument(
        "--store", type=Path, metavar="FOLDER", help="serve all archives of a folder (default: artifacts/*/package)"
    )
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default: %(default)s, local only)")
    parser.add_argument("--port", default=8080, type=int, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--timeout", default=120.0, type=float, metavar="SECONDS", help="longest start-up (default: %(default)g)"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, _raise_stop_signal)
    signal.signal(signal.SIGTERM, _raise_stop_signal)
    try:
        _serve_until_stopped(options)
    except _StopSignal:
        _print_line("\nStopped.")
    except (ServingError, InvalidArchive) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
