"""What is wrong with the data, or may be, in words a person who knows the data understands.

Each check reads all examples, or which part they went to, and says one thing. Nothing is changed or dropped.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.data import Data, chunks
from pipelines.sources.duplicates import identical
from pipelines.sources.parts import PARTS
from pipelines.sources.splitting import Rows

FEW = 10  # examples of a class in a part, below which its own score is an anecdote
UNEVEN = 10  # times the rarest class, from which the commonest one rules the average
FAINT = 0.1  # share of the range of grey levels; an image that spans less shows next to nothing


class Finding(NamedTuple):
    """One thing that was checked."""

    check: str
    level: Literal["fine", "notice", "warning"]  # a notice is worth knowing, a warning may make scores wrong
    concerns: int  # how many examples, classes or pixels
    sentence: str


def duplicates(data: Data, rows: Rows) -> Finding:
    sets = identical(data.part.inputs)
    sizes = np.bincount(sets)
    repeated = int((sizes > 1).sum())
    if not repeated:
        return Finding("duplicates", "fine", 0, "No two examples are identical.")
    part_of = _part_of_each_row(len(sets), rows)
    pairs = np.unique(sets * len(PARTS) + part_of) // len(PARTS)
    astray = int((np.bincount(pairs) > 1).sum())
    count = int(sizes[sizes > 1].sum())
    found = f"{count} examples have an identical twin ({_count(repeated, 'set')} of identical examples, "
    found += f"for instance {_rows(np.flatnonzero(sets == np.argmax(sizes)))}). "
    if astray:
        return Finding(
            "duplicates", "warning", count, f"{found}{_count(astray, 'set')} lie in several parts: scores flatter."
        )
    kept = "Every set was kept in one part, so that no network is examined on what it was trained on."
    return Finding("duplicates", "notice", count, found + kept)


def contradictions(data: Data, rows: Rows) -> Finding:
    sets = identical(data.part.inputs)
    target = data.part.target
    width = int(target.max()) + 1
    labels = np.bincount(np.unique(sets * width + target) // width)  # (S,), different labels of a set
    count = int((labels > 1).sum())
    if not count:
        return Finding("contradictions", "fine", 0, "No two identical examples have different labels.")
    first = np.flatnonzero(sets == np.argmax(labels > 1))
    names = data.schema.target.categories
    said = ", ".join(f"example {row} is called {names[int(target[row])]}" for row in first[:5])
    return Finding(
        "contradictions",
        "warning",
        count,
        f"{_count(count, 'set')} of identical examples with different labels: no classifier can get all of them right "
        f"(for instance {said}). Check the labels.",
    )


def scarce_classes(data: Data, rows: Rows) -> Finding:
    names = data.schema.target.categories
    counts = {name: np.bincount(data.part.target[rows[name]], minlength=len(names)) for name in PARTS}
    absent = {name: [names[code] for code in np.flatnonzero(counts[name] == 0)] for name in PARTS}
    missing = [f"{name} has no example of {_names(absent[name])}" for name in PARTS if absent[name]]
    if missing:
        count = len(set().union(*absent.values()))
        return Finding("scarce_classes", "warning", count, f"Some classes are too rare: {'; '.join(missing)}.")
    few = [names[code] for code in np.flatnonzero(counts["test"] < FEW)]
    if few:
        return Finding(
            "scarce_classes",
            "notice",
            len(few),
            f"Fewer than {FEW} test examples each: {_names(few)}. What the scores say about them is an anecdote.",
        )
    least = min(int(each.min()) for each in counts.values())
    return Finding("scarce_classes", "fine", 0, f"Every class has at least {least} examples in every part.")


def uneven_classes(data: Data, rows: Rows) -> Finding:
    names = data.schema.target.categories
    counts = np.bincount(data.part.target, minlength=len(names))
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


def blank_images(data: Data, rows: Rows) -> Finding:
    """Images of one colour, and images with next to no contrast."""
    blank = [np.empty(0, dtype=np.int64)]
    faint = blank.copy()
    for field, values in zip(data.schema.inputs, data.part.inputs, strict=True):
        if field.kind == "image":
            low, high = field.range if field.range else (0, 255)
            contrast = _contrast(values)
            blank.append(np.flatnonzero(contrast == 0))
            faint.append(np.flatnonzero((contrast > 0) & (contrast < FAINT * (high - low))))
    empty, pale = np.concatenate(blank), np.concatenate(faint)
    if not len(empty) + len(pale):
        return Finding("blank_images", "fine", 0, "No image is blank or nearly so.")
    said = [f"{_count(len(empty), 'image')} of a single colour ({_rows(empty)})"] if len(empty) else []
    said += [f"{_count(len(pale), 'image')} with hardly any contrast ({_rows(pale)})"] if len(pale) else []
    return Finding("blank_images", "warning", len(empty) + len(pale), f"There are {' and '.join(said)}. Look at them.")


def constant_pixels(data: Data, rows: Rows) -> Finding:
    for field, values in zip(data.schema.inputs, data.part.inputs, strict=True):
        if field.kind == "image":
            same = np.ones(values.shape[1:3], dtype=bool)  # (H, W)
            for part in chunks(values):
                still = values[part] == values[0]  # (n, H, W) or (n, H, W, C)
                same &= still.all(axis=0) if still.ndim == 3 else still.all(axis=(0, 3))
            if count := int(same.sum()):
                sentence = f"{count} of the {same.size} pixels are the same in every {field.name}: they say nothing."
                return Finding("constant_pixels", "notice", count, sentence)
    return Finding("constant_pixels", "fine", 0, "Every pixel differs between examples somewhere.")


CHECKS: tuple[Callable[[Data, Rows], Finding], ...] = (
    duplicates,
    contradictions,
    scarce_classes,
    uneven_classes,
    blank_images,
    constant_pixels,
)


def findings(data: Data, rows: Rows) -> list[Finding]:
    """Run every check, in the table's order."""
    return [check(data, rows) for check in CHECKS]


def _part_of_each_row(count: int, rows: Rows) -> NDArray[np.int64]:
    part_of = np.empty(count, dtype=np.int64)
    for number, name in enumerate(PARTS):
        part_of[rows[name]] = number
    return part_of


def _contrast(images: NDArray[Any]) -> NDArray[np.float64]:
    """Lightest minus darkest value of every image, the largest over its channels; (N, H, W[, C]) -> (N,)."""
    contrast = np.empty(len(images))
    for part in chunks(images):
        spread = np.ptp(images[part].astype(np.float64), axis=(1, 2))  # (n,) or (n, C)
        contrast[part] = spread if spread.ndim == 1 else spread.max(axis=1)
    return contrast


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _rows(rows: NDArray[Any]) -> str:
    said = ", ".join(str(int(row)) for row in rows[:5])
    return f"example{'' if len(rows) == 1 else 's'} {said}{' ...' if len(rows) > 5 else ''}, counted from 0"
