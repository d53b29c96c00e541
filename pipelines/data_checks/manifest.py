"""Manifest of a split: counts, hashes of the files, and findings."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset, chunks
from pipelines.data.parts import PARTS
from pipelines.data.unlabelled import read_unlabelled
from pipelines.data_checks.checks import run_checks
from pipelines.splitting.split import SplitRows

QUANTILES = {"smallest": 0.0, "lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75, "largest": 1.0}
MAX_QUANTILE_VALUES = 2**20  # values of a variable, at most, that quantiles are taken of
SIGNIFICANT_DIGITS = 6  # that are written of a number


def build_manifest(data: Dataset, rows: SplitRows, folder: Path, folds: int = 0) -> dict[str, Any]:
    """Describe the split that was written to `folder`.

    Args:
        data: N examples.
        rows: of every part.
        folds: how many there are; 0 is a holdout.

    Returns:
        `examples`, `classes` (counts), `parts` (examples, share of those in any part, counts per class), `findings`
        (what was checked, with a level and a sentence), `notes` (what the source did) and `files` (size in bytes and
        sha256). Beside them `left_out`, how many examples are in no part, where some are; `unlabelled`, how many
        rows without a target are kept, likewise; `folds`, where there are
        some; and, where the target is no category, `target` of all and of each part: of numbers and variables the mean
        and quantiles, of a mask the share of pixels of every class.
    """
    fields = (*data.schema.inputs, data.schema.target)
    names = [f"{part}/{field.name}.npy" for part in PARTS for field in fields]
    total, kept = len(data.part.target), sum(len(rows[part]) for part in PARTS)
    unlabelled = next((len(values) for values in read_unlabelled(folder / "train", data.schema)), 0)
    return {
        "title": data.schema.title,
        "origin": data.schema.origin,
        "licence": data.schema.licence,
        "examples": total,
        **({"left_out": total - kept} if kept < total else {}),
        **({"folds": folds} if folds else {}),
        **({"unlabelled": unlabelled} if unlabelled else {}),
        **_describe_target(data, np.arange(total)),
        "parts": {
            part: {
                "examples": len(rows[part]),
                "share": round(len(rows[part]) / kept, 4),
                **_describe_target(data, rows[part]),
            }
            for part in PARTS
        },
        "findings": [finding._asdict() for finding in run_checks(data, rows)],
        "notes": list(data.notes),
        "files": {name: _file_digest(folder / name) for name in (*names, "valid/folds.npz", "schema.json")},
    }


def _describe_target(data: Dataset, rows: NDArray[np.int64]) -> dict[str, Any]:
    """The targets of some rows: counts of classes, or a summary of what else they are."""
    field, target = data.schema.target, data.part.target
    if field.kind == "category":
        counts = np.bincount(target[rows], minlength=len(field.categories))
        return {"classes": {name: int(count) for name, count in zip(field.categories, counts, strict=True)}}
    if field.kind == "number":
        return {"classes": {}, "target": {field.name: _number_summary(target[rows])}}
    if field.kind == "steps":
        stride = max(1, -(-len(rows) * field.shape[0] // MAX_QUANTILE_VALUES))
        sampled_rows = rows[::stride]
        columns = enumerate(field.columns)
        return {
            "classes": {},
            "target": {name: _number_summary(target[sampled_rows, :, place]) for place, name in columns},
        }
    if field.kind == "mask":
        return {"classes": {}, "target": _pixel_shares(target, rows, field.categories)}
    return {"classes": {}}


def _number_summary(values: NDArray[Any]) -> dict[str, float]:
    """Mean and quantiles of the values that are there; empty if none is."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not len(finite):
        return {}
    quantiles = np.quantile(finite, list(QUANTILES.values()))
    numbers = {"mean": finite.mean(), "standard_deviation": finite.std()} | dict(zip(QUANTILES, quantiles, strict=True))
    return {name: float(f"{number:.{SIGNIFICANT_DIGITS}g}") for name, number in numbers.items()}


def _pixel_shares(masks: NDArray[Any], rows: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, float]:
    """The share of pixels (N, H, W) of every class."""
    counts = np.zeros(len(names), dtype=np.int64)
    for part in chunks(np.broadcast_to(masks[:1], (len(rows), *masks.shape[1:]))):
        counts += np.bincount(masks[rows[part]].ravel(), minlength=len(names))
    return {
        name: round(float(count / counts.sum()), SIGNIFICANT_DIGITS) for name, count in zip(names, counts, strict=True)
    }


def _file_digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as content:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(content, "sha256").hexdigest()}
