"""Split strategies: which part each example goes to, by its label, its group, its time or a column.

N examples, S sets of identical examples, P parts.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import NO_PART, PARTS
from pipelines.runtime.user_error import UserError
from pipelines.splitting.dealing import deal_by_class, deal_sets
from pipelines.splitting.request import TRAIN_PART, PartNumbers, SplitRequest, key_values, part_shares, shuffled_groups


def split_stratified(request: SplitRequest) -> PartNumbers:
    """Give every class the same shares of every part, and identical examples one part.

    Sets of identical examples are dealt, not examples. A set with contradicting labels counts as the class most
    of its examples have. A class with three sets or more is in every part; with fewer, it is in train first. The
    result depends on the examples and the seed, not on the order in which the examples are stored.
    """
    target = request.data.schema.target
    if target.kind != "category":
        raise UserError(
            f"{request.where}.by: stratified needs a target that is a category, "
            f"but {target.name} is of kind {target.kind}; write by: random"
        )
    return deal_by_class(request.sets, request.data.part.target, part_shares(request.settings))


def split_random(request: SplitRequest) -> PartNumbers:
    """Deal sets of identical examples as `stratified` does, without looking at the target."""
    return deal_by_class(request.sets, np.zeros(len(request.sets), dtype=np.int64), part_shares(request.settings))


def split_by_group(request: SplitRequest) -> PartNumbers:
    """Keep each group (a patient, a writer, a site) in one part, so that the scores are those of strangers."""
    groups, order = shuffled_groups(request)
    sizes = np.bincount(groups)[order]
    largest_first = np.argsort(-sizes, kind="stable")
    part_of = np.empty(len(order), dtype=np.int64)
    part_of[order[largest_first]], _ = deal_sets(sizes[largest_first], part_shares(request.settings) * len(groups))
    return part_of[groups]


def split_by_column(request: SplitRequest) -> PartNumbers:
    """Make the parts of the values of a column, as `parts` says; an example with another value is in none."""
    assert request.settings.column is not None, "the settings ask for it"
    assert request.settings.parts is not None, "the settings ask for them"
    values, numbers = np.unique(key_values(request, request.settings.column), return_inverse=True)
    part_of_text = {text: place for place, name in enumerate(PARTS) for text in getattr(request.settings.parts, name)}
    texts = [str(value) for value in values]
    for text in part_of_text:
        if text not in texts:
            found = ", ".join(texts[:10])
            raise UserError(
                f"{request.where}.parts: no example has {text!r} as its {request.settings.column}; found: {found}"
            )
    return _fill_unnamed_parts(
        request, np.array([part_of_text.get(text, NO_PART) for text in texts], dtype=np.int64)[numbers]
    )


def split_predefined(request: SplitRequest) -> PartNumbers:
    """Keep the parts that the data came in (files or folders called train, valid and test)."""
    values, numbers = np.unique(key_values(request, "part"), return_inverse=True)
    texts = [str(value) for value in values]
    for text in texts:
        if text not in PARTS:
            raise UserError(
                f"{request.where}.by: given needs parts called {', '.join(PARTS)}, but the data has {text!r}"
            )
    if PARTS[TRAIN_PART] not in texts:
        raise UserError(f"{request.where}.by: given needs examples for train, but the data has only {', '.join(texts)}")
    names: list[str] = list(PARTS)
    return _fill_unnamed_parts(request, np.array([names.index(text) for text in texts], dtype=np.int64)[numbers])


def keep_duplicates_together(sets: NDArray[np.int64], part_of: PartNumbers) -> PartNumbers:
    """Keep a set of identical examples in the last of its parts and take it out of the earlier ones; (N,), (N,)."""
    last_part = np.full(len(sets), NO_PART, dtype=np.int64)
    np.maximum.at(last_part, sets, part_of)
    return np.where(part_of < last_part[sets], NO_PART, part_of)


def _fill_unnamed_parts(request: SplitRequest, part_of: PartNumbers) -> PartNumbers:
    """Cut the parts that nobody named from train, by label where there are labels; (N,) -> (N,)."""
    unnamed_parts = [place for place in range(1, len(PARTS)) if not (part_of == place).any()]
    if not unnamed_parts:
        return part_of
    rows = np.flatnonzero(part_of == TRAIN_PART)
    _, sets = np.unique(request.sets[rows], return_inverse=True)
    labelled = request.data.schema.target.kind == "category"
    labels = request.data.part.target[rows] if labelled else np.zeros(len(rows), dtype=np.int64)
    shares = part_shares(request.settings)[unnamed_parts]
    dealt = deal_by_class(sets, labels, np.array([1 - shares.sum(), *shares]))
    completed = part_of.copy()
    completed[rows] = np.array([TRAIN_PART, *unnamed_parts])[dealt]
    return completed
