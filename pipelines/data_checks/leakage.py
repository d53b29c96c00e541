"""Leakage checks: what of the test part a network may have seen in training."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.dates import format_time
from pipelines.data.parts import NO_PART, PARTS
from pipelines.data.wording import format_count, format_list
from pipelines.data_checks.context import (
    SOURCE_KEYS,
    CheckContext,
    format_rows,
    is_table,
)
from pipelines.splitting.time_strategies import sees_future


def check_left_out(context: CheckContext) -> Finding | None:
    """Examples in no part, by the reason."""
    unassigned = context.part_of == NO_PART
    if not unassigned.any():
        return None
    reasons = [(sees_future(context.data), "hold values that were filled from the steps they are to forecast")]
    kept_sets = np.zeros(int(context.sets.max()) + 1, dtype=np.bool_)
    kept_sets[context.sets[~unassigned]] = True
    reasons.append((kept_sets[context.sets], "are identical to an example in a later part, which keeps its own"))
    if _is_series(context):
        origin = context.data.keys["origin"]
        for name in ("valid", "test"):
            first, last = origin[context.rows[name]].min(), origin[context.rows[name]].max()
            reason = f"overlap forecasts that {name} keeps, where each step is forecast once"
            reasons.append(((origin >= first) & (origin <= last + context.data.schema.target.shape[0] - 1), reason))
        reasons.append((unassigned, "forecast steps on both sides of a boundary between parts, or lie in the embargo"))
    reasons.append((unassigned, "are put in no part by the split strategy"))
    sentences, left = [], unassigned.copy()
    for mask, sentence in reasons:
        if count := int((left & mask).sum()):
            sentences.append(f"{count} {sentence}")
        left &= ~mask
    count, total = int(unassigned.sum()), len(unassigned)
    return Finding("left_out", "notice", count, f"{count} of {total} examples are in no part: {'; '.join(sentences)}.")


def check_duplicates(context: CheckContext) -> Finding:
    sizes = np.bincount(context.sets)
    repeated = int((sizes > 1).sum())
    if not repeated:
        return Finding("duplicates", "fine", 0, "No two examples are identical.")
    kept = context.part_of != NO_PART
    pairs = np.unique(context.sets[kept] * len(PARTS) + context.part_of[kept]) // len(PARTS)
    leaking = int((np.bincount(pairs) > 1).sum())
    count = int(sizes[sizes > 1].sum())
    others = "alike in all columns in use" if is_table(context) else "identical to another"
    if any(field.kind == "text" for field, _ in context.fields):
        others += ", but for white space and capitals"
    found = f"{count} examples are {others} ({format_count(repeated, 'set')} of identical examples, "
    found += f"for instance {format_rows(np.flatnonzero(context.sets == np.argmax(sizes)))}). "
    if leaking:
        return Finding(
            "duplicates",
            "warning",
            count,
            f"{found}{format_count(leaking, 'set')} lie in several parts, so the scores are too good.",
        )
    together = "Every set was kept in one part, so that no network is tested on what it was trained on."
    return Finding("duplicates", "notice", count, found + together)


def check_groups(context: CheckContext) -> Finding | None:
    """Groups that the source names, such as patients, whose examples are in several parts."""
    leaking, whole = [], []
    for name, values in context.data.keys.items():
        if name in SOURCE_KEYS or _is_time(name, values):
            continue
        kept = context.part_of != NO_PART
        distinct, numbers = np.unique(values[kept], return_inverse=True)
        pairs = np.unique(numbers * len(PARTS) + context.part_of[kept]) // len(PARTS)
        several = int((np.bincount(pairs) > 1).sum())
        if several:
            leaking.append((several, f"{several} of {len(distinct)} by {name}"))
        elif len(distinct) < int(kept.sum()):
            whole.append(name)
    if leaking:
        sentence = (
            f"Groups have examples in several parts ({format_list([one for _, one in leaking])}): the scores hold "
            "for these groups, not for new ones. Split by: group to measure that."
        )
        return Finding("groups", "warning", sum(count for count, _ in leaking), sentence)
    if not whole:
        return None
    return Finding("groups", "fine", 0, f"No group is in more than one part (by {format_list(whole)}).")


def check_time_order(context: CheckContext) -> Finding | None:
    """Whether the test part is later than the train part."""
    if _is_series(context):
        return _check_series_order(context)
    times = [(name, values) for name, values in context.data.keys.items() if _is_time(name, values)]
    for name, values in times:
        train, test = values[context.rows["train"]], values[context.rows["test"]]
        if train.max() < test.min():
            sentence = (
                f"Every test example is later than every train example, by {name}: "
                f"{_format_time_ranges(context, values)}."
            )
            return Finding("time_order", "fine", 0, sentence)
        older = int((test <= train.max()).sum())
        sentence = (
            f"{older} of {len(test)} test examples are not later than all train examples, by {name}: "
            f"{_format_time_ranges(context, values)}. The scores hold for the times that were trained on, "
            "not for the future."
        )
        return Finding("time_order", "notice", older, sentence)
    return None


def _check_series_order(context: CheckContext) -> Finding:
    origin, horizon = context.data.keys["origin"], context.data.schema.target.shape[0]
    times = context.data.keys.get("time", origin)
    leaking = int(sees_future(context.data)[context.part_of != NO_PART].sum())
    if leaking:
        sentence = (
            f"{format_count(leaking, 'window')} hold values that were made from what they forecast, so the scores are "
            "too good."
        )
        return Finding("time_order", "warning", leaking, sentence)
    train, valid, test = (origin[context.rows[part]] for part in PARTS)
    if train.max() + horizon <= valid.min() and valid.max() + horizon <= test.min():
        sentence = (
            "Every step that test forecasts is later than every step that train or valid forecast "
            f"(forecasts begin: {_format_time_ranges(context, times)})."
        )
        return Finding("time_order", "fine", 0, sentence)
    early = int((test < max(train.max(), valid.max()) + horizon).sum())
    sentence = (
        f"{early} of {len(test)} test windows forecast steps that train or valid windows hold as well, so "
        "the scores are too good. Split by: time."
    )
    return Finding("time_order", "warning", early, sentence)


def _is_series(context: CheckContext) -> bool:
    return "origin" in context.data.keys and context.data.schema.target.kind == "steps"


def _is_time(name: str, values: NDArray[Any]) -> bool:
    return values.dtype.kind == "M" or (name == "time" and values.dtype.kind in "iuf")


def _format_time_ranges(context: CheckContext, values: NDArray[Any]) -> str:
    return ", ".join(
        f"{part} {_format_time(low)} to {_format_time(high)}" for part, low, high in _part_ranges(context, values)
    )


def _part_ranges(context: CheckContext, values: NDArray[Any]) -> Iterator[tuple[str, Any, Any]]:
    for part in PARTS:
        yield part, values[context.rows[part]].min(), values[context.rows[part]].max()


def _format_time(value: Any) -> str:
    return format_time(value) if isinstance(value, np.datetime64) else str(value)
