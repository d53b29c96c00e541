"""Near duplicates: examples of different parts that are one example twice, but for a few grey levels or one cell.

They are named, not moved: only texts that differ in white space or capitals are so surely the same that the split keeps
them together (`splitting/duplicates.py`). N examples, P columns.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.parts import NO_PART, PARTS
from pipelines.data.wording import format_count, format_list
from pipelines.data_checks.context import CheckContext, is_table
from pipelines.data_checks.similar_images import similar_image_pairs
from pipelines.splitting.duplicates import hash_rows

MAX_COMPARED_ROWS = 2**18  # of a table; the first ones, where there are more
MIN_COLUMNS = 4  # with fewer, what is left without one of them says little
CHANCE_PAIRS = (
    0.05  # pairs of rows that may be alike by chance, if the columns were independent, for one to mean anything
)
LISTED_PAIRS = 3

Pairs = NDArray[np.int64]  # (M, 2), row numbers


class Likeness(NamedTuple):
    """Pairs of examples that are nearly the same."""

    pairs: Pairs
    phrase: str  # in what they differ


def check_near_duplicates(context: CheckContext) -> Finding | None:
    """Pictures that were encoded again, and rows that differ in one cell, on both sides of a boundary between parts."""
    if is_table(context):
        likenesses = list(_similar_rows(context))
    elif [field.kind for field in context.data.schema.inputs] == ["image"]:
        field, images = next(context.fields)
        low, high = field.range or (0, 255)
        pairs = similar_image_pairs(images, high - low)
        likenesses = [Likeness(_across_parts(context, pairs), "a few grey levels, as after encoding it again")]
    else:
        return None
    found = [each for each in likenesses if len(each.pairs)]
    if not found:
        return Finding("near_duplicates", "fine", 0, "No two examples of different parts were found to be nearly one.")
    listed = [_describe(context, each) for each in found]
    count = len(np.unique(np.concatenate([each.pairs for each in found])))
    sentence = (
        f"Examples of different parts are nearly the same: {format_list(listed)}. If they are one example twice, a "
        "network is tested on what it was trained on: keep one of the two, or split by: group."
    )
    return Finding("near_duplicates", "warning", count, sentence)


def _describe(context: CheckContext, likeness: Likeness) -> str:
    examples = [
        f"{left} in {PARTS[context.part_of[left]]} and {right} in {PARTS[context.part_of[right]]}"
        for left, right in likeness.pairs[:LISTED_PAIRS].tolist()
    ]
    return f"{format_count(len(likeness.pairs), 'pair')} but for {likeness.phrase} (for instance {'; '.join(examples)})"


def _across_parts(context: CheckContext, pairs: Pairs) -> Pairs:
    """Those pairs (M, 2) of which both are in a part, and not in the same."""
    left, right = context.part_of[pairs[:, 0]], context.part_of[pairs[:, 1]]
    return np.asarray(pairs[(left != right) & (left != NO_PART) & (right != NO_PART)])


def _similar_rows(context: CheckContext) -> Iterator[Likeness]:
    """Rows alike in all columns but one, where so many columns would hardly agree by chance; for each such column."""
    names = [field.name for field, _ in context.fields]
    if len(names) < MIN_COLUMNS:
        return
    hashes = np.stack([hash_rows(values[:MAX_COMPARED_ROWS], b"")[0] for _, values in context.fields])  # (P, N)
    total = hashes.sum(axis=0, dtype=np.uint64)  # sums wrap around
    agreement = [_agreement_by_chance(each) for each in hashes]
    count = hashes.shape[1]
    for place, name in enumerate(names):
        by_chance = count * (count - 1) / 2 * np.prod([each for other, each in enumerate(agreement) if other != place])
        if by_chance > CHANCE_PAIRS:
            continue
        pairs = _equal_neighbours(total - hashes[place])
        pairs = pairs[hashes[place][pairs[:, 0]] != hashes[place][pairs[:, 1]]]  # the others are duplicates
        yield Likeness(_across_parts(context, pairs), f"the cell of {name}")


def _agreement_by_chance(hashes: NDArray[np.uint64]) -> float:
    """How likely two rows have the same value in a column (N,)."""
    _, counts = np.unique(hashes, return_counts=True)
    return float(np.square(counts / len(hashes)).sum())


def _equal_neighbours(keys: NDArray[Any]) -> Pairs:
    """Row numbers of equal keys (N,), each with the next one that has it: (M, 2)."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    pairs = np.stack([order[same], order[same + 1]], axis=1).astype(np.int64)
    return np.asarray(pairs[np.argsort(pairs[:, 0], kind="stable")])
