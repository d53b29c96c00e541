"""What may be wrong with the columns, texts and sequences that a network is to read."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding, chunks
from pipelines.data.schema import Field
from pipelines.data_checks.context import Examined, count_of, names_of

SAME = 1e-8  # two columns whose correlation is so near to 1 are one, but for the unit and float32's rounding
SOME = 0.5  # share of the examples that must have a value, before a column is called a copy


def missing_values(seen: Examined) -> Finding | None:
    """Cells without a value, by column, unless the source has told already."""
    if any(finding.check == "missing_cells" for finding in seen.data.findings):
        return None
    shares = [(name, float(np.mean(_absent(field, values)))) for name, field, values in _cells(seen)]
    if not shares:
        return None
    lacking = sorted(((share, name) for name, share in shares if share), key=lambda pair: (-pair[0], pair[1]))
    if not lacking:
        return Finding("missing_values", "fine", 0, "No cell is missing.")
    said = names_of([f"{share:.1%} of {name}" for share, name in lacking])
    return Finding("missing_values", "notice", len(lacking), f"Cells are missing in {said}.")


def constant_columns(seen: Examined) -> Finding | None:
    """Columns, and variables of sequences, that say nothing."""
    named = [pair for field, values in seen.fields for pair in _varying(field, values)]
    if not named:
        return None
    same = [name for name, varies in named if not varies]
    if same:
        what = "is the same in every example: it says nothing"
        return Finding("constant_columns", "notice", len(same), f"{names_of(same)} {what}.")
    return Finding("constant_columns", "fine", 0, "Every column varies.")


def target_copies(seen: Examined) -> Finding | None:
    """Inputs that are the target under another name: what they say is not known when it is asked."""
    target = seen.data.schema.target
    if target.kind in ("number", "category") and any(True for _ in _columns(seen)):
        told = [name for name, values in _columns(seen) if _tells(values, seen.data.part.target, target)]
    elif target.kind == "steps" and "origin" in seen.data.keys:
        told = list(_early(seen))
    elif target.kind == "mask":
        told = [field.name for field, values in seen.fields if _equal(values, seen.data.part.target)]
    else:
        return None
    if not told:
        return Finding("target_copies", "fine", 0, f"No input is a copy of {target.name}.")
    sentence = (
        f"{names_of(told)} tells {target.name} exactly: {count_of(len(told), 'input')} that will hardly be known when "
        "a prediction is asked for. Leave it out, or scores flatter."
    )
    return Finding("target_copies", "warning", len(told), sentence)


def _cells(seen: Examined) -> Iterator[tuple[str, Field, NDArray[Any]]]:
    for field, values in seen.fields:
        if field.kind in ("number", "category", "text"):
            yield field.name, field, values


def _absent(field: Field, values: NDArray[Any]) -> NDArray[np.bool_]:
    if field.kind == "number":
        return np.asarray(np.isnan(values))
    return np.asarray(values < 0 if field.kind == "category" else values[:, 0] == 0)


def _columns(seen: Examined) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every input that is one value per example (N,); of a sequence, each variable's last step."""
    for field, values in seen.fields:
        if field.kind in ("number", "category"):
            yield field.name, values
        elif field.kind == "steps":
            for place, name in enumerate(field.columns):
                yield name, values[:, -1, place]


def _varying(field: Field, values: NDArray[Any]) -> Iterator[tuple[str, bool]]:
    """Whether each column of a field differs between examples anywhere."""
    if field.kind in ("number", "category", "steps"):
        names = field.columns if field.kind == "steps" else (field.name,)
        low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
        for rows in chunks(values):
            each = values[rows].reshape(-1, len(names))
            low, high = np.fmin(low, np.fmin.reduce(each)), np.fmax(high, np.fmax.reduce(each))
        yield from zip(names, (low < high).tolist(), strict=True)
    elif field.kind == "text":
        yield field.name, bool((values != values[0]).any())


def _tells(values: NDArray[Any], target: NDArray[Any], field: Field) -> bool:
    """Whether a column (N,) gives the target (N,) away."""
    there = np.isfinite(values) & np.isfinite(target)
    if there.sum() < max(3, SOME * len(target)):
        return False
    values, target = values[there], target[there]
    if field.kind == "category":
        codes, numbers = np.unique(values, return_inverse=True)
        classes = len(np.unique(target))
        pairs = len(np.unique(np.stack([numbers, target]), axis=1)[0]) if len(codes) == classes else 0
        return 1 < classes == pairs
    x, y = (each.astype(np.float64) - each.astype(np.float64).mean() for each in (values, target))
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return bool(scale > 0 and abs((x * y).sum()) > (1 - SAME) * scale)


def _early(seen: Examined) -> Iterator[str]:
    """Variables whose last shown step already is a foretold step of another variable, in every window."""
    window, future = seen.data.part.inputs[0], seen.data.part.target  # (N, W, F), (N, H, targets)
    targets = seen.data.schema.target.columns
    for place, name in enumerate(seen.data.schema.inputs[0].columns):
        last = window[:, -1, place]
        if last.min() == last.max():
            continue
        for goal, other in enumerate(targets):
            if other == name:
                continue
            for ahead in range(future.shape[1]):
                if np.array_equal(last, future[:, ahead, goal]):
                    yield f"{name} ({other} {count_of(ahead + 1, 'step')} later)"


def _equal(values: NDArray[Any], target: NDArray[Any]) -> bool:
    return values.shape == target.shape and all(np.array_equal(values[rows], target[rows]) for rows in chunks(values))
