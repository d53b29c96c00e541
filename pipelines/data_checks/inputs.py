"""Checks of inputs: missing values, constant columns and copies of the target."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding, chunks
from pipelines.data.schema import Field
from pipelines.data.wording import format_count, format_list
from pipelines.data_checks.context import CheckContext, sample_rows

CORRELATION_TOLERANCE = (
    1e-8  # two columns whose correlation is so near to 1 are one, but for the unit and float32's rounding
)
MIN_SHARED_SHARE = 0.5  # share of the examples that must have a value, before a column is called a copy


def check_missing_values(context: CheckContext) -> Finding | None:
    """Cells without a value, by column, unless the source has reported them already."""
    if any(finding.check == "missing_cells" for finding in context.data.findings):
        return None
    shares = [(name, float(np.mean(_is_missing(field, values)))) for name, field, values in _cell_fields(context)]
    if not shares:
        return None
    lacking = sorted(((share, name) for name, share in shares if share), key=lambda pair: (-pair[0], pair[1]))
    if not lacking:
        return Finding("missing_values", "fine", 0, "No cell is missing.")
    listed_shares = format_list([f"{share:.1%} of {name}" for share, name in lacking])
    return Finding("missing_values", "notice", len(lacking), f"Cells are missing in {listed_shares}.")


def check_constant_columns(context: CheckContext) -> Finding | None:
    """Columns, and variables of sequences, that are constant."""
    columns = [pair for field, values in context.fields for pair in _column_variation(field, values)]
    if not columns:
        return None
    constant = [name for name, varies in columns if not varies]
    if constant:
        what = "is the same in every example: it says nothing"
        return Finding("constant_columns", "notice", len(constant), f"{format_list(constant)} {what}.")
    return Finding("constant_columns", "fine", 0, "Every column varies.")


def check_target_copies(context: CheckContext) -> Finding | None:
    """Inputs that are the target under another name, which will not be known when a prediction is made."""
    target = context.data.schema.target
    if target.kind in ("number", "category") and any(True for _ in scalar_columns(context)):
        copies = [
            name
            for name, field, values in scalar_columns(context)
            if is_target_copy(field, values, target, context.data.part.target)
        ]
    elif target.kind == "steps" and "origin" in context.data.keys:
        copies = list(_leading_variables(context))
    elif target.kind == "mask":
        copies = [field.name for field, values in context.fields if _are_arrays_equal(values, context.data.part.target)]
    else:
        return None
    if not copies:
        return Finding("target_copies", "fine", 0, f"No input is a copy of {target.name}.")
    sentence = (
        f"{format_list(copies)} tells {target.name} exactly: {format_count(len(copies), 'input')} that will probably "
        "not be known when a prediction is made. Leave it out, or the scores are too good."
    )
    return Finding("target_copies", "warning", len(copies), sentence)


def _cell_fields(context: CheckContext) -> Iterator[tuple[str, Field, NDArray[Any]]]:
    for field, values in context.fields:
        if field.kind in ("number", "category", "text"):
            yield field.name, field, values


def _is_missing(field: Field, values: NDArray[Any]) -> NDArray[np.bool_]:
    if field.kind in ("number", "steps"):
        return np.asarray(np.isnan(values))
    return np.asarray(values < 0 if field.kind == "category" else values[:, 0] == 0)


def scalar_columns(context: CheckContext) -> Iterator[tuple[str, Field, NDArray[Any]]]:
    """Every input that is one value per example (N,); of a sequence, each variable's last step."""
    for field, values in context.fields:
        if field.kind in ("number", "category"):
            yield field.name, field, values
        elif field.kind == "steps":
            for place, name in enumerate(field.columns):
                yield name, field, values[:, -1, place]


def _column_variation(field: Field, values: NDArray[Any]) -> Iterator[tuple[str, bool]]:
    """Whether each column of a field differs between examples anywhere."""
    if field.kind in ("number", "category", "steps"):
        names = field.columns if field.kind == "steps" else (field.name,)
        low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
        for rows in chunks(values):
            block = values[rows].reshape(-1, len(names))
            low, high = np.fmin(low, np.fmin.reduce(block)), np.fmax(high, np.fmax.reduce(block))
        yield from zip(names, (low < high).tolist(), strict=True)
    elif field.kind == "text":
        yield field.name, bool((values != values[0]).any())


def is_target_copy(field: Field, values: NDArray[Any], target_field: Field, target: NDArray[Any]) -> bool:
    """Whether a column (N,) and the target (N,) are one-to-one, or rise and fall together.

    Where few numbers repeat, any two columns are one-to-one; then they must also be in one order, or on a line.
    """
    sample = sample_rows(len(target))  # what does not hold of some rows cannot hold of all, which are sorted for it
    if _may_tell(values[sample], target[sample]) and _is_one_to_one(_rank_values(values), _rank_values(target)):
        return True  # that a cell is missing may tell the target, too
    known = ~_is_missing(field, values) & np.isfinite(values) & np.isfinite(target)
    if known.sum() < max(3, MIN_SHARED_SHARE * len(target)):
        return False
    sample = sample[known[sample]]
    if _may_tell(values[sample], target[sample]):
        ranks, target_ranks = _rank_values(values[known]), _rank_values(target[known])
        if _is_one_to_one(ranks, target_ranks):
            return True
        is_ordered = any(np.array_equal(each, target_ranks) for each in (ranks, ranks.max() - ranks))
        if "category" not in (field.kind, target_field.kind) and target_ranks.max() > 0 and is_ordered:
            return True
    return "category" not in (field.kind, target_field.kind) and _is_on_a_line(values, target, known)


def _may_tell(values: NDArray[Any], target: NDArray[Any]) -> bool:
    """Whether every value (n,) goes with one target (n,) and every target with one value."""
    ranks, target_ranks = _rank_values(values), _rank_values(target)
    pair_count = len(np.unique(ranks * (int(target_ranks.max(initial=0)) + 1) + target_ranks))
    return bool(ranks.max(initial=-1) == target_ranks.max(initial=-1) == pair_count - 1)


def _is_on_a_line(values: NDArray[Any], target: NDArray[Any], known: NDArray[np.bool_]) -> bool:
    """Whether two columns (N,) are correlated but for rounding, where both are known."""
    parts = list(chunks(target))
    middles = [
        sum(float(column[rows][known[rows]].sum(dtype=np.float64)) for rows in parts) / known.sum()
        for column in (values, target)
    ]
    squares, product = np.zeros(2), 0.0
    for rows in parts:
        x, y = (
            column[rows][known[rows]].astype(np.float64) - middle
            for column, middle in zip((values, target), middles, strict=True)
        )
        squares += (x @ x, y @ y)
        product += float(x @ y)
    scale = float(np.sqrt(squares[0] * squares[1]))
    return scale > 0 and abs(product) > (1 - CORRELATION_TOLERANCE) * scale


def _rank_values(values: NDArray[Any]) -> NDArray[np.int64]:
    """The different values of a column (N,) as 0, 1, 2, ... in their order; a missing one is a value too."""
    comparable = np.where(np.isnan(values), np.inf, values)
    return np.unique(comparable, return_inverse=True)[1].astype(np.int64)


def _is_one_to_one(left: NDArray[np.int64], right: NDArray[np.int64]) -> bool:
    """Whether each of at least two ranks (N,) on one side goes with one on the other, and most of them repeat."""
    pair_count = len(np.unique(left * (int(right.max()) + 1) + right))
    return left.max() == right.max() == pair_count - 1 and 2 <= pair_count <= len(left) / 2


def _leading_variables(context: CheckContext) -> Iterator[str]:
    """Variables whose last input step is a step to be forecast of another variable, in every window."""
    window, future = context.data.part.inputs[0], context.data.part.target  # (N, W, F), (N, H, targets)
    targets = context.data.schema.target.columns
    for place, name in enumerate(context.data.schema.inputs[0].columns):
        last = window[:, -1, place]
        if last.min() == last.max():
            continue
        for target_index, other in enumerate(targets):
            if other == name:
                continue
            for ahead in range(future.shape[1]):
                if np.array_equal(last, future[:, ahead, target_index]):
                    yield f"{name} ({other} {format_count(ahead + 1, 'step')} later)"


def _are_arrays_equal(values: NDArray[Any], target: NDArray[Any]) -> bool:
    return values.shape == target.shape and all(np.array_equal(values[rows], target[rows]) for rows in chunks(values))
