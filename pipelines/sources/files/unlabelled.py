"""Rows without a target: left out, or kept apart for contenders that learn from inputs alone. N rows."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError

UnlabelledPolicy = Literal["skip", "keep"]  # rows without a target: leave them out, or keep them apart
NO_CLASS = -1  # as scikit-learn has it: https://scikit-learn.org/stable/modules/semi_supervised.html


def find_missing_targets(values: NDArray[Any], kind: str | None, where: str) -> NDArray[np.bool_]:
    """Which targets of an array (N,) say nothing: NaN, empty texts, and -1 where whole numbers are classes.

    Args:
        kind: what they were stated to be, "number" or "category".
        where: the array's name in sentences.

    Raises:
        UserError: -1 is one of two classes, as many programs write them.
    """
    missing: NDArray[np.bool_]
    if values.dtype.kind in "US":
        missing = np.char.str_len(np.char.strip(values)) == 0
        return missing
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if kind == "number" or (kind is None and values.dtype.kind != "i"):
        return missing
    without_class: NDArray[np.bool_] = values == NO_CLASS
    classes = np.unique(values[~(missing | without_class)])
    if without_class.any() and len(classes) == 1:
        raise UserError(
            f"{where}: with source.unlabelled, {NO_CLASS} says that there is no class, and every other target is "
            f"{classes[0]:g}; if {NO_CLASS} is a class, leave `unlabelled` out"
        )
    missing |= without_class
    return missing


def report_unlabelled(count: int, noun: str) -> tuple[Finding, ...]:
    """Say how many rows were kept without a target; nothing where there are none."""
    if not count:
        return ()
    sentence = (
        f"{format_count(count, noun)} without a target {'was' if count == 1 else 'were'} kept apart; contenders with "
        "`semi` learn from them in training."
    )
    return (Finding("unlabelled_rows", "notice", count, sentence),)


def report_left_out(count: int, noun: str) -> tuple[Finding, ...]:
    """Say how many rows were left out because they have no target; nothing where there are none."""
    if not count:
        return ()
    sentence = f"{format_count(count, noun)} without a target {'was' if count == 1 else 'were'} left out."
    return (Finding("rows_without_target", "notice", count, sentence),)
