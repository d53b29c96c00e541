"""What may let a network know what it is examined on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.dates import said
from pipelines.data.parts import PARTS
from pipelines.data_checks.context import (
    NONE,
    OWN_KEYS,
    Examined,
    count_of,
    is_table,
    names_of,
    rows_of,
)
from pipelines.splitting.strategies import foreseen


def left_out(seen: Examined) -> Finding | None:
    """Examples in no part, by the reason."""
    gone = seen.part_of == NONE
    if not gone.any():
        return None
    reasons = [(foreseen(seen.data), "hold values that were filled with the help of what they are to foretell")]
    kept_sets = np.zeros(int(seen.sets.max()) + 1, dtype=np.bool_)
    kept_sets[seen.sets[~gone]] = True
    reasons.append((kept_sets[seen.sets], "have an identical twin in a later part, which keeps its own"))
    if _is_series(seen):
        origin = seen.data.keys["origin"]
        for name in ("valid", "test"):
            first, last = origin[seen.rows[name]].min(), origin[seen.rows[name]].max()
            said_so = f"overlap forecasts that {name} keeps, where no step is foretold twice"
            reasons.append(((origin >= first) & (origin <= last + seen.data.schema.target.shape[0] - 1), said_so))
        reasons.append((gone, "foretell steps on both sides of a boundary between parts, or lie in the embargo"))
    reasons.append((gone, "are put in no part by the way to split"))
    sentences, left = [], gone.copy()
    for where, sentence in reasons:
        if count := int((left & where).sum()):
            sentences.append(f"{count} {sentence}")
        left &= ~where
    count, total = int(gone.sum()), len(gone)
    return Finding("left_out", "notice", count, f"{count} of {total} examples are in no part: {'; '.join(sentences)}.")


def duplicates(seen: Examined) -> Finding:
    sizes = np.bincount(seen.sets)
    repeated = int((sizes > 1).sum())
    if not repeated:
        return Finding("duplicates", "fine", 0, "No two examples are identical.")
    kept = seen.part_of != NONE
    pairs = np.unique(seen.sets[kept] * len(PARTS) + seen.part_of[kept]) // len(PARTS)
    astray = int((np.bincount(pairs) > 1).sum())
    count = int(sizes[sizes > 1].sum())
    twin = "a twin that is alike in all columns in use" if is_table(seen) else "an identical twin"
    found = f"{count} examples have {twin} ({count_of(repeated, 'set')} of identical examples, "
    found += f"for instance {rows_of(np.flatnonzero(seen.sets == np.argmax(sizes)))}). "
    if astray:
        return Finding(
            "duplicates", "warning", count, f"{found}{count_of(astray, 'set')} lie in several parts: scores flatter."
        )
    together = "Every set was kept in one part, so that no network is examined on what it was trained on."
    return Finding("duplicates", "notice", count, found + together)


def groups(seen: Examined) -> Finding | None:
    """Groups that the source names, such as patients, whose examples are in several parts."""
    astray, whole = [], []
    for name, values in seen.data.keys.items():
        if name in OWN_KEYS or _is_time(name, values):
            continue
        kept = seen.part_of != NONE
        distinct, numbers = np.unique(values[kept], return_inverse=True)
        pairs = np.unique(numbers * len(PARTS) + seen.part_of[kept]) // len(PARTS)
        several = int((np.bincount(pairs) > 1).sum())
        if several:
            astray.append((several, f"{several} of {len(distinct)} by {name}"))
        elif len(distinct) < int(kept.sum()):
            whole.append(name)
    if astray:
        sentence = (
            f"Groups have examples in several parts ({names_of([one for _, one in astray])}): the scores say how well "
            "these groups are known, not strangers. Split by: group to ask that."
        )
        return Finding("groups", "warning", sum(count for count, _ in astray), sentence)
    if not whole:
        return None
    return Finding("groups", "fine", 0, f"No group is in more than one part (by {names_of(whole)}).")


def order_in_time(seen: Examined) -> Finding | None:
    """Whether what is tested comes after what is learned from."""
    if _is_series(seen):
        return _series_order(seen)
    times = [(name, values) for name, values in seen.data.keys.items() if _is_time(name, values)]
    for name, values in times:
        train, test = values[seen.rows["train"]], values[seen.rows["test"]]
        if train.max() < test.min():
            sentence = f"Every test example is later than every train example, by {name}: {_spans(seen, values)}."
            return Finding("order_in_time", "fine", 0, sentence)
        older = int((test <= train.max()).sum())
        sentence = (
            f"{older} of {len(test)} test examples are not later than all train examples, by {name}: "
            f"{_spans(seen, values)}. The scores say how well a time is known that was learned from, not the future."
        )
        return Finding("order_in_time", "notice", older, sentence)
    return None


def _series_order(seen: Examined) -> Finding:
    origin, horizon = seen.data.keys["origin"], seen.data.schema.target.shape[0]
    times = seen.data.keys.get("time", origin)
    knowing = int(foreseen(seen.data)[seen.part_of != NONE].sum())
    if knowing:
        sentence = f"{count_of(knowing, 'window')} hold values that were made of what they foretell: scores flatter."
        return Finding("order_in_time", "warning", knowing, sentence)
    train, valid, test = (origin[seen.rows[part]] for part in PARTS)
    if train.max() + horizon <= valid.min() and valid.max() + horizon <= test.min():
        sentence = (
            "Every step that test foretells is later than every step that train or valid foretell "
            f"(forecasts begin: {_spans(seen, times)})."
        )
        return Finding("order_in_time", "fine", 0, sentence)
    early = int((test < max(train.max(), valid.max()) + horizon).sum())
    sentence = (
        f"{early} of {len(test)} test windows foretell steps that train or valid windows show or foretell as well: "
        "scores flatter. Split by: time."
    )
    return Finding("order_in_time", "warning", early, sentence)


def _is_series(seen: Examined) -> bool:
    return "origin" in seen.data.keys and seen.data.schema.target.kind == "steps"


def _is_time(name: str, values: NDArray[Any]) -> bool:
    return values.dtype.kind == "M" or (name == "time" and values.dtype.kind in "iuf")


def _spans(seen: Examined, values: NDArray[Any]) -> str:
    return ", ".join(f"{part} {_moment(low)} to {_moment(high)}" for part, low, high in _ends(seen, values))


def _ends(seen: Examined, values: NDArray[Any]) -> Iterator[tuple[str, Any, Any]]:
    for part in PARTS:
        yield part, values[seen.rows[part]].min(), values[seen.rows[part]].max()


def _moment(value: Any) -> str:
    return said(value) if isinstance(value, np.datetime64) else f"{value:g}"
