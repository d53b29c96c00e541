"""The record of a split: how many, of what, in which file, and what was found in the data."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.sources.data import Data
from pipelines.sources.findings import findings
from pipelines.sources.parts import PARTS
from pipelines.sources.splitting import Rows


def manifest(data: Data, rows: Rows, folder: Path) -> dict[str, Any]:
    """Describe the split that was written to `folder`.

    Returns:
        `examples`, `classes` (counts), `parts` (examples, share, counts per class), `findings` (what was checked,
        with a level and a sentence), `notes` (what the source did) and `files` (size in bytes and sha256).
    """
    fields = (*data.schema.inputs, data.schema.target)
    names = [f"{part}/{field.name}.npy" for part in PARTS for field in fields]
    total = len(data.part.target)
    return {
        "title": data.schema.title,
        "origin": data.schema.origin,
        "licence": data.schema.licence,
        "examples": total,
        "classes": _counts(data, slice(None)),
        "parts": {
            part: {
                "examples": len(rows[part]),
                "share": round(len(rows[part]) / total, 4),
                "classes": _counts(data, rows[part]),
            }
            for part in PARTS
        },
        "findings": [finding._asdict() for finding in findings(data, rows)],
        "notes": list(data.notes),
        "files": {name: _fingerprint(folder / name) for name in (*names, "schema.json")},
    }


def _counts(data: Data, rows: Any) -> dict[str, int]:
    """Examples per class; empty where the target is not a category."""
    names = data.schema.target.categories
    if not names:
        return {}
    counts = np.bincount(data.part.target[rows], minlength=len(names))
    return {name: int(count) for name, count in zip(names, counts, strict=True)}


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as content:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(content, "sha256").hexdigest()}
