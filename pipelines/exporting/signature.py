"""Signature and golden examples: the inputs and outputs of a served model, as files of the archive.

Shapes: N rows.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Field, Schema
from pipelines.runtime.array_files import write_arrays
from pipelines.runtime.files import write_json
from pipelines.tasks import Calibration, Task

SIGNATURE_VERSION = "1.0"  # of the contract, not of the weights
GOLDEN_ROWS = 8
LIBRARIES = ("torch", "onnx", "onnxruntime", "scikit-learn")
MEDIA_TYPES = ["image/png", "image/jpeg"]
AUDIO_MEDIA_TYPES = ["audio/wav", "audio/flac"]
PILLOW_MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # channels of an image -> Pillow's name for such pixels

NOISE_RECIPE = "numpy.random.Generator(numpy.random.PCG64(seed)).standard_normal((number, Z), dtype=numpy.float32)"


class ChampionSummary(NamedTuple):
    """Which contender is served, and which settings and data made it; for people who read the signature."""

    contender: str
    architecture: str
    parameters: int
    flops: int
    bytes: int
    ship: bool  # whether it was shown to be better than the best baseline
    reason: str  # why it ships, and what speaks against it
    settings: Mapping[str, Any]  # of the network and of the learner
    split: str  # the digest of the split's files


def split_digest(manifest: Mapping[str, Any]) -> str:
    """One sha256 of all files of a split, from those that its manifest.json lists."""
    lines = (f"{name} {file['sha256']}\n" for name, file in sorted(manifest["files"].items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def golden_rows(targets: NDArray[Any], rows: int = GOLDEN_ROWS) -> list[int]:
    """Which rows to keep as golden examples: of class codes (N,) the first of each, then the second, ...

    Where targets are no class codes, rows that are spread evenly.

    >>> golden_rows(np.array([7, 7, 7, 2, 2, 9]), 4)
    [0, 1, 3, 5]
    """
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        return sorted(set(np.linspace(0, len(targets) - 1, min(rows, len(targets))).astype(int).tolist()))
    class_turns: list[tuple[int, int]] = []  # (how many of its class came before, row)
    class_counts: dict[Any, int] = {}
    for row, target in enumerate(targets.tolist()):
        class_turns.append((class_counts.get(target, 0), row))
        class_counts[target] = class_counts.get(target, 0) + 1
    return sorted(row for _, row in sorted(class_turns)[:rows])


def write_golden(
    path: Path,
    input_fields: Sequence[Field],
    inputs: Sequence[NDArray[Any]],
    output: str,
    predictions: NDArray[Any],
    scale: NDArray[Any] | None = None,
) -> None:
    """Write inputs and the eager model's predictions: `input_<field>` per field, then the output by its name.

    Args:
        inputs: of the graph, (N, ...) each.
        predictions: (N, ...).
        scale: the size that a difference in each number is a share of, shaped as one prediction; written as
            `scale`. Without it serving takes 1 for probabilities and the largest value for other numbers.
    """
    columns = {f"input_{field.name}": values for field, values in zip(input_fields, inputs, strict=True)}
    write_arrays(path, {**columns, output: predictions, **({} if scale is None else {"scale": scale})})


def write_signature(
    folder: Path,
    *,
    name: str,
    task: Task,
    schema: Schema,
    champion: ChampionSummary,
    prediction_shape: tuple[int, ...],
    tolerance: float,
    calibration: Calibration = MappingProxyType({}),
) -> None:
    """Write signature.json beside the files it describes; call it last, because it holds their hashes.

    Args:
        folder: holds model.onnx, golden.npz and, for a network, model.pt.
        name: the problem's.
        prediction_shape: of one example.
        tolerance: the largest difference between two runtimes, as a part of an output's scale.
        calibration: what was chosen on validation; predictions are postprocessed with it.
    """
    files = [path for path in (folder / file for file in ("model.onnx", "model.pt", "golden.npz")) if path.exists()]
    signature = {
        "name": name,
        "version": SIGNATURE_VERSION,
        "task": task.name,
        "title": schema.title,
        "inputs": [_input_entry(field, all_steps=task.requires_full_window) for field in task.input_fields],
        "outputs": [{"name": task.output_name, "dtype": "float32", "shape": list(prediction_shape)}],
        "target": _field_entry(schema.target),
        "labels": list(schema.target.categories),
        "levels": list(task.quantile_levels),
        "calibration": dict(calibration),
        "champion": champion._asdict(),
        "tolerance": tolerance,
        "versions": {library: _library_version(library) for library in LIBRARIES},
        "hashes": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }
    write_json(folder / "signature.json", signature)


def _input_entry(field: Field, *, all_steps: bool = False) -> dict[str, Any]:
    """An input as the graph reads it: as it is stored, except for a text, which is read as token ids.

    Args:
        all_steps: whether a sequence must have all of its steps; a forecast was trained on no shorter window.
    """
    as_read = {"dtype": "int64", "shape": [field.length]} if field.kind == "text" else {}
    tokens = {} if field.tokens == "words" else {"tokens": field.tokens}
    return {**_field_entry(field), **as_read, **tokens, "decode": _decoding_entry(field, all_steps=all_steps)}


def _field_entry(field: Field) -> dict[str, Any]:
    is_integer = np.issubdtype(np.dtype(field.dtype), np.integer)
    return {
        "name": field.name,
        "kind": field.kind,
        "dtype": field.dtype,
        "shape": list(field.shape),
        "range": None if field.range is None else [int(end) if is_integer else end for end in field.range],
        "unit": field.unit,
        "categories": list(field.categories),
        "length": field.length,
        "columns": list(field.columns),
        "step": field.step,
    }


def _decoding_entry(field: Field, *, all_steps: bool = False) -> dict[str, Any] | None:
    """What cannot be in a graph: how files become pixels or samples, a seed noise; None where nothing has to."""
    if field.kind == "noise":
        return {"draw": NOISE_RECIPE}
    if field.kind == "audio":
        return {"rate": field.rate, "media": AUDIO_MEDIA_TYPES}
    if field.kind != "image":
        return {"whole": True} if all_steps and field.kind == "steps" else None
    channels = field.shape[2] if len(field.shape) == 3 else 1
    fit = {"fit": field.fit} if field.fit else {}
    return {"mode": PILLOW_MODES[channels], "media": MEDIA_TYPES, **fit}


def _library_version(library: str) -> str:
    return version(library).split("+")[0]  # without the build: the CPU and GPU builds are one version
