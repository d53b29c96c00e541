"""Running server: TorchServe with archives, from start to READY and golden outputs, until it is stopped."""

import http.client
import json
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.archive import Package, read_archive
from serving.client.client import Client
from serving.client.client_error import ClientError
from serving.server.golden_check import check_server
from serving.server.golden_requests import golden_instances
from serving.server.torchserve import LOOPBACK, ServingError, TorchServe, free_port, run_torchserve
from serving.worker.integrity import InvalidArchive

POLL_SECONDS = 0.1  # between two looks at whether the models are ready
REMINDER_SECONDS = 10.0  # between two messages while waiting
MAX_CURL_BODY_CHARACTERS = 1200  # characters of JSON that still fit on a command line to copy


@dataclass(frozen=True)
class Server:
    """A running server whose models all gave their golden outputs over HTTP."""

    address: str
    packages: tuple[Package, ...]
    torchserve: TorchServe
    startup_seconds: float  # from the start until all models were ready

    def is_running(self) -> bool:
        return self.torchserve.is_running()

    def list_workers(self, name: str) -> list[dict[str, Any]]:
        """TorchServe's list of a model's workers: `status`, `pid` and more."""
        return _list_workers(self.torchserve, name)

    def curl_command(self, name: str) -> str:
        """A curl command with one golden input of the model, which is in a file when it is long."""
        package = next(package for package in self.packages if package.signature.name == name)
        body = json.dumps(golden_instances(package)[0], ensure_ascii=False)
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
    on_status: Callable[[str], None] = lambda message: None,
) -> Iterator[Server]:
    """Serve archives until the block ends; it begins when every model has given its golden outputs over HTTP.

    Without a port any free one is taken. `timeout` is in seconds, until all models must be ready. No process and no
    file is left behind.

    Raises:
        ServingError: the server could not start; the message says why.
    """
    started_at = time.monotonic()
    try:
        packages = tuple(read_archive(path) for path in archives)
        names = [package.signature.name for package in packages]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            places = " and ".join(str(package.path) for package in packages if package.signature.name == repeated)
            raise ServingError(f"more than one archive is called {repeated}: {places}; serve one of them")
        port = free_port() if port is None else port
        with run_torchserve(archives, names, host, port) as torchserve:
            reachable_host = LOOPBACK if host == "0.0.0.0" else host
            address = f"http://{reachable_host}:{port}"
            on_status(f"Starting TorchServe with {', '.join(names)}: loading and checking, a few seconds ...")
            _wait_until_ready(torchserve, names, started_at, timeout, on_status)
            for package in packages:
                check_server(package, Client(address, timeout))
            yield Server(address, packages, torchserve, time.monotonic() - started_at)
    except (InvalidArchive, ClientError) as error:
        raise ServingError(str(error)) from error


def _wait_until_ready(
    torchserve: TorchServe, names: Sequence[str], started_at: float, timeout: float, on_status: Callable[[str], None]
) -> None:
    """Wait until every worker of every model is READY.

    Raises:
        ServingError: TorchServe ended, a worker cannot load its model, or it takes too long.
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
    """Why the server will never be ready, or None; a worker that failed once fails again, so once is enough."""
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
    """The model's workers as the management address lists them; none while it does not answer."""
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
