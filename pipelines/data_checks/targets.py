"""Checks of targets: classes that contradict each other or are rare, outliers, clipped and constant values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import RARE_PIXEL_SHARE, Finding, chunks
from pipelines.data.parts import NO_PART, PARTS
from pipelines.data.wording import format_count, format_list, format_rounded
from pipelines.data_checks.context import (
    CheckContext,
    format_rows,
    is_table,
)
from pipelines.splitting.duplicates import duplicate_ids

MIN_CLASS_EXAMPLES = 10  # examples of a class in a part, below which its own score is unreliable
IMBALANCE_RATIO = 10  # times the rarest class, from which the commonest one rules the average
OUTLIER_QUARTILE_RANGES = (
    10  # times the distance between the quartiles; a value so far outside them rules a squared error
)
CLIPPED_SHARE = 0.01  # share of the examples that have exactly the largest value, from which it looks like a limit


def check_contradictions(context: CheckContext) -> Finding:
    """Identical examples with different targets."""
    if context.data.schema.target.kind != "category":
        return _check_contradictory_values(context)
    target = context.data.part.target
    width = int(target.max()) + 1
    twins = np.flatnonzero(np.bincount(context.sets)[context.sets] > 1)
    pairs = np.unique(context.sets[twins] * width + target[twins])  # numbers of a set and of a label
    labels = np.bincount(pairs // width)  # of a set, how many different ones; 0 of an example without a twin
    count = int((labels > 1).sum())
    if not count:
        return Finding("contradictions", "fine", 0, "No two identical examples have different labels.")
    first = np.flatnonzero(context.sets == np.argmax(labels > 1))
    names = context.data.schema.target.categories
    listed_examples = ", ".join(
        f"example {row} is called {names[int(target[row])]}" for row in _one_of_each(first, target)
    )
    what = "rows that are alike in all columns in use" if is_table(context) else "identical examples"
    found = (
        f"{format_count(count, 'set')} of {what}, but with different labels: no classifier can get all of them right "
    )
    found += f"(for instance {listed_examples}). "
    if is_table(context):
        return Finding(
            "contradictions", "notice", count, f"{found}The columns do not say all that the label depends on."
        )
    return Finding("contradictions", "warning", count, f"{found}Check the labels.")


def _check_contradictory_values(context: CheckContext) -> Finding:
    field, target = context.data.schema.target, context.data.part.target
    repeated = np.flatnonzero(np.bincount(context.sets)[context.sets] > 1)
    if not len(repeated):
        return Finding("contradictions", "fine", 0, f"No two identical examples differ in {field.name}.")
    target_ids = duplicate_ids((target[repeated],))
    pairs = np.unique(np.stack([context.sets[repeated], target_ids]), axis=1)[0]
    sets, counts = np.unique(pairs, return_counts=True)
    count = int((counts > 1).sum())
    if not count:
        return Finding("contradictions", "fine", 0, f"No two identical examples differ in {field.name}.")
    first = np.flatnonzero(context.sets == sets[np.argmax(counts > 1)])
    listed_examples = (
        ", ".join(f"example {row} has {target[row]:g}" for row in _one_of_each(first, target))
        if target.ndim == 1
        else format_rows(first)
    )
    sentence = (
        f"{format_count(count, 'set')} of identical examples with different {field.name} (for instance "
        f"{listed_examples}): the inputs do not say all that it depends on, and no network can get all of them right."
    )
    return Finding("contradictions", "notice", count, sentence)


def _one_of_each(rows: NDArray[np.int64], target: NDArray[Any]) -> NDArray[np.int64]:
    """The first of the rows with each target, up to five of them."""
    _, places = np.unique(target[rows], return_index=True)
    return rows[np.sort(places)[:5]]


def check_scarce_classes(context: CheckContext) -> Finding | None:
    if context.data.schema.target.kind != "category":
        return None
    names = context.data.schema.target.categories
    counts = {name: np.bincount(context.data.part.target[context.rows[name]], minlength=len(names)) for name in PARTS}
    absent = {name: [names[code] for code in np.flatnonzero(counts[name] == 0)] for name in PARTS}
    missing = [f"{name} has no example of {format_list(absent[name])}" for name in PARTS if absent[name]]
    if missing:
        count = len(set().union(*absent.values()))
        return Finding("scarce_classes", "warning", count, f"Some classes are too rare: {'; '.join(missing)}.")
    few = [names[code] for code in np.flatnonzero(counts["test"] < MIN_CLASS_EXAMPLES)]
    if few:
        return Finding(
            "scarce_classes",
            "notice",
            len(few),
            f"Fewer than {MIN_CLASS_EXAMPLES} test examples each: {format_list(few)}. Their own scores are unreliable.",
        )
    least = min(int(each.min()) for each in counts.values())
    return Finding("scarce_classes", "fine", 0, f"Every class has at least {least} examples in every part.")


def check_class_imbalance(context: CheckContext) -> Finding | None:
    if context.data.schema.target.kind != "category":
        return None
    names = context.data.schema.target.categories
    counts = np.bincount(context.data.part.target[context.part_of != NO_PART], minlength=len(names))
    present = np.flatnonzero(counts)
    rarest, commonest = present[np.argmin(counts[present])], int(np.argmax(counts))
    if len(present) == 1:
        sentence = f"Every example is of class {names[commonest]}: there is nothing to tell apart."
        return Finding("class_imbalance", "warning", 1, sentence)
    if counts[commonest] == counts[rarest]:
        return Finding("class_imbalance", "fine", 0, f"Every class has equally many examples, {counts[commonest]}.")
    ratio = counts[commonest] / counts[rarest]
    sentence = (
        f"The commonest class, {names[commonest]}, has {format_rounded(ratio, 2)} times the examples of the rarest, "
        f"{names[rarest]} ({counts[commonest]} and {counts[rarest]})."
    )
    if ratio >= IMBALANCE_RATIO:
        return Finding("class_imbalance", "notice", 1, f"{sentence} Accuracy alone hides errors on the rare classes.")
    return Finding("class_imbalance", "fine", 0, sentence)


def check_constant_target(context: CheckContext) -> Finding | None:
    """Numbers, and variables of a sequence, that are missing or always the same."""
    field, target = context.data.schema.target, context.data.part.target
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
    constant = [name for name, least, most in zip(names, low, high, strict=True) if not least < most]
    if constant:
        sentence = f"{format_list(constant)} is the same in every example: there is nothing to learn."
        return Finding("constant_target", "warning", len(constant), sentence)
    if missing:
        sentence = (
            f"{field.name} is missing in {format_count(missing, 'example')}: they can be neither learned nor scored."
        )
        return Finding("constant_target", "warning", missing, sentence)
    spans = [
        f"{name} from {format_rounded(least, 6)} to {format_rounded(most, 6)}"
        for name, least, most in zip(names, low, high, strict=True)
    ]
    return Finding("constant_target", "fine", 0, f"What is to be learned varies: {format_list(spans)}.")


def check_outliers(context: CheckContext) -> Finding | None:
    """Numbers far outside the rest."""
    field, target = context.data.schema.target, context.data.part.target
    if field.kind != "number":
        return None
    finite = target[np.isfinite(target)].astype(np.float64)
    if not len(finite):
        return None
    low, high = np.quantile(finite, [0.25, 0.75])
    margin = OUTLIER_QUARTILE_RANGES * (high - low)
    outlier_rows = (
        np.flatnonzero((target < low - margin) | (target > high + margin)) if margin else np.empty(0, dtype=np.int64)
    )
    if not len(outlier_rows):
        return Finding("outliers", "fine", 0, f"No {field.name} lies far outside the others.")
    unit = f" {field.unit}" if field.unit else ""
    listed_values = ", ".join(f"{format_rounded(target[row], 6)}{unit}" for row in outlier_rows[:3])
    sentence = (
        f"{format_count(len(outlier_rows), 'example')} with {field.name} far outside the others, half of which "
        f"lie between {format_rounded(low, 4)} and {format_rounded(high, 4)}{unit}: {listed_values} "
        f"({format_rows(outlier_rows)}). They rule a squared error; check them."
    )
    return Finding("outliers", "notice", len(outlier_rows), sentence)


def check_clipped_target(context: CheckContext) -> Finding | None:
    """Numbers of which many are exactly the largest: what was larger has been cut off."""
    field, target = context.data.schema.target, context.data.part.target
    finite = target[np.isfinite(target)] if field.kind == "number" else target[:0]
    values, counts = np.unique(finite, return_counts=True)
    if len(values) < 2 or counts[-1] < max(
        MIN_CLASS_EXAMPLES, CLIPPED_SHARE * len(finite), 10 * len(finite) / len(values)
    ):
        return None
    count, unit = int(counts[-1]), f" {field.unit}" if field.unit else ""
    sentence = (
        f"{format_count(count, 'example')} ({count / len(finite):.1%}) have exactly the largest {field.name}, "
        f"{format_rounded(values[-1], 6)}{unit}: whatever was larger has probably been cut off there, and nothing can "
        "be learned about by how much."
    )
    return Finding("clipped_target", "notice", count, sentence)


def check_pixel_classes(context: CheckContext) -> Finding | None:
    """How many pixels of a mask are of which class."""
    field, target = context.data.schema.target, context.data.part.target
    if field.kind != "mask":
        return None
    names = field.categories
    counts = np.zeros((len(PARTS) + 1, len(names)), dtype=np.int64)  # the last row is of examples in no part
    for rows in chunks(target):
        for part_number in np.unique(context.part_of[rows]):
            masks = target[rows][context.part_of[rows] == part_number]
            counts[part_number] += np.bincount(masks.ravel(), minlength=len(names))
    shares = counts[: len(PARTS)].sum(axis=0) / max(1, counts[: len(PARTS)].sum())
    missing = [
        f"{part} has no pixel of {format_list([names[code] for code in np.flatnonzero(row == 0)])}"
        for part, row in zip(PARTS, counts, strict=False)
        if (row == 0).any()
    ]
    if missing:
        absent = int((counts[: len(PARTS)] == 0).any(axis=0).sum())
        return Finding("pixel_classes", "warning", absent, f"Some classes are too rare: {'; '.join(missing)}.")
    listed_shares = format_list([f"{share:.1%} {name}" for name, share in zip(names, shares, strict=True)])
    rare_count = int((shares < RARE_PIXEL_SHARE).sum())
    if rare_count:
        sentence = (
            f"Of the pixels, {listed_shares}. A network that never says the rare ones still gets most pixels right."
        )
        return Finding("pixel_classes", "notice", rare_count, sentence)
    return Finding("pixel_classes", "fine", 0, f"Of the pixels, {listed_shares}.")
