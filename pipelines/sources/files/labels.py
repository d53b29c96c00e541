"""Labels as written by a person -> the target: categories or numbers."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.parsing import MISSING_MARKS, parse_datetime, parse_number

MIN_NUMBER_SHARE = 0.9  # share of numbers, from which a column is one of numbers with slips


def infer_target_kind(texts: Sequence[str], lines: Sequence[int], where: str) -> Literal["number", "category"]:
    """Numbers if all cells are numbers (or missing); categories otherwise.

    Raises:
        UserError: nearly all are numbers, so that the others look like slips.
    """
    not_numbers = [(line, text) for line, text in zip(lines, texts, strict=True) if parse_number(text) is None]
    if not not_numbers:
        return "number"
    if len(not_numbers) < (1 - MIN_NUMBER_SHARE) * len(texts):
        line, text = not_numbers[0]
        raise UserError(
            f"{where}, line {line}: holds {text!r}, but {len(texts) - len(not_numbers)} of {len(texts)} cells of this "
            "column are numbers; repair it, or set `target_kind: category` if the numbers are names"
        )
    return "category"


def is_missing(text: str, kind: Literal["number", "category"]) -> bool:
    """Whether a target says nothing: NA may be the name of a class, but is no number."""
    return text.strip() in MISSING_MARKS if kind == "number" else not text.strip()


def category_target(texts: Sequence[str], name: str) -> tuple[Field, NDArray[np.int64]]:
    """The classes in order, whole numbers by their size and other names by alphabet; and each example's code (N,)."""
    clean = [text.strip() for text in texts]
    names = sort_class_names(set(clean))
    place = {text: code for code, text in enumerate(names)}
    codes = np.array([place[text] for text in clean], dtype=np.int64)
    return Field(name=name, kind="category", dtype="int64", shape=(), categories=names), codes


def sort_class_names(names: set[str]) -> tuple[str, ...]:
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def number_target(texts: Sequence[str], name: str) -> tuple[Field, NDArray[np.float32]]:
    """Cells that `target_kind` found to be numbers, none missing; (N,)."""
    values = np.array([parse_number(text) for text in texts], dtype=np.float32)
    value_range = (float(values.min()), float(values.max()))
    return Field(name=name, kind="number", dtype="float32", shape=(), range=value_range), values


def parse_split_key(texts: Sequence[str]) -> NDArray[np.int64] | NDArray[np.datetime64] | NDArray[np.str_]:
    """A column that a split may go by: whole numbers, moments, or texts as they stand; (N,)."""
    clean = [text.strip() for text in texts]
    if all(text.isascii() and text.removeprefix("-").isdigit() and len(text) < 19 for text in clean):
        return np.array([int(text) for text in clean], dtype=np.int64)
    datetimes = [parse_datetime(text) for text in clean]
    if all(one is not None for one in datetimes):
        return np.array(datetimes, dtype="datetime64[us]")
    return np.array(clean, dtype=np.str_)
