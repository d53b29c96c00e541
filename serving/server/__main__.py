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
from serving.client.client import Client, ClientFailure
from serving.server import golden_check as golden
from serving.server import torchserve as torchserves
from serving.server.torchserve import LOOPBACK, ServingFailure, TorchServe
from serving.worker import integrity as checks

STORE = Path("artifacts")
EVERY = 0.1  # seconds between two looks at whether it is ready
REMIND = 10.0  # seconds between two messages while waiting
LONGEST_BODY = 1200  # characters of JSON that still fit on a command line a person would copy


@dataclass(frozen=True)
class Server:
    """A server whose models all gave their golden outputs over HTTP."""

    address: str
    packages: tuple[Package, ...]
    torchserve: TorchServe
    seconds: float  # from start to ready

    def running(self) -> bool:
        return self.torchserve.running()

    def workers(self, name: str) -> list[dict[str, Any]]:
        """Ask TorchServe for a model's workers: `status`, `pid` and more."""
        return _workers(self.torchserve, name)

    def curl(self, name: str) -> str:
        """A command line that works: one golden input of the model, in place or from a file when it is long."""
        package = next(package for package in self.packages if package.signature.name == name)
        body = json.dumps(golden.instances(package)[0], ensure_ascii=False)
        if len(body) > LONGEST_BODY:
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
    say: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Server]:
    """Serve archives until the block ends; inside it, every model is known to answer rightly.

    Without a port any free one is taken. `timeout` is in seconds. Nothing stays behind: no process, no file.

    Raises:
        ServingFailure: with the reason, as a sentence.
    """
    begun = time.monotonic()
    try:
        packages = tuple(archive.opened(path) for path in archives)
        names = [package.signature.name for package in packages]
        if twice := next((name for name in names if names.count(name) > 1), None):
            places = " and ".join(str(package.path) for package in packages if package.signature.name == twice)
            raise ServingFailure(f"two archives are called {twice}: {places}; serve one of them")
        port = torchserves.free_port() if port is None else port
        with torchserves.process(archives, names, host, port) as torchserve:
            reached = LOOPBACK if host == "0.0.0.0" else host
            address = f"http://{reached}:{port}"
            say(f"Starting TorchServe with {', '.join(names)}: loading and checking, a few seconds ...")
            _wait(torchserve, names, begun, timeout, say)
            for package in packages:
                golden.check(package, Client(address, timeout))
            yield Server(address, packages, torchserve, time.monotonic() - begun)
    except (checks.Unservable, ClientFailure) as failure:
        raise ServingFailure(str(failure)) from failure


def _wait(
    torchserve: TorchServe, names: Sequence[str], begun: float, timeout: float, say: Callable[[str], None]
) -> None:
    """Return when every worker of every model is READY.

    Raises:
        ServingFailure: TorchServe ended, a worker cannot load its model, or it takes too long.
    """
    spoken = time.monotonic()
    while not all(_ready(torchserve, name) for name in names):
        now = time.monotonic()
        if (reason := _gave_up(torchserve)) is not None:
            raise ServingFailure(reason)
        if now - begun > timeout:
            reason = torchserve.reason() or "its log gives no reason; is the machine overloaded?"
            raise ServingFailure(f"TorchServe was not ready after {timeout:g} seconds: {reason}")
        if now - spoken > REMIND:
            spoken = now
            say(f"still waiting, {now - begun:.0f} seconds ...")
        time.sleep(EVERY)


def _gave_up(torchserve: TorchServe) -> str | None:
    """Say why it will never be ready; a worker that failed once fails again, so the first failure counts."""
    if not torchserve.running():
        return f"TorchServe ended: {torchserve.reason() or _tail(torchserve.log())}"
    log = torchserve.log()
    if "Backend worker process died" in log or "Failed to load model" in log or "Load model failed" in log:
        time.sleep(3 * EVERY)  # until the rest of the traceback is written
        return f"a model could not be loaded: {torchserve.reason() or _tail(torchserve.log())}"
    return None


def _tail(log: str) -> str:
    return " / ".join(log.strip().splitlines()[-3:]) or "its log is empty"


def _ready(torchserve: TorchServe, name: str) -> bool:
    workers = _workers(torchserve, name)
    return bool(workers) and all(worker["status"] == "READY" for worker in workers)


def _workers(torchserve: TorchServe, name: str) -> list[dict[str, Any]]:
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


class _Stopped(BaseException):
    """SIGTERM or Ctrl-C arrived."""


def _stop(number: int, frame: FrameType | None) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # once is enough: the rest is under way
    raise _Stopped


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _serve(options: argparse.Namespace) -> None:
    archives = archive.found([*options.archives, *([options.store] if options.store else [])] or [STORE])
    with running_server(archives, host=options.host, port=options.port, timeout=options.timeout, say=_say) as server:
        names = [package.signature.name for package in server.packages]
        _say(f"Ready after {server.seconds:.1f} seconds: {', '.join(names)} at {server.address}. Try:\n")
        for name in names:
            _say(f"{server.curl(name)}\n")
        _say("Ctrl-C stops it.")
        while server.running():
            time.sleep(0.5)
        raise ServingFailure(f"TorchServe ended by itself: {server.torchserve.reason() or 'its log gives no reason'}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m serving.server", description="Serve trained models over HTTP.")
    parser.add_argument("archives", nargs="*", type=Path, metavar="MAR", help="archives to serve")
    parser.add_argument("--store", type=Path, help="a folder of archives (default: artifacts/*/package)")
    parser.add_argument("--host", default=LOOPBACK, help="where to listen (default: %(default)s, this machine alone)")
    parser.add_argument("--port", default=8080, type=int, help="where to listen (default: %(default)s)")
    parser.add_argument("--timeout", default=120.0, type=float, help="seconds until it must be ready (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        _serve(options)
    except _Stopped:
        _say("\nStopped.")
    except (ServingFailure, checks.Unservable) as failure:
        print(f"serve: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
