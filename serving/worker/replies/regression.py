"""Regression replies: the value, its unit and its interval."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.dates import days_to_iso
from serving.worker.numbers import shortest_floats
from serving.worker.request_error import RequestError
from serving.worker.signature import DAYS, Signature


def build_regression_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the reply from the value (1, 1); with the calibrated interval and its coverage, where there is one.

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
        return days_to_iso(float(value), whole=True)
    except OverflowError as error:
        raise RequestError(500, f"the model answers {value:.3g} days since 1970-01-01, which is no date") from error
