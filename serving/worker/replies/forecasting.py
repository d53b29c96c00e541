"""Forecasting replies: quantiles and an interval per step and variable, and the steps' times."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.dates import forecast_times, parse_timestamp
from serving.worker.numbers import shortest_floats
from serving.worker.signature import Signature


def build_forecast_reply(predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]) -> dict[str, Any]:
    """Build the reply from quantiles (1, H, F, Q); with times where the request gave one.

    `low` and `high` are the ends of the calibrated interval, where there is one. A variable called "step" takes the
    place of the step's number, which the position in the list tells as well.
    """
    names = variable_names(signature)
    horizon = [
        {
            "step": number,
            **{
                name: _quantiles(row, signature, f"radius_{number}_{name}")
                for name, row in zip(names, rows, strict=True)
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


def variable_names(signature: Signature) -> tuple[str, ...]:
    """The names of the forecast variables, F of them."""
    return signature.target.columns or (signature.target.name,)


def _quantiles(row: NDArray[Any], signature: Signature, radius_key: str) -> dict[str, float]:
    """The quantiles (Q,) by level, and the interval: its ends never cross the quantiles next to the outermost."""
    quantiles = {f"{level:g}": number for level, number in zip(signature.levels, shortest_floats(row), strict=True)}
    if radius_key not in signature.calibration:
        return quantiles
    margin = signature.calibration[radius_key]
    inner = min(1, len(row) - 1)
    low = min(float(row[0]) - margin, float(row[inner]))
    high = max(float(row[-1]) + margin, float(row[-1 - inner]))
    return {**quantiles, "low": shortest_floats(np.asarray(low)), "high": shortest_floats(np.asarray(high))}


def forecast_extra_parsers(signature: Signature) -> dict[str, Callable[[Any, str], Any]]:
    """The extra key `time` of a request: the ISO time of the window's last step, from which the forecast's follow."""
    if any(field.name == "time" for field in signature.inputs):
        return {}
    horizon = signature.outputs[0].shape[0]
    step = signature.target.step or next((field.step for field in signature.inputs if field.step), "")

    def parse_times(value: Any, where: str) -> list[str]:
        return forecast_times(parse_timestamp(value, where), step, horizon, where)

    return {"time": parse_times}
