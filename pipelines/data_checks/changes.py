"""Changes of the data since the split before: rows, classes, columns, and how far each column has shifted.

A summary of a few numbers per column is kept beside the artifacts, because DVC takes the earlier split away before the
stage runs. It is no part of the split: what was there before does not follow from the data (decision 36).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.audio import loudness
from pipelines.data.dataset import Dataset, Finding
from pipelines.data.schema import Field
from pipelines.data.wording import format_count, format_list

MAX_VALUES = 2**20  # of a column that are looked at, evenly over all
LARGE_SHIFT = 0.1  # standard deviations of the mean, or share of the rows, from which a shift is told of
MAX_LISTED = 8

Summary = Mapping[str, Any]  # as it stands in the JSON file


def summarise_data(data: Dataset) -> dict[str, Any]:
    """What of N examples is compared with those of the next split.

    Returns:
        `examples`, how many; and `columns`, by name: of numbers, of steps per variable, of images, recordings and texts
        the `mean` and `spread` (of pixels, loudness, length), of categories the `shares` of each.
    """
    fields = (*data.schema.inputs, data.schema.target)
    columns = {}
    for field, values in zip(fields, (*data.part.inputs, data.part.target), strict=True):
        for name, one in _summarise_field(field, _sample(values)):
            columns[f"{name} (target)" if field is data.schema.target else name] = one
    return {"examples": len(data.part.target), "columns": columns}


def find_changes(before: Summary, after: Summary) -> list[Finding]:
    """What differs between two summaries, in sentences; nothing if nothing does."""
    finders = (_row_changes, _column_changes, _category_changes, _shifts)
    return [finding for find in finders for finding in find(before, after)]


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    row_values = max(1, int(np.prod(values.shape[1:])))
    return np.asarray(values[:: max(1, -(-len(values) * row_values // MAX_VALUES))])


def _summarise_field(field: Field, values: NDArray[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if field.kind == "category":
        counts = np.bincount(values[values >= 0], minlength=len(field.categories))
        shares = counts / max(1, len(values))
        yield field.name, {"shares": {name: float(one) for name, one in zip(field.categories, shares, strict=True)}}
    elif field.kind == "steps":
        for place, name in enumerate(field.columns):
            yield f"{field.name}: {name}", _mean_and_spread(values[..., place])
    else:
        yield field.name, _mean_and_spread(_MEASURES.get(field.kind, np.asarray)(values))


def _pixel_mean(images: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(images.reshape(len(images), -1).mean(axis=1))


def _text_length(texts: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray((texts > 0).sum(axis=1), dtype=np.float64)


_MEASURES = {"audio": loudness, "image": _pixel_mean, "mask": _pixel_mean, "text": _text_length}


def _mean_and_spread(values: NDArray[Any]) -> dict[str, Any]:
    known = values[np.isfinite(values)].astype(np.float64)
    return {"mean": float(known.mean()), "spread": float(known.std())} if known.size else {"mean": None, "spread": None}


def _row_changes(before: Summary, after: Summary) -> Iterator[Finding]:
    more = after["examples"] - before["examples"]
    if more:
        change = f"{format_count(abs(more), 'example')} {'came' if more > 0 else 'went'}"
        sentence = f"Since the split before, {change}: from {before['examples']:,} to {after['examples']:,}."
        yield Finding("changed_rows", "notice", abs(more), sentence)


def _column_changes(before: Summary, after: Summary) -> Iterator[Finding]:
    new = [name for name in after["columns"] if name not in before["columns"]]
    gone = [name for name in before["columns"] if name not in after["columns"]]
    if new or gone:
        told = [f"{word}: {format_list(names, MAX_LISTED)}" for word, names in (("new", new), ("gone", gone)) if names]
        sentence = f"Columns since the split before: {'; '.join(told)}."
        yield Finding("changed_columns", "notice", len(new) + len(gone), sentence)


def _category_changes(before: Summary, after: Summary) -> Iterator[Finding]:
    for name, earlier, later in _shared_columns(before, after):
        if "shares" not in earlier or "shares" not in later:
            continue
        new = [one for one, share in later["shares"].items() if share and not earlier["shares"].get(one)]
        gone = [one for one, share in earlier["shares"].items() if share and not later["shares"].get(one)]
        if new or gone:
            told = [f"{word}: {format_list(some, MAX_LISTED)}" for word, some in (("new", new), ("gone", gone)) if some]
            sentence = f"Categories of {name} since the split before: {'; '.join(told)}."
            yield Finding("changed_categories", "warning" if new else "notice", len(new) + len(gone), sentence)


def _shifts(before: Summary, after: Summary) -> Iterator[Finding]:
    shifts = {name: _shift(earlier, later) for name, earlier, later in _shared_columns(before, after)}
    large = sorted((name for name in shifts if shifts[name][0] >= LARGE_SHIFT), key=lambda name: -shifts[name][0])
    if large:
        told = format_list([f"{name} ({shifts[name][1]})" for name in large], MAX_LISTED)
        yield Finding("shifted_columns", "notice", len(large), f"Since the split before, columns have shifted: {told}.")


def _shared_columns(before: Summary, after: Summary) -> Iterator[tuple[str, Summary, Summary]]:
    for name, later in after["columns"].items():
        if name in before["columns"]:
            yield name, before["columns"][name], later


def _shift(before: Summary, after: Summary) -> tuple[float, str]:
    """How far a column has shifted, and in words: means in standard deviations, categories as a share of the rows."""
    if "shares" in before and "shares" in after:
        names = {*before["shares"], *after["shares"]}
        moved = sum(abs(after["shares"].get(name, 0) - before["shares"].get(name, 0)) for name in names) / 2
        return moved, f"{moved:.0%} of the rows"
    if not before.get("spread") or after.get("mean") is None:
        return 0.0, ""
    moved = abs(after["mean"] - before["mean"]) / before["spread"]
    return moved, f"mean {before['mean']:.4g} to {after['mean']:.4g}, {moved:.2g} standard deviations"
