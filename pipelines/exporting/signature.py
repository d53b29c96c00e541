"""What a served model accepts and answers, as files that travel with it: signature.json and golden.npz.

Shapes: N rows, K classes, O outputs.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.exporting.graphs import OUTPUT
from pipelines.running.files import write_arrays, write_json
from pipelines.sources.schema import Field, Schema

VERSION = "1.0"  # of the contract, not of the weights
GOLDEN_ROWS = 8
LIBRARIES = ("torch", "onnx", "onnxruntime", "scikit-learn")
MEDIA = ["image/png", "image/jpeg"]
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # channels of an image -> Pillow's name for such pixels


class Champion(NamedTuple):
    """Who is served, for people who read the signature."""

    contender: str
    architecture: str
    parameters: int
    flops: int


def golden_rows(targets: NDArray[Any], rows: int = GOLDEN_ROWS) -> list[int]:
    """Which rows to keep as examples with known answers: the first of each class, then the second, ...

    >>> golden_rows(np.array([7, 7, 7, 2, 2, 9]), 4)
    [0, 1, 3, 5]
    """
    turns: list[tuple[int, int]] = []  # (how many of its class came before, row)
    before: dict[Any, int] = {}
    for row, target in enumerate(targets.tolist()):
        turns.append((before.get(target, 0), row))
        before[target] = before.get(target, 0) + 1
    return sorted(row for _, row in sorted(turns)[:rows])


def write_golden(path: Path, schema: Schema, inputs: tuple[NDArray[Any], ...], replies: NDArray[Any]) -> None:
    """Write inputs and the eager network's replies to them: `input_<field>` per field, then `probabilities`."""
    columns = {f"input_{field.name}": values for field, values in zip(schema.inputs, inputs, strict=True)}
    write_arrays(path, {**columns, OUTPUT: replies})


def write_signature(
    folder: Path,
    *,
    name: str,
    task: str,
    schema: Schema,
    champion: Champion,
    reply: tuple[int, ...],
    tolerance: float,
) -> None:
    """Write signature.json beside the files it describes; call it last, because it holds their hashes.

    Args:
        folder: holds model.onnx, golden.npz and, for a network, model.pt.
        name: the problem's.
        reply: shape of the reply to one example, (O,).
    """
    files = [path for path in (folder / file for file in ("model.onnx", "model.pt", "golden.npz")) if path.exists()]
    signature = {
        "name": name,
        "version": VERSION,
        "task": task,
        "title": schema.title,
        "inputs": [_input(field) for field in schema.inputs],
        "outputs": [{"name": OUTPUT, "dtype": "float32", "shape": list(reply)}],
        "labels": list(schema.target.categories),
        "champion": champion._asdict(),
        "tolerance": tolerance,
        "versions": {library: _version(library) for library in LIBRARIES},
        "hashes": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }
    write_json(folder / "signature.json", signature)


def _input(field: Field) -> dict[str, Any]:
    whole = np.issubdtype(np.dtype(field.dtype), np.integer)
    return {
        "name": field.name,
        "kind": field.kind,
        "dtype": field.dtype,
        "shape": list(field.shape),
        "range": None if field.range is None else [int(end) if whole else end for end in field.range],
        "unit": field.unit,
        "categories": list(field.categories),
        "decode": _decode(field),
    }


def _decode(field: Field) -> dict[str, Any] | None:
    """What cannot be in a graph: how the bytes of a picture become pixels; None where nothing has to."""
    if field.kind != "image":
        return None
    channels = field.shape[2] if len(field.shape) == 3 else 1
    return {"mode": MODES[channels], "media": MEDIA}


def _version(library: str) -> str:
    return version(library).split("+")[0]  # without the build: the CPU and GPU builds are one version
