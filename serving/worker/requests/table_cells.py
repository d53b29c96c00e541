"""Table fields: a number, a date or a category, each of which may be missing."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.dates import days_to_iso, iso_to_days
from serving.worker.numbers import fits_float32, format_number
from serving.worker.request_error import RequestError, describe_value, list_names
from serving.worker.signature import DAYS, Field


def parse_number(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Parse a number, or ISO text where the field is a date; null is missing: float32 ().

    A value outside of the range seen in training is accepted, with a note.
    """
    if value is None:
        return np.array(math.nan, dtype=np.float32)
    if field.unit == DAYS:
        return np.array(_parse_date(value, field, where), dtype=np.float32)
    if not fits_float32(value):
        raise RequestError(
            400, f"{where}: expected a number{_unit_and_range(field)} or null, found {describe_value(value)}"
        )
    return np.array(value, dtype=np.float32)


def _parse_date(value: Any, field: Field, where: str) -> float:
    try:
        if isinstance(value, str):
            return iso_to_days(value)
    except (ValueError, OverflowError):
        pass
    raise RequestError(
        400,
        f'{where}: expected a date as text such as "2024-03-01"{_unit_and_range(field)} or null, found '
        f"{describe_value(value)}",
    )


def _unit_and_range(field: Field) -> str:
    """The unit and the range seen in training, in brackets; nothing where neither is known."""
    facts = [field.unit] if field.unit not in ("", DAYS) else []
    if field.range is not None:
        facts.append(
            f"seen in training: {_format_bound(field.range[0], field)} to {_format_bound(field.range[1], field)}"
        )
    return f" ({', '.join(facts)})" if facts else ""


def _format_bound(value: float, field: Field) -> str:
    return days_to_iso(value) if field.unit == DAYS else format_number(value)


def number_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    """Note that a number lies outside of the range seen in training."""
    if field.range is None or np.isnan(array) or np.float32(field.range[0]) <= array <= np.float32(field.range[1]):
        return []
    low, high = (_format_bound(end, field) for end in field.range)
    return [f"{where}: {describe_value(value)} lies outside what was seen in training, {low} to {high}"]


def parse_category(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Parse the code of a category; null and a text never seen in training are -1: int64 ().

    A number or true stands for the category that is spelled so.
    """
    if value is None or isinstance(value, str):
        return np.array(-1 if value is None else field.codes.get(value, -1), dtype=np.int64)
    for text in _category_spellings(value):
        if text in field.codes:
            return np.array(field.codes[text], dtype=np.int64)
    expected = f"a category ({list_names(field.categories)}) as text, or null"
    raise RequestError(400, f"{where}: expected {expected}, found {describe_value(value)}")


def _category_spellings(value: Any) -> list[str]:
    """The texts that a boolean or a number may stand for: true also for True, 3 also for 3.0."""
    if isinstance(value, bool):
        return [str(value).lower(), str(value)]
    if isinstance(value, int):
        return [str(value), f"{value}.0"] if fits_float32(value) else []
    if isinstance(value, float):
        return [repr(value), *([str(int(value))] if value.is_integer() else [])]
    return []


def category_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    """Note that a category was never seen in training."""
    if value is None or array >= 0:
        return []
    return [f"{where}: {describe_value(value)} was not seen in training and counts as missing"]
