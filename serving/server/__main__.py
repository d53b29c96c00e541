"""Serve every champion: TorchServe with the archives that were made, until Ctrl-C.

python -m serving.server                              every artifacts/<problem>/package/*.mar
python -m serving.server --store some/folder a.mar    these
"""

import argparse
import http.client
import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from serving import archive
from serving.archive import Package
from serving.client.client import Client, ClientError
from serving.server import golden_check
from serving.server import torchserve as torchserves
from serving.server.torchserve import LOOPBACK, ServingError, TorchServe
from serving.worker import integrity

DEFAULT_STORE = Path("artifacts")
POLL_SECONDS = 0.1  # seconds between two looks at whether it is ready
REMINDER_SECONDS = 10.0  # seconds between two messages while waiting
MAX_CURL_BODY_CHARACTERS = 1200  # characters of JSON that still fit on a command line a person would copy


@dataclass(frozen=True)
class Server:
    """A server whose models all gave their golden outputs over HTTP."""

    address: str
    packages: tuple[Package, ...]
    torchserve: TorchServe
    startup_seconds: float  # from start to ready

    def is_running(self) -> bool:
        return self.torchserve.is_running()

    def list_workers(self, name: str) -> list[dict[str, Any]]:
        """Ask TorchServe for a model's workers: `status`, `pid` and more."""
        return _list_workers(self.torchserve, name)

    def curl_command(self, name: str) -> str:
        """A command line that works: one golden input of the model, in place or from a file when it is long."""
        package = next(package for package in self.packages if package.signature.name == name)
        body = json.dumps(golden_check.golden_instances(package)[0], ensure_ascii=False)
        if len(body) > MAX_CURL_BODY_CHARACTERS:
            sample = self.torchserve.folder / f"{name}.json"
            sample.write_text(body, "utf-8")
            body = f"@{sample}"
        url = shlex.quote(f"{self.address}/predictions/{name}")
        return f"curl {url} -H 'Content-Type: application/json' -d {shlex.quote(body)}"


@contextmanager
def running_server(
    archives: Sequence[Path],
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    timeout: float = 120.0,
    on_status: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Server]:
    """Serve archives until the block ends; inside it, every model is known to answer rightly.

    Without a port any free one is taken. `timeout` is in seconds. Nothing stays behind: no process, no file.

    Raises:
        ServingFailure: with the reason, as a sentence.
    """
    started_at = time.monotonic()
    try:
        packages = tuple(archive.read_archive(path) for path in archives)
        names = [package.signature.name for package in packages]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            places = " and ".join(str(package.path) for package in packages if package.signature.name == repeated)
            raise ServingError(f"two archives are called {repeated}: {places}; serve one of them")
        port = torchserves.free_port() if port is None else port
        with torchserves.run_torchserve(archives, names, host, port) as torchserve:
            reachable_host = LOOPBACK if host == "0.0.0.0" else host
            address = f"http://{reachable_host}:{port}"
            on_status(f"Starting TorchServe with {', '.join(names)}: loading and checking, a few seconds ...")
            _wait_until_ready(torchserve, names, started_at, timeout, on_status)
            for package in packages:
                golden_check.check_server(package, Client(address, timeout))
            yield Server(address, packages, torchserve, time.monotonic() - started_at)
    except (integrity.InvalidArchive, ClientError) as error:
        raise ServingError(str(error)) from error


def _wait_until_ready(
    torchserve: TorchServe, names: Sequence[str], started_at: float, timeout: float, on_status: Callable[[str], None]
) -> None:
    """Return when every worker of every model is READY.

    Raises:
        ServingFailure: TorchServe ended, a worker cannot load its model, or it takes too long.
    """
    last_status_at = time.monotonic()
    while not all(_is_ready(torchserve, name) for name in names):
        now = time.monotonic()
        if (reason := _failure_reason(torchserve)) is not None:
            raise ServingError(reason)
        if now - started_at > timeout:
            reason = torchserve.failure_reason() or "its log gives no reason; is the machine overloaded?"
            raise ServingError(f"TorchServe was not ready after {timeout:g} seconds: {reason}")
        if now - last_status_at > REMINDER_SECONDS:
            last_status_at = now
            on_status(f"still waiting, {now - started_at:.0f} seconds ...")
        time.sleep(POLL_SECONDS)


def _failure_reason(torchserve: TorchServe) -> str | None:
    """Say why it will never be ready; a worker that failed once fails again, so the first failure counts."""
    if not torchserve.is_running():
        return f"TorchServe ended: {torchserve.failure_reason() or _log_tail(torchserve.read_log())}"
    log = torchserve.read_log()
    if "Backend worker process died" in log or "Failed to load model" in log or "Load model failed" in log:
        time.sleep(3 * POLL_SECONDS)  # until the rest of the traceback is written
        return f"a model could not be loaded: {torchserve.failure_reason() or _log_tail(torchserve.read_log())}"
    return None


def _log_tail(log: str) -> str:
    return " / ".join(log.strip().splitlines()[-3:]) or "its log is empty"


def _is_ready(torchserve: TorchServe, name: str) -> bool:
    workers = _list_workers(torchserve, name)
    return bool(workers) and all(worker["status"] == "READY" for worker in workers)


def _list_workers(torchserve: TorchServe, name: str) -> list[dict[str, Any]]:
    """The model's workers as the management address lists them; none while nobody answers there."""
    connection = http.client.HTTPConnection(LOOPBACK, torchserve.ports["management"], timeout=5)
    try:
        connection.request("GET", f"/models/{name}")
        response = connection.getresponse()
        document = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        return []
    finally:
        connection.close()
    if response.status != 200:
        return []
    return [worker for model in document for worker in model["workers"]]


class _StopSignal(BaseException):
    """SIGTERM or Ctrl-C arrived."""


def _raise_stop_signal(number: int, frame: FrameType | None) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # once is enough: the rest is under way
    raise _StopSignal


def _print_line(line: str) -> None:
    print(line, flush=True)


def _serve_until_stopped(options: argparse.Namespace) -> None:
    archives = archive.find_archives(
        [*options.archives, *([options.store] if options.store else [])] or [DEFAULT_STORE]
    )
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
    parser = argparse.ArgumentParser(prog="python -m serving.server", description="Serve trained models over HTTP.")
    parser.add_argument("archives", nargs="*", type=Path, metavar="MAR", help="archives to serve")
    parser.add_argument("--store", type=Path, help="a folder of archives (default: artifacts/*/package)")
    parser.add_argument("--host", default=LOOPBACK, help="where to listen (default: %(default)s, this machine alone)")
    parser.add_argument("--port", default=8080, type=int, help="where to listen (default: %(default)s)")
    parser.add_argument("--timeout", default=120.0, type=float, help="seconds until it must be ready (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, _raise_stop_signal)
    signal.signal(signal.SIGTERM, _raise_stop_signal)
    try:
        _serve_until_stopped(options)
    except _StopSignal:
        _print_line("\nStopped.")
    except (ServingError, integrity.InvalidArchive) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
