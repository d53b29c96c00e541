"""Sequence fields: one list per step or one per variable; a short one is padded with missing steps in front.

Shapes: T steps that the graph reads, F variables.
"""

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.numbers import parse_floats
from serving.worker.request_error import (
    RequestError,
    count_noun,
    describe_missing,
    describe_unknown,
    describe_value,
    list_names,
)
from serving.worker.signature import Field

WORD_SIGN = "="  # of a variable that stands for a word of a column; pipelines/sources/series/words.py has the same


def parse_sequence(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Parse at most T steps of F numbers or nulls: float32 (T, F), the last step last, NaN where a value is missing.

    Accepted are a list of steps, each a list of F numbers; an object with a list per variable; and, for one
    variable, a list of numbers. A column of words may be a list of its words, `"wind": ["NW", "SE"]`.
    """
    length, width = field.shape
    rows = _parse_columns(value, field, where) if isinstance(value, dict) else _parse_rows(value, field, where)
    padded = np.full((length, width), math.nan, dtype=np.float32)
    padded[length - len(rows) :] = rows
    return padded


def sequence_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    """Note that no value is given."""
    return [f"{where}: every value is missing"] if np.isnan(array).all() else []


def _parse_rows(value: Any, field: Field, where: str) -> NDArray[Any]:
    width = field.shape[1]
    _check_length(value, field, where)
    if width == 1 and not any(isinstance(row, list) for row in value):
        value = [[number] for number in value]
    for place, row in enumerate(value):
        if not isinstance(row, list) or len(row) != width:
            listed = f" ({list_names(field.columns)})" if field.columns else ""
            raise RequestError(
                400, f"{where}[{place}]: expected a list of {width}{listed}, found {describe_value(row)}"
            )

    def error_at(place: int) -> RequestError:
        row, column = divmod(place, width)
        return _number_error(value[row][column], field, f"{where}[{row}][{column}]")

    return parse_floats(list(chain.from_iterable(value)), error_at).reshape(-1, width)


def _parse_columns(value: dict[str, Any], field: Field, where: str) -> NDArray[Any]:
    columns = field.columns
    if not columns:
        raise RequestError(400, f"{where}: expected a list of steps, found {describe_value(value)}")
    value = _spread_words(value, columns, where)
    if missing := [name for name in columns if name not in value]:
        raise RequestError(400, f"{where}: {describe_missing('variable', missing)}, found {describe_value(value)}")
    if unknown := [name for name in value if name not in columns]:
        raise RequestError(
            400, f"{where}: expected only {list_names(columns)}, found {describe_unknown('variable', unknown)}"
        )
    for name in columns:
        _check_length(value[name], field, f"{where}.{name}")
        if len(value[name]) != len(value[columns[0]]):
            raise RequestError(
                400,
                f"{where}.{name}: expected {count_noun(len(value[columns[0]]), 'step')} as in "
                f"{list_names(columns[:1])}, found {len(value[name])}",
            )

    def parse_column(name: str) -> NDArray[Any]:
        listed = value[name]
        return parse_floats(listed, lambda place: _number_error(listed[place], field, f"{where}.{name}[{place}]"))

    return np.stack([parse_column(name) for name in columns], axis=1)


def _spread_words(value: dict[str, Any], columns: Sequence[str], where: str) -> dict[str, Any]:
    """With a variable for each word, `wind=NW`, in place of a list of words under `wind`; null is missing in each.

    A word that training never saw is 0 in all of them.
    """
    spread: dict[str, Any] = {}
    for name, listed in value.items():
        variables = [column for column in columns if column.startswith(f"{name}{WORD_SIGN}")]
        if name in columns or not variables or not isinstance(listed, list):
            spread[name] = listed
            continue
        for place, word in enumerate(listed):
            if word is not None and not isinstance(word, str):
                raise RequestError(
                    400, f"{where}.{name}[{place}]: expected a word or null, found {describe_value(word)}"
                )
        for column in variables:
            wanted = column.removeprefix(f"{name}{WORD_SIGN}")
            spread[column] = [None if word is None else int(word.strip() == wanted) for word in listed]
    return spread


def _check_length(value: Any, field: Field, where: str) -> None:
    fewest = field.shape[0] if field.decode_options.get("whole") else 1
    if not isinstance(value, list) or not fewest <= len(value) <= field.shape[0]:
        columns = f", or an object with {list_names(field.columns)}" if field.columns else ""
        steps = count_noun(field.shape[0], "step")
        steps = f"{fewest} to {steps}" if fewest < field.shape[0] else steps
        raise RequestError(400, f"{where}: expected a list of {steps}{columns}, found {describe_value(value)}")


def _number_error(value: Any, field: Field, where: str) -> RequestError:
    unit = f" ({field.unit})" if field.unit else ""
    return RequestError(400, f"{where}: expected a number{unit} or null, found {describe_value(value)}")
