"""Regression: the value, its unit and its interval."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import dates as serving_dates
from serving.worker.numbers import shortest_floats
from serving.worker.replies.compare import first_difference, without_keys
from serving.worker.request_error import RequestError
from serving.worker.signature import DAYS, Signature


def build_regression_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the value (1, 1) in its unit and, where one was measured, the interval that covers most truths.

    A date is ISO text, to the day. The unit is left out where the data states none.
    """
    value = np.float64(predictions.reshape(-1)[0])
    unit = signature.target.unit
    reply = {"value": _format_target(value, unit)}
    if unit not in ("", DAYS):
        reply["unit"] = unit
    if "radius" in signature.calibration:
        radius = signature.calibration["radius"]
        reply |= {"low": _format_target(value - radius, unit), "high": _format_target(value + radius, unit)}
        reply |= {"coverage": signature.calibration["coverage"]} if "coverage" in signature.calibration else {}
    return reply


def _format_target(value: Any, unit: str) -> Any:
    if unit != DAYS:
        return shortest_floats(np.asarray(value))
    try:
        return serving_dates.days_to_iso(float(value), whole=True)
    except OverflowError as error:
        raise RequestError(500, f"the model answers {value:.3g} days since 1970-01-01, which is no date") from error


def regression_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare values; of dates, which are rounded to the day, one day may lie between."""
    dates = {"value", "low", "high"} & expected.keys() & found.keys() if signature.target.unit == DAYS else set()
    for name in sorted(dates):
        if abs(serving_dates.iso_to_days(expected[name]) - serving_dates.iso_to_days(found[name])) > 1:
            return f"{name} is {found[name]} and must be {expected[name]}"
    tolerance = signature.tolerance * float(scale.max())
    return first_difference(without_keys(expected, *dates), without_keys(found, *dates), tolerance)
