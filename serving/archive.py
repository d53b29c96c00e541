"""The `.mar` file: a served model as one archive whose bytes depend on its contents alone.

TorchServe's own archiver stamps dates, so the same model never gives the same archive twice; this one writes
fixed dates and a fixed order. The archive holds all code it needs: the handler travels as the package
`serving`, the graph and its contract beside it, and SHA256SUMS over everything.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.worker import integrity as checks
from serving.worker import signature as signatures
from serving.worker.signature import Signature

MANIFEST = "MAR-INF/MANIFEST.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # TorchServe's rule for a model's name

# What TorchServe reads for this model. A worker takes one batch at a time; a lone request in a batch that is
# not full waits for maxBatchDelay, so it is the shortest TorchServe knows (0 means "not set": 100 ms).
MODEL_CONFIG = """\
minWorkers: 1
maxWorkers: 1
batchSize: {batch}
maxBatchDelay: 1
responseTimeout: 30
startupTimeout: 120
deviceType: cpu
jobQueueSize: 512
"""
BATCH = 8


class Package(NamedTuple):
    """An archive that was opened and found whole."""

    path: Path
    signature: Signature
    golden: dict[str, NDArray[Any]]


def build(path: Path, *, signature: Path, model: Path, golden: Path) -> None:
    """Write the archive of one model; the same files give the same bytes, anywhere and at any time.

    Raises:
        ValueError: the signature's name cannot be a model's name, or a file is not what the signature says.
    """
    described = signatures.read(signature.read_bytes())
    if not NAME.fullmatch(described.name):
        raise ValueError(f"signature.json: name must be letters, digits, _ . and -, found {described.name!r}")
    contents = {
        MANIFEST: _manifest(described),
        "model-config.yaml": MODEL_CONFIG.format(batch=BATCH).encode(),
        "signature.json": signature.read_bytes(),
        "model.onnx": model.read_bytes(),
        "golden.npz": golden.read_bytes(),
        **worker_code(),
    }
    contents[checks.SUMS] = checks.sums(contents)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(
        f".unfinished-{os.getpid()}-{path.name}"
    )  # as pipelines/ names them, which clears them away
    try:
        temporary.write_bytes(_zipped(contents))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def worker_code() -> dict[str, bytes]:
    """The code that travels: all of `serving/worker/`, and the package it is in."""
    package = Path(__file__).parent
    files = [package / "__init__.py", *sorted((package / "worker").rglob("*.py"))]
    return {f"serving/{file.relative_to(package).as_posix()}": file.read_bytes() for file in files}


def opened(path: Path) -> Package:
    """Read an archive and compare every file in it with its checksum.

    Raises:
        checks.Unservable: the archive is absent, damaged or incomplete; the sentence names the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listing = archive.read(checks.SUMS)
            checks.check_files(
                listing, archive.read, (MANIFEST, "signature.json", "model.onnx", "golden.npz"), str(path)
            )
            described = signatures.read(archive.read("signature.json"))
            with np.load(io.BytesIO(archive.read("golden.npz")), allow_pickle=False) as arrays:
                return Package(path, described, dict(arrays))
    except FileNotFoundError as error:
        raise checks.Unservable(f"{path} does not exist; make it with `make run`") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, EOFError) as error:
        raise checks.Unservable(
            f"{path} cannot be read as an archive: {error}; the file was damaged or altered, build it again"
        ) from error


def found(places: Sequence[Path]) -> list[Path]:
    """List the archives in folders (the folder itself or `<problem>/package/` below it) and files as given.

    Raises:
        checks.Unservable: there is none.
    """
    archives: list[Path] = []
    for place in places:
        archives += sorted({*place.glob("*.mar"), *place.glob("*/package/*.mar")}) if place.is_dir() else [place]
    if not archives:
        where = " or ".join(str(place) for place in places)
        raise checks.Unservable(f"nothing to serve: there is no .mar file in {where}; make one with `make run` first")
    return archives


def _manifest(described: Signature) -> bytes:
    document = {
        "createdOn": "01/01/1980 00:00:00",
        "runtime": "python",
        "model": {
            "modelName": described.name,
            "handler": "serving.worker.handler",
            "modelVersion": described.version,
            "configFile": "model-config.yaml",
        },
        "archiverVersion": "0.12.0",
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _zipped(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, whatever builds it
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_STORED)  # compressors differ between builds of zlib
    return buffer.getvalue()
