"""Forecasting: a value per step and variable, with quantiles."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import dates
from serving.worker.numbers import shortest_floats
from serving.worker.replies.compare import first_difference, without_keys
from serving.worker.signature import Signature


def build_forecast_reply(predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]) -> dict[str, Any]:
    """Give quantiles (1, H, F, Q) step by step and variable by variable, and the times if the request had one.

    Where validation showed how often the outermost quantiles hold the truth, `low` and `high` are the interval that
    was corrected for it. A variable that is called "step" stands where the step's number would: the place in the
    list tells it too.
    """
    columns = _variable_names(signature)
    horizon = [
        {
            "step": number,
            **{
                name: _quantiles(row, signature, f"radius_{number}_{name}")
                for name, row in zip(columns, rows, strict=True)
            },
        }
        for number, rows in enumerate(predictions[0], start=1)
    ]
    reply: dict[str, Any] = {"horizon": horizon}
    if signature.target.unit:
        reply["unit"] = signature.target.unit
    if "coverage" in signature.calibration:
        reply["coverage"] = signature.calibration["coverage"]
    if "time" in extras:
        reply["times"] = extras["time"]
    return reply


def _variable_names(signature: Signature) -> tuple[str, ...]:
    return signature.target.columns or (signature.target.name,)


def _quantiles(row: NDArray[Any], signature: Signature, radius_key: str) -> dict[str, float]:
    """The quantiles (Q,) by level, and the interval: its ends stay outside the quantiles next to the outermost."""
    quantiles = {f"{level:g}": number for level, number in zip(signature.levels, shortest_floats(row), strict=True)}
    if radius_key not in signature.calibration:
        return quantiles
    margin = signature.calibration[radius_key]
    inner = min(1, len(row) - 1)
    low = min(float(row[0]) - margin, float(row[inner]))
    high = max(float(row[-1]) + margin, float(row[-1 - inner]))
    return {**quantiles, "low": shortest_floats(np.asarray(low)), "high": shortest_floats(np.asarray(high))}


def forecast_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare forecasts, each variable by its own scale (H, F, Q)."""
    if len(found.get("horizon", ())) != len(expected["horizon"]):
        return f"the horizon must have {len(expected['horizon'])} steps"
    for place, name in enumerate(_variable_names(signature)):
        tolerance = signature.tolerance * float(scale[:, place].max())
        one, other = ([step.get(name) for step in reply["horizon"]] for reply in (expected, found))
        if mismatch := first_difference(one, other, tolerance, f"{name}"):
            return mismatch
    return first_difference(without_keys(expected, "horizon"), without_keys(found, "horizon"), 0.0)


def forecast_extra_parsers(signature: Signature) -> dict[str, Callable[[Any, str], Any]]:
    """`time` beside the window: the ISO time of its last step, from which the forecast's times are counted."""
    if any(field.name == "time" for field in signature.inputs):
        return {}
    steps = signature.outputs[0].shape[0]
    step = signature.target.step or next((field.step for field in signature.inputs if field.step), "")

    def parse_times(value: Any, where: str) -> list[str]:
        return dates.forecast_times(dates.parse_timestamp(value, where), step, steps, where)

    return {"time": parse_times}
