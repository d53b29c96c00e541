"""Regression: the value, its unit and its interval."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import dates as moments
from serving.worker.numbers import shortest
from serving.worker.replies.compare import difference, without
from serving.worker.request_error import Refusal
from serving.worker.signature import DAYS, Signature


def write_value(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give the value (1, 1) in its unit and, where one was measured, the interval that covers most truths.

    A date is ISO text, to the day. The unit is left out where the data states none.
    """
    value = np.float64(answers.reshape(-1)[0])
    unit = signature.target.unit
    reply = {"value": _written(value, unit)}
    if unit not in ("", DAYS):
        reply["unit"] = unit
    if "radius" in signature.decision:
        radius = signature.decision["radius"]
        reply |= {"low": _written(value - radius, unit), "high": _written(value + radius, unit)}
        reply |= {"coverage": signature.decision["coverage"]} if "coverage" in signature.decision else {}
    return reply


def _written(value: Any, unit: str) -> Any:
    if unit != DAYS:
        return shortest(np.asarray(value))
    try:
        return moments.iso(float(value), whole=True)
    except OverflowError as error:
        raise Refusal(500, f"the model answers {value:.3g} days since 1970-01-01, which is no date") from error


def value_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare values; of dates, which are rounded to the day, one day may lie between."""
    dates = {"value", "low", "high"} & expected.keys() & found.keys() if signature.target.unit == DAYS else set()
    for name in sorted(dates):
        if abs(moments.days(expected[name]) - moments.days(found[name])) > 1:
            return f"{name} is {found[name]} and must be {expected[name]}"
    slack = signature.tolerance * float(scale.max())
    return difference(without(expected, *dates), without(found, *dates), slack)
