"""Model archive: the `.mar` file that TorchServe loads; its bytes depend on its contents alone.

TorchServe's own archiver stamps dates, so the same model never gives the same archive twice; this one writes
fixed dates and a fixed order. The archive holds all code that it needs, which is serving/__init__.py and
serving/worker/, the graph and its signature beside it, and SHA256SUMS over everything.
"""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.worker.integrity import CHECKSUM_FILE, InvalidArchive, check_files
from serving.worker.signature import Signature, parse_signature

MANIFEST_PATH = "MAR-INF/MANIFEST.json"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # the names that TorchServe accepts

# TorchServe's settings for this model. A batch that is not full waits for maxBatchDelay milliseconds, so it is the
# shortest that TorchServe knows (0 means "not set": 100 ms).
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
BATCH_SIZE = 8


class Package(NamedTuple):
    """An archive whose files all match their checksums: where it is, its signature and its golden arrays."""

    path: Path
    signature: Signature
    golden: dict[str, NDArray[Any]]


def build_archive(path: Path, *, signature: Path, model: Path, golden: Path) -> None:
    """Build the archive of one model; the same files give the same bytes, anywhere and at any time.

    Raises:
        ValueError: the signature lacks a key, or its name cannot be a model's name.
    """
    parsed = parse_signature(signature.read_bytes())
    if not NAME_PATTERN.fullmatch(parsed.name):
        raise ValueError(f"signature.json: name must be letters, digits, _ . and -, found {parsed.name!r}")
    contents = {
        MANIFEST_PATH: _build_manifest(parsed),
        "model-config.yaml": MODEL_CONFIG.format(batch=BATCH_SIZE).encode(),
        "signature.json": signature.read_bytes(),
        "model.onnx": model.read_bytes(),
        "golden.npz": golden.read_bytes(),
        **worker_code(),
    }
    contents[CHECKSUM_FILE] = _format_checksums(contents)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".unfinished-{os.getpid()}-{path.name}")  # pipelines/ removes files of this name
    try:
        temporary.write_bytes(_zip_files(contents))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def worker_code() -> dict[str, bytes]:
    """The code that travels in the archive: `serving/__init__.py` and all of `serving/worker/`."""
    package = Path(__file__).parent
    files = [package / "__init__.py", *sorted((package / "worker").rglob("*.py"))]
    return {f"serving/{file.relative_to(package).as_posix()}": file.read_bytes() for file in files}


def read_archive(path: Path) -> Package:
    """Read an archive and compare every file in it with its checksum.

    Raises:
        InvalidArchive: the archive is absent, damaged or incomplete; the message names the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listing = archive.read(CHECKSUM_FILE)
            check_files(listing, archive.read, (MANIFEST_PATH, "signature.json", "model.onnx", "golden.npz"), str(path))
            signature = parse_signature(archive.read("signature.json"))
            with np.load(io.BytesIO(archive.read("golden.npz")), allow_pickle=False) as arrays:
                return Package(path, signature, dict(arrays))
    except FileNotFoundError as error:
        raise InvalidArchive(f"{path} does not exist; make it with `make run`") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, EOFError) as error:
        raise InvalidArchive(
            f"{path} cannot be read as an archive: {error}; the file was damaged or altered, build it again"
        ) from error


def find_archives(paths: Sequence[Path]) -> list[Path]:
    """Find the archives in folders (the folder itself or `<problem>/package/` below it); files are taken as given.

    Raises:
        InvalidArchive: there is none.
    """
    archives: list[Path] = []
    for path in paths:
        archives += sorted({*path.glob("*.mar"), *path.glob("*/package/*.mar")}) if path.is_dir() else [path]
    if not archives:
        where = " or ".join(str(place) for place in paths)
        raise InvalidArchive(f"nothing to serve: there is no .mar file in {where}; make one with `make run` first")
    return archives


def _format_checksums(contents: Mapping[str, bytes]) -> bytes:
    """Format what `sha256sum --check` reads: a hash and a name per line, in the mapping's order."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()).encode()


def _build_manifest(signature: Signature) -> bytes:
    document = {
        "createdOn": "01/01/1980 00:00:00",
        "runtime": "python",
        "model": {
            "modelName": signature.name,
            "handler": "serving.worker.handler",
            "modelVersion": signature.version,
            "configFile": "model-config.yaml",
        },
        "archiverVersion": "0.12.0",
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _zip_files(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.create_system = 3  # Unix, whatever builds it
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_STORED)  # compressors differ between builds of zlib
    return buffer.getvalue()
