"""Target leakage: an input, or two together, that give the target away because they were made from it, or after it.

Copies to the last digit are `check_target_copies`'. Here is what a copy with some noise, a sum or a later column leave.
A sample of the rows decides, the same in every run. N examples, n sampled rows, K classes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_list
from pipelines.data_checks.class_leakage import find_class_leaks
from pipelines.data_checks.column_fits import (
    group_unexplained_share,
    likely_pairs,
    line_unexplained_share,
    neighbour_unexplained_share,
    pair_features,
    sparse_line,
)
from pipelines.data_checks.context import CheckContext, sample_rows
from pipelines.data_checks.inputs import is_target_copy, scalar_columns
from pipelines.data_checks.series_leakage import find_series_leaks
from pipelines.data_checks.shallow_tree import Column

MAX_PAIRED_COLUMNS = 128  # columns of numbers, the first ones, of which all pairs are tried
TRIED_PAIRS = 8  # pairs that a look at all of them picks
GIVEN_AWAY = 5e-4  # share of the target's variance; a column that leaves less is the target with 2 % of noise, or less
ROUNDING = 1e-6  # share of the variance that a sum of float32 columns may leave
MIN_KNOWN_SHARE = 0.5  # of the sampled rows that must have a value


class Sample(NamedTuple):
    """The sampled rows of every column that is one value per example, without copies of the target."""

    columns: list[Column]
    target: NDArray[Any]  # (n,)


def check_target_leakage(context: CheckContext) -> Finding | None:
    """Inputs that are nearly the target: a proxy, a sum or a ratio of two, a variable from the future."""
    field = context.data.schema.target
    if field.kind == "steps" and "origin" in context.data.keys:
        leaks = list(find_series_leaks(context))
    elif field.kind in ("number", "category") and any(True for _ in scalar_columns(context)):
        sample = draw_sample(context)
        find = find_number_leaks if field.kind == "number" else find_class_leaks
        leaks = list(find(sample.columns, sample.target))
    else:
        return None
    if not leaks:
        sentence = f"No input, nor two together, was found to give {field.name} away."
        return Finding("target_leakage", "fine", 0, sentence)
    sentence = (
        f"{field.name} is nearly given away by {format_list(leaks)}. If that was made from {field.name}, or is known "
        "only after it, the scores are too good: leave it out."
    )
    return Finding("target_leakage", "warning", len(leaks), sentence)


def draw_sample(context: CheckContext) -> Sample:
    rows = sample_rows(len(context.part_of))
    field, target = context.data.schema.target, np.asarray(context.data.part.target[rows])
    usable = np.isfinite(target) if field.kind == "number" else target >= 0
    rows, target = rows[usable], target[usable]
    columns = [
        Column(name, each.kind == "category", np.asarray(values[rows]))
        for name, each, values in scalar_columns(context)
        if len(rows) and not is_target_copy(each, np.asarray(values[rows]), field, target)
    ]
    return Sample(columns, target)


def find_number_leaks(columns: list[Column], target: NDArray[Any]) -> Iterator[str]:
    """What gives a number away: a column, then two, then a sum of several; in words, with what is left unexplained."""
    numbers = [column for column in columns if not column.is_category]
    exact_target = target.astype(np.float64)
    alone = {column.name: _column_share(column, exact_target) for column in columns}
    single = [name for name, share in alone.items() if share <= GIVEN_AWAY]
    yield from (f"{name} ({describe_share(alone[name])})" for name in single)
    others = [column for column in numbers if column.name not in single][:MAX_PAIRED_COLUMNS]
    pairs = list(_pair_leaks(others, exact_target))
    yield from pairs
    if not single and not pairs:
        yield from _line_leak(others, exact_target)


def describe_share(share: float) -> str:
    """How much is left unexplained: "0.02 % of its variance is left"."""
    return "next to nothing of its variance is left" if share < 5e-5 else f"{share:.2%} of its variance is left"


def _column_share(column: Column, target: NDArray[np.float64]) -> float:
    if column.is_category:
        return group_unexplained_share(column.values.astype(np.int64), target)
    values = column.values.astype(np.float64)
    known = np.isfinite(values)
    if known.mean() < MIN_KNOWN_SHARE or np.ptp(values[known]) == 0:
        return 1.0
    line = line_unexplained_share([values[known]], target[known])
    return min(line, neighbour_unexplained_share(values[known], target[known], _shuffle(int(known.sum()))))


def _pair_leaks(columns: list[Column], target: NDArray[np.float64]) -> Iterator[str]:
    varied = [column for column in columns if _varies(column)]
    if len(varied) < 2:
        return
    values = [column.values.astype(np.float64) for column in varied]
    for left, right in likely_pairs(np.stack(values, axis=1), target, TRIED_PAIRS):
        names = varied[left].name, varied[right].name
        known = np.isfinite(values[left]) & np.isfinite(values[right])
        if known.mean() < MIN_KNOWN_SHARE:
            continue
        shares = {form: _feature_share(feature, target) for form, feature in pair_features(values, (left, right))}
        form = min(shares, key=lambda one: shares[one])
        plane = line_unexplained_share([values[left][known], values[right][known]], target[known])
        if shares[form] <= GIVEN_AWAY:
            yield f"{form.format(*names)} ({describe_share(shares[form])})"
        elif plane <= GIVEN_AWAY:
            yield f"a weighted sum of {names[0]} and {names[1]} ({describe_share(plane)})"


def _feature_share(feature: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    known = np.isfinite(feature)
    return line_unexplained_share([feature[known]], target[known]) if known.mean() >= MIN_KNOWN_SHARE else 1.0


def _line_leak(columns: list[Column], target: NDArray[np.float64]) -> Iterator[str]:
    varied = [column for column in columns if _varies(column)]
    table = np.stack([column.values for column in varied], axis=1).astype(np.float64) if varied else np.empty((0, 0))
    known = np.isfinite(table).all(axis=1)
    if len(varied) < 3 or known.mean() < MIN_KNOWN_SHARE:
        return
    needed = sparse_line([each[known] for each in table.T], target[known], ROUNDING)
    if needed:
        names = [varied[place].name for place in needed]
        yield f"a weighted sum of {format_list(names)} (it is exact but for rounding)"


def _varies(column: Column) -> bool:
    known = column.values[np.isfinite(column.values)]
    return len(known) >= MIN_KNOWN_SHARE * len(column.values) and bool(np.ptp(known) > 0)


def _shuffle(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).permutation(count)
