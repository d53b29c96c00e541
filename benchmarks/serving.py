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
from serving.server.torchserve import ServingError
from serving.worker import integrity
from serving.worker.handler import Handler
from serving.worker.onnx_model import OnnxModel

CONCURRENCY_LEVELS = (1, 8, 32)
MEASURED_SECONDS = 2.0  # per cell, after the warm-up
WARMUP_SECONDS = 0.4  # seconds
HEADER_END = b"\r\n\r\n"


class Measurement(NamedTuple):
    """One measurement: images per second, and the time of one call or request in microseconds."""

    images_per_second: float
    p50: float
    p99: float


class FakeContext:
    """What the handler needs of TorchServe's context when there is no TorchServe."""

    def __init__(self, folder: Path) -> None:
        self.system_properties = {"model_dir": str(folder)}

    def get_all_request_header(self, index: int) -> dict[str, str]:
        return {"Content-Type": "application/json"}

    def set_response_status(self, code: int, phrase: str, index: int) -> None: ...

    def set_response_content_type(self, index: int, value: str) -> None: ...


def measure_calls(call: Callable[[], object], images_per_call: int) -> Measurement:
    """Repeat a call for a fixed time."""
    end = time.perf_counter() + WARMUP_SECONDS
    while time.perf_counter() < end:
        call()
    times = []
    end = time.perf_counter() + MEASURED_SECONDS
    while (started := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - started)
    return summarize_times(times, images_per_call * len(times) / sum(times))


def summarize_times(times: list[float], images_per_second: float) -> Measurement:
    p50, p99 = np.percentile(np.array(times) * 1e6, (50, 99))
    return Measurement(images_per_second, float(p50), float(p99))


def measure_http(server: Server, name: str, bodies: list[bytes], connections: int) -> Measurement:
    """Keep one request on its way per connection for a fixed time."""
    port = server.torchserve.ports["inference"]
    head = f"POST /predictions/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    requests = cycle([f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies])
    selector = selectors.DefaultSelector()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    start_times = {}
    for connection in sockets:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
    begin = time.perf_counter()
    for connection in sockets:
        start_times[connection] = time.perf_counter()
        connection.sendall(next(requests))
    times: deque[float] = deque()
    while (now := time.perf_counter()) < begin + WARMUP_SECONDS + MEASURED_SECONDS:
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            read_response(connection)
            finished = time.perf_counter()
            if now > begin + WARMUP_SECONDS:
                times.append(finished - start_times[connection])
            start_times[connection] = finished
            connection.sendall(next(requests))
    for connection in sockets:
        connection.close()
    selector.close()
    return summarize_times(list(times), len(times) / MEASURED_SECONDS)


def read_response(connection: socket.socket) -> None:
    content = connection.recv(65536)
    while HEADER_END not in content:
        content += connection.recv(65536)
    header, _, body = content.partition(HEADER_END)
    if not header.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the server refused: {content[:300]!r}")
    length = int(header.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)


def measure_layers(package: Package) -> dict[str, list[Measurement]]:
    inputs, _ = integrity.split_golden(package.golden, package.signature)
    rows = len(next(iter(inputs.values())))
    bodies = [json.dumps({name: array[row].tolist() for name, array in inputs.items()}).encode() for row in range(rows)]
    layers: dict[str, list[Measurement]] = {}
    with tempfile.TemporaryDirectory() as folder:
        model_dir = Path(folder)
        with zipfile.ZipFile(io.BytesIO(package.path.read_bytes())) as archive_file:
            archive_file.extractall(model_dir)
        graph = OnnxModel(model_dir / "model.onnx", package.signature)
        batches = [
            {name: np.resize(array, (n, *array.shape[1:])) for name, array in inputs.items()}
            for n in CONCURRENCY_LEVELS
        ]
        layers["ONNX Runtime"] = [
            measure_calls(lambda b=batch: graph.run(b), n) for batch, n in zip(batches, CONCURRENCY_LEVELS, strict=True)
        ]
        handler, context = Handler(), FakeContext(model_dir)
        handler.initialize(context)
        request_batches: list[list[dict[str, Any]]] = [
            [{"body": bodies[k % rows]} for k in range(n)] for n in CONCURRENCY_LEVELS
        ]
        layers["handler"] = [
            measure_calls(lambda d=items: handler.handle(d, context), len(items)) for items in request_batches
        ]
    with running_server([package.path]) as server:
        layers["HTTP"] = [measure_http(server, package.signature.name, bodies, n) for n in CONCURRENCY_LEVELS]
    return layers


def format_table(layers: dict[str, list[Measurement]]) -> str:
    onnx_runtime = layers["ONNX Runtime"]
    lines = [f"{'rung':<14}{'at once':>8}{'images/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'of ONNX Runtime':>18}"]
    for layer, measurements in layers.items():
        for concurrency, measurement, reference in zip(CONCURRENCY_LEVELS, measurements, onnx_runtime, strict=True):
            lines.append(
                f"{layer:<14}{concurrency:>8}{measurement.images_per_second:>12,.0f}{measurement.p50 / 1e3:>10.3f}"
                f"{measurement.p99 / 1e3:>10.3f}{measurement.images_per_second / reference.images_per_second:>18.4f}"
            )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    try:
        package = archive.read_archive(
            archive.find_archives([Path(argument) for argument in arguments] or [Path("artifacts")])[0]
        )
        print(
            f"{package.path}: images are {package.signature.inputs[0].shape}, {MEASURED_SECONDS:g} s per cell\n",
            flush=True,
        )
        print(format_table(measure_layers(package)))
    except (integrity.InvalidArchive, ServingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
