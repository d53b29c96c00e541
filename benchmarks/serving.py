"""Serving benchmark: what each layer between a caller and the ONNX graph costs.

    python -m benchmarks.serving                  the first archive of images in artifacts/, else the first of all
    python -m benchmarks.serving titanic a.mar    these, by the name of a problem or by their file

Three layers answer the same requests, the golden inputs as JSON, one example each: ONNX Runtime in process
(1, 8, 32 examples per call), the handler called directly (1, 8, 32 requests per batch) and TorchServe over loopback
HTTP (1, 8, 32 connections with one request at a time). The HTTP client is one thread with a selector over keep-alive
sockets that sends prepared bytes and reads no more than the length of a reply: about 25 microseconds of its own per
request. It shares the machine's cores with the server. What an example is follows from the signature: an image, a
table's row, a text, a sequence or a sample of a generator; numbers of different models compare only within one unit.
"""

import argparse
import json
import selectors
import socket
import sys
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from serving.archive import Package, find_archives, read_archive
from serving.server.golden_requests import golden_instances
from serving.server.server import Server, running_server
from serving.server.torchserve import ServingError
from serving.worker.handler import Handler
from serving.worker.integrity import InvalidArchive, split_golden
from serving.worker.onnx_model import OnnxModel
from serving.worker.signature import Signature

DEFAULT_STORE = Path("artifacts")
CONCURRENCY_LEVELS = (1, 8, 32)
MEASURED_SECONDS = 2.0  # per cell, after the warm-up
WARMUP_SECONDS = 0.4
HEADER_END = b"\r\n\r\n"

# What an example is called, by the kind of a model's only input.
EXAMPLE_NOUNS = {"image": "images", "text": "texts", "steps": "sequences", "audio": "recordings", "noise": "samples"}
TABLE_KINDS = {"number", "category", "text"}


class Measurement(NamedTuple):
    """One measurement: examples per second, and the time of one call or request in microseconds."""

    examples_per_second: float
    p50: float
    p99: float


class FakeContext:
    """What the handler needs of TorchServe's context when there is no TorchServe."""

    def __init__(self, folder: Path) -> None:
        self.system_properties = {"model_dir": str(folder)}
        self.statuses: set[int] = set()

    def get_all_request_header(self, index: int) -> dict[str, str]:
        return {"Content-Type": "application/json"}

    def set_response_status(self, code: int, phrase: str, index: int) -> None:
        self.statuses.add(code)

    def set_response_content_type(self, index: int, value: str) -> None: ...


def example_noun(signature: Signature) -> str:
    """What one example of a model is, in the plural: rows of a table, a word of EXAMPLE_NOUNS, or examples."""
    kinds = [field.kind for field in signature.inputs]
    if len(kinds) == 1 and kinds[0] in EXAMPLE_NOUNS:
        return EXAMPLE_NOUNS[kinds[0]]
    return "rows" if set(kinds) <= TABLE_KINDS else "examples"


def describe_inputs(signature: Signature) -> str:
    """The task and the inputs of a model in a few words."""
    if len(signature.inputs) > 1:
        return f"{signature.task} of {example_noun(signature)} with {len(signature.inputs)} fields"
    (field,) = signature.inputs
    shape = " x ".join(map(str, field.shape))
    return f"{signature.task} of {example_noun(signature)}{f' of {shape}' if shape else ''} ({field.dtype})"


def choose_archives(names: Sequence[str]) -> list[Package]:
    """Find the archives to measure: those named, else the first of images in the default store, else the first.

    Raises:
        InvalidArchive: a name is no archive, or there is none at all.
    """
    if names:
        return [read_archive(path) for name in names for path in find_archives([_archive_path(name)])]
    packages = [read_archive(path) for path in find_archives([DEFAULT_STORE])]
    chosen = next((package for package in packages if example_noun(package.signature) == "images"), packages[0])
    listed = ", ".join(package.signature.name for package in packages)
    print(f"Archives in {DEFAULT_STORE}: {listed}. Measuring {chosen.signature.name}; name others to measure them.\n")
    return [chosen]


def _archive_path(name: str) -> Path:
    """The archive of a problem; a path to a file or folder stays as it is."""
    packaged = DEFAULT_STORE / name / "package" / f"{name}.mar"
    if packaged.exists() or Path(name).exists():
        return packaged if packaged.exists() else Path(name)
    known = ", ".join(path.stem for path in find_archives([DEFAULT_STORE]))
    raise InvalidArchive(f"{name} is no archive: expected a .mar file, or a problem in {DEFAULT_STORE}: {known}")


def measure_calls(call: Callable[[], object], examples_per_call: int) -> Measurement:
    """Repeat a call for a fixed time."""
    end = time.perf_counter() + WARMUP_SECONDS
    while time.perf_counter() < end:
        call()
    times = []
    end = time.perf_counter() + MEASURED_SECONDS
    while (started := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - started)
    return summarize_times(times, examples_per_call * len(times) / sum(times))


def summarize_times(times: Sequence[float], examples_per_second: float) -> Measurement:
    p50, p99 = np.percentile(np.array(times) * 1e6, (50, 99))
    return Measurement(examples_per_second, float(p50), float(p99))


def measure_http(server: Server, name: str, bodies: Sequence[bytes], connections: int) -> Measurement:
    """Keep one request in flight per connection for a fixed time."""
    port = server.torchserve.ports["inference"]
    head = f"POST /predictions/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    requests = cycle([f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies])
    selector = selectors.DefaultSelector()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    start_times = {}
    for connection in sockets:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, connection)
    begin = time.perf_counter()
    for connection in sockets:
        start_times[connection] = time.perf_counter()
        connection.sendall(next(requests))
    times: deque[float] = deque()
    while (now := time.perf_counter()) < begin + WARMUP_SECONDS + MEASURED_SECONDS:
        for key, _ in selector.select():
            connection = key.data
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
    """Read one response, which must be a prediction."""
    content = connection.recv(65536)
    while HEADER_END not in content:
        content += connection.recv(65536)
    header, _, body = content.partition(HEADER_END)
    if not header.startswith(b"HTTP/1.1 200"):
        raise ServingError(f"the server refused a golden input: {content[:300]!r}")
    length = int(header.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)


def measure_layers(package: Package) -> dict[str, list[Measurement]]:
    """Measure every layer at every concurrency level."""
    bodies = [json.dumps(instance).encode() for instance in golden_instances(package)]
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(package.path) as archive:
            archive.extractall(folder)
        layers = {
            "ONNX Runtime": measure_onnx_runtime(package, Path(folder)),
            "handler": measure_handler(bodies, Path(folder)),
        }
    with running_server([package.path]) as server:
        layers["HTTP"] = [measure_http(server, package.signature.name, bodies, n) for n in CONCURRENCY_LEVELS]
    return layers


def measure_onnx_runtime(package: Package, folder: Path) -> list[Measurement]:
    inputs, _ = split_golden(package.golden, package.signature)
    model = OnnxModel(folder / "model.onnx", package.signature)
    batches = [
        {name: np.resize(array, (count, *array.shape[1:])) for name, array in inputs.items()}
        for count in CONCURRENCY_LEVELS
    ]
    return [
        measure_calls(partial(model.run, batch), count)
        for batch, count in zip(batches, CONCURRENCY_LEVELS, strict=True)
    ]


def measure_handler(bodies: Sequence[bytes], folder: Path) -> list[Measurement]:
    handler, context = Handler(), FakeContext(folder)
    handler.initialize(context)
    batches = [[{"body": bodies[place % len(bodies)]} for place in range(count)] for count in CONCURRENCY_LEVELS]
    measurements = [measure_calls(partial(handler.handle, batch, context), len(batch)) for batch in batches]
    if context.statuses != {200}:
        raise ServingError(f"the handler refused a golden input: statuses {sorted(context.statuses)}")
    return measurements


def format_table(layers: dict[str, list[Measurement]], noun: str) -> str:
    """A table of all measurements, each beside ONNX Runtime at the same concurrency."""
    rate = f"{noun}/s"
    lines = [f"{'layer':<14}{'at once':>8}{rate:>14}{'p50 ms':>10}{'p99 ms':>10}{'of ONNX Runtime':>18}"]
    for layer, measurements in layers.items():
        for concurrency, found, reference in zip(CONCURRENCY_LEVELS, measurements, layers["ONNX Runtime"], strict=True):
            lines.append(
                f"{layer:<14}{concurrency:>8}{found.examples_per_second:>14,.0f}{found.p50 / 1e3:>10.3f}"
                f"{found.p99 / 1e3:>10.3f}{found.examples_per_second / reference.examples_per_second:>18.4f}"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description="Measure what each layer between a caller and the ONNX graph costs.",
    )
    parser.add_argument(
        "archives",
        nargs="*",
        metavar="PROBLEM_OR_MAR",
        help="what to measure (default: the first archive of images in artifacts/, else the first of all)",
    )
    options = parser.parse_args(arguments)
    try:
        for package in choose_archives(options.archives):
            print(
                f"{package.path}: {describe_inputs(package.signature)}, {MEASURED_SECONDS:g} s per cell\n", flush=True
            )
            print(format_table(measure_layers(package), example_noun(package.signature)) + "\n", flush=True)
    except (InvalidArchive, ServingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
