"""The serving ladder: what each layer between a caller and the graph costs.

    python benchmarks/serving.py [some.mar]

Three rungs answer the same requests, the golden inputs as JSON pixels, one image each:
ONNX Runtime in process (1, 8, 32 images per call), the handler called directly (1, 8, 32 requests per batch) and
TorchServe over loopback HTTP (1, 8, 32 connections, each with one request on its way). The HTTP client is one
thread with a selector over keep-alive sockets that sends prepared bytes and reads no more than the length of a
reply: about 25 microseconds of its own per request. It shares the machine's cores with the server.
"""

import io
import json
import selectors
import socket
import sys
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from serving import archive
from serving.archive import Package
from serving.server.__main__ import Server, running_server
from serving.server.torchserve import ServingFailure
from serving.worker import integrity as checks
from serving.worker.handler import Handler
from serving.worker.onnx_model import Graph

WIDTHS = (1, 8, 32)
SECONDS = 2.0  # per cell, after the warm-up
WARM = 0.4  # seconds
HEADER_END = b"\r\n\r\n"


class Cell(NamedTuple):
    """One measurement: images per second, and the time of one call or request in microseconds."""

    rate: float
    p50: float
    p99: float


class Headers:
    """What the handler needs of TorchServe's context when there is no TorchServe."""

    def __init__(self, folder: Path) -> None:
        self.system_properties = {"model_dir": str(folder)}

    def get_all_request_header(self, place: int) -> dict[str, str]:
        return {"Content-Type": "application/json"}

    def set_response_status(self, code: int, phrase: str, place: int) -> None: ...

    def set_response_content_type(self, place: int, value: str) -> None: ...


def timed(call: Callable[[], object], images: int) -> Cell:
    """Repeat a call for a fixed time."""
    end = time.perf_counter() + WARM
    while time.perf_counter() < end:
        call()
    times = []
    end = time.perf_counter() + SECONDS
    while (begun := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - begun)
    return cell(times, images * len(times) / sum(times))


def cell(times: list[float], rate: float) -> Cell:
    p50, p99 = np.percentile(np.array(times) * 1e6, (50, 99))
    return Cell(rate, float(p50), float(p99))


def over_http(server: Server, name: str, bodies: list[bytes], connections: int) -> Cell:
    """Keep one request on its way per connection for a fixed time."""
    port = server.torchserve.ports["inference"]
    head = f"POST /predictions/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    requests = cycle([f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies])
    selector = selectors.DefaultSelector()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    started = {}
    for connection in sockets:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
    begun = time.perf_counter()
    for connection in sockets:
        started[connection] = time.perf_counter()
        connection.sendall(next(requests))
    times: deque[float] = deque()
    while (now := time.perf_counter()) < begun + WARM + SECONDS:
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            read_reply(connection)
            finished = time.perf_counter()
            if now > begun + WARM:
                times.append(finished - started[connection])
            started[connection] = finished
            connection.sendall(next(requests))
    for connection in sockets:
        connection.close()
    selector.close()
    return cell(list(times), len(times) / SECONDS)


def read_reply(connection: socket.socket) -> None:
    content = connection.recv(65536)
    while HEADER_END not in content:
        content += connection.recv(65536)
    header, _, body = content.partition(HEADER_END)
    if not header.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the server refused: {content[:300]!r}")
    length = int(header.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)


def ladder(package: Package) -> dict[str, list[Cell]]:
    inputs, _ = checks.golden_parts(package.golden, package.signature)
    rows = len(next(iter(inputs.values())))
    bodies = [json.dumps({name: array[row].tolist() for name, array in inputs.items()}).encode() for row in range(rows)]
    rungs: dict[str, list[Cell]] = {}
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder)
        with zipfile.ZipFile(io.BytesIO(package.path.read_bytes())) as opened:
            opened.extractall(unpacked)
        graph = Graph(unpacked / "model.onnx", package.signature)
        batches = [{name: np.resize(array, (n, *array.shape[1:])) for name, array in inputs.items()} for n in WIDTHS]
        rungs["ONNX Runtime"] = [
            timed(lambda b=batch: graph.run(b), n) for batch, n in zip(batches, WIDTHS, strict=True)
        ]
        handler, headers = Handler(), Headers(unpacked)
        handler.initialize(headers)
        data: list[list[dict[str, Any]]] = [[{"body": bodies[k % rows]} for k in range(n)] for n in WIDTHS]
        rungs["handler"] = [timed(lambda d=items: handler.handle(d, headers), len(items)) for items in data]
    with running_server([package.path]) as server:
        rungs["HTTP"] = [over_http(server, package.signature.name, bodies, n) for n in WIDTHS]
    return rungs


def table(rungs: dict[str, list[Cell]]) -> str:
    base = rungs["ONNX Runtime"]
    lines = [f"{'rung':<14}{'at once':>8}{'images/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'of ONNX Runtime':>18}"]
    for rung, cells in rungs.items():
        for width, found, reference in zip(WIDTHS, cells, base, strict=True):
            lines.append(
                f"{rung:<14}{width:>8}{found.rate:>12,.0f}{found.p50 / 1e3:>10.3f}{found.p99 / 1e3:>10.3f}"
                f"{found.rate / reference.rate:>18.4f}"
            )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    try:
        package = archive.opened(archive.found([Path(argument) for argument in arguments] or [Path("artifacts")])[0])
        print(f"{package.path}: images are {package.signature.inputs[0].shape}, {SECONDS:g} s per cell\n", flush=True)
        print(table(ladder(package)))
    except (checks.Unservable, ServingFailure) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
