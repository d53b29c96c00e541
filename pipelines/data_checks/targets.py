"""What may be wrong with what is to be learned."""

import numpy as np

from pipelines.data.dataset import Finding, chunks
from pipelines.data.parts import PARTS
from pipelines.data_checks.context import (
    NONE,
    Examined,
    count_of,
    is_table,
    names_of,
    rows_of,
)
from pipelines.splitting.duplicates import identical

FEW = 10  # examples of a class in a part, below which its own score is an anecdote
UNEVEN = 10  # times the rarest class, from which the commonest one rules the average
FAR = 10  # times the distance between the quartiles; a value so far outside them rules a squared error
HEAP = 0.01  # share of the examples that have exactly the largest value, from which it looks like a limit
THIN = 0.01  # share of the pixels, below which a class hardly counts in a loss


def contradictions(seen: Examined) -> Finding:
    """Identical examples with different targets."""
    if seen.data.schema.target.kind != "category":
        return _different_answers(seen)
    target = seen.data.part.target
    width = int(target.max()) + 1
    twins = np.flatnonzero(np.bincount(seen.sets)[seen.sets] > 1)
    pairs = np.unique(seen.sets[twins] * width + target[twins])  # numbers of a set and of a label
    labels = np.bincount(pairs // width)  # of a set, how many different ones; 0 of an example without a twin
    count = int((labels > 1).sum())
    if not count:
        return Finding("contradictions", "fine", 0, "No two identical examples have different labels.")
    first = np.flatnonzero(seen.sets == np.argmax(labels > 1))
    names = seen.data.schema.target.categories
    said = ", ".join(f"example {row} is called {names[int(target[row])]}" for row in first[:5])
    what = "rows that are alike in all columns in use" if is_table(seen) else "identical examples"
    found = f"{count_of(count, 'set')} of {what}, but with different labels: no classifier can get all of them right "
    found += f"(for instance {said}). "
    if is_table(seen):
        return Finding(
            "contradictions", "notice", count, f"{found}The columns do not say all that the label depends on."
        )
    return Finding("contradictions", "warning", count, f"{found}Check the labels.")


def _different_answers(seen: Examined) -> Finding:
    field, target = seen.data.schema.target, seen.data.part.target
    repeated = np.flatnonzero(np.bincount(seen.sets)[seen.sets] > 1)
    if not len(repeated):
        return Finding("contradictions", "fine", 0, f"No two identical examples differ in {field.name}.")
    answers = identical((target[repeated],))
    pairs = np.unique(np.stack([seen.sets[repeated], answers]), axis=1)[0]
    sets, counts = np.unique(pairs, return_counts=True)
    count = int((counts > 1).sum())
    if not count:
        return Finding("contradictions", "fine", 0, f"No two identical examples differ in {field.name}.")
    first = np.flatnonzero(seen.sets == sets[np.argmax(counts > 1)])
    said = ", ".join(f"example {row} has {target[row]:g}" for row in first[:5]) if target.ndim == 1 else rows_of(first)
    sentence = (
        f"{count_of(count, 'set')} of identical examples with different {field.name} (for instance {said}): the inputs "
        "do not say all that it depends on, and no network can get all of them right."
    )
    return Finding("contradictions", "notice", count, sentence)


def scarce_classes(seen: Examined) -> Finding | None:
    if seen.data.schema.target.kind != "category":
        return None
    names = seen.data.schema.target.categories
    counts = {name: np.bincount(seen.data.part.target[seen.rows[name]], minlength=len(names)) for name in PARTS}
    absent = {name: [names[code] for code in np.flatnonzero(counts[name] == 0)] for name in PARTS}
    missing = [f"{name} has no example of {names_of(absent[name])}" for name in PARTS if absent[name]]
    if missing:
        count = len(set().union(*absent.values()))
        return Finding("scarce_classes", "warning", count, f"Some classes are too rare: {'; '.join(missing)}.")
    few = [names[code] for code in np.flatnonzero(counts["test"] < FEW)]
    if few:
        return Finding(
            "scarce_classes",
            "notice",
            len(few),
            f"Fewer than {FEW} test examples each: {names_of(few)}. What the scores say about them is an anecdote.",
        )
    least = min(int(each.min()) for each in counts.values())
    return Finding("scarce_classes", "fine", 0, f"Every class has at least {least} examples in every part.")


def uneven_classes(seen: Examined) -> Finding | None:
    if seen.data.schema.target.kind != "category":
        return None
    names = seen.data.schema.target.categories
    counts = np.bincount(seen.data.part.target[seen.part_of != NONE], minlength=len(names))
    present = np.flatnonzero(counts)
    rarest, commonest = present[np.argmin(counts[present])], int(np.argmax(counts))
    if len(present) == 1:
        sentence = f"Every example is of class {names[commonest]}: there is nothing to tell apart."
        return Finding("uneven_classes", "warning", 1, sentence)
    if counts[commonest] == counts[rarest]:
        return Finding("uneven_classes", "fine", 0, f"Every class has equally many examples, {counts[commonest]}.")
    ratio = counts[commonest] / counts[rarest]
    sentence = (
        f"The commonest class, {names[commonest]}, has {ratio:.2g} times the examples of the rarest, {names[rarest]} "
        f"({counts[commonest]} and {counts[rarest]})."
    )
    if ratio >= UNEVEN:
        return Finding("uneven_classes", "notice", 1, f"{sentence} Accuracy alone hides how the rare ones fare.")
    return Finding("uneven_classes", "fine", 0, sentence)


def constant_target(seen: Examined) -> Finding | None:
    """Numbers, and variables of a sequence, that are missing or always the same."""
    field, target = seen.data.schema.target, seen.data.part.target
    if field.kind not in ("number", "steps"):
        return None
    names = field.columns if field.kind == "steps" else (field.name,)
    flat = target.reshape(-1, len(names)) if field.kind == "number" else target  # (N, 1) or (N, T, F)
    low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    missing = 0
    for rows in chunks(flat):
        values = flat[rows].reshape(-1, len(names))
        low, high = np.fmin(low, np.fmin.reduce(values)), np.fmax(high, np.fmax.reduce(values))
        missing += int(np.isnan(values).sum()) if field.kind == "number" else 0
    same = [name for name, least, most in zip(names, low, high, strict=True) if not least < most]
    if same:
        sentence = f"{names_of(same)} is the same in every example: there is nothing to learn."
        return Finding("constant_target", "warning", len(same), sentence)
    if missing:
        sentence = f"{field.name} is missing in {count_of(missing, 'example')}: they can be neither learned nor scored."
        return Finding("constant_target", "warning", missing, sentence)
    spans = [f"{name} from {least:,.6g} to {most:,.6g}" for name, least, most in zip(names, low, high, strict=True)]
    return Finding("constant_target", "fine", 0, f"What is to be learned varies: {names_of(spans)}.")


def outliers(seen: Examined) -> Finding | None:
    """Numbers far outside the rest."""
    field, target = seen.data.schema.target, seen.data.part.target
    if field.kind != "number":
        return None
    there = target[np.isfinite(target)].astype(np.float64)
    if not len(there):
        return None
    low, high = np.quantile(there, [0.25, 0.75])
    reach = FAR * (high - low)
    far = np.flatnonzero((target < low - reach) | (target > high + reach)) if reach else np.empty(0, dtype=np.int64)
    if not len(far):
        return Finding("outliers", "fine", 0, f"No {field.name} lies far outside the others.")
    unit = f" {field.unit}" if field.unit else ""
    said = ", ".join(f"{target[row]:.6g}{unit}" for row in far[:3])
    sentence = (
        f"{count_of(len(far), 'example')} with {field.name} far outside the others, half of which lie between "
        f"{low:.4g} and {high:.4g}{unit}: {said} ({rows_of(far)}). They rule a squared error; check them."
    )
    return Finding("outliers", "notice", len(far), sentence)


def limits(seen: Examined) -> Finding | None:
    """Numbers of which many are exactly the largest: what was larger has been cut off."""
    field, target = seen.data.schema.target, seen.data.part.target
    there = target[np.isfinite(target)] if field.kind == "number" else target[:0]
    values, counts = np.unique(there, return_counts=True)
    if len(values) < 2 or counts[-1] < max(FEW, HEAP * len(there), 10 * len(there) / len(values)):
        return None
    count, unit = int(counts[-1]), f" {field.unit}" if field.unit else ""
    sentence = (
        f"{count_of(count, 'example')} ({count / len(there):.1%}) have exactly the largest {field.name}, "
        f"{values[-1]:,.6g}{unit}: whatever was larger has probably been cut off there, and nothing can be learned "
        "about by how much."
    )
    return Finding("limits", "notice", count, sentence)


def pixel_classes(seen: Examined) -> Finding | None:
    """How many pixels of a mask are of which class."""
    field, target = seen.data.schema.target, seen.data.part.target
    if field.kind != "mask":
        return None
    names = field.categories
    counts = np.zeros((len(PARTS) + 1, len(names)), dtype=np.int64)  # the last row is of examples in no part
    for rows in chunks(target):
        for place in np.unique(seen.part_of[rows]):
            masks = target[rows][seen.part_of[rows] == place]
            counts[place] += np.bincount(masks.ravel(), minlength=len(names))
    shares = counts[: len(PARTS)].sum(axis=0) / max(1, counts[: len(PARTS)].sum())
    missing = [
        f"{part} has no pixel of {names_of([names[code] for code in np.flatnonzero(row == 0)])}"
        for part, row in zip(PARTS, counts, strict=False)
        if (row == 0).any()
    ]
    if missing:
        absent = int((counts[: len(PARTS)] == 0).any(axis=0).sum())
        return Finding("pixel_classes", "warning", absent, f"Some classes are too rare: {'; '.join(missing)}.")
    said = names_of([f"{share:.1%} {name}" for name, share in zip(names, shares, strict=True)])
    thin = int((shares < THIN).sum())
    if thin:
        sentence = f"Of the pixels, {said}. A network that never says the rare ones still gets most pixels right."
        return Finding("pixel_classes", "notice", thin, sentence)
    return Finding("pixel_classes", "fine", 0, f"Of the pixels, {said}.")
