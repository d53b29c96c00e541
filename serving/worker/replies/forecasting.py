"""Forecasting: a value per step and variable, with quantiles."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import dates as moments
from serving.worker.numbers import shortest
from serving.worker.replies.compare import difference, without
from serving.worker.signature import Signature


def write_forecast(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give quantiles (1, H, F, Q) step by step and variable by variable, and the times if the request had one.

    Where validation showed how often the outermost quantiles hold the truth, `low` and `high` are the interval that
    was corrected for it. A variable that is called "step" stands where the step's number would: the place in the
    list tells it too.
    """
    columns = _columns(signature)
    horizon = [
        {
            "step": number,
            **{
                name: _quantiles(row, signature, f"radius_{number}_{name}")
                for name, row in zip(columns, rows, strict=True)
            },
        }
        for number, rows in enumerate(answers[0], start=1)
    ]
    reply: dict[str, Any] = {"horizon": horizon}
    if signature.target.unit:
        reply["unit"] = signature.target.unit
    if "coverage" in signature.decision:
        reply["coverage"] = signature.decision["coverage"]
    if "time" in said:
        reply["times"] = said["time"]
    return reply


def _columns(signature: Signature) -> tuple[str, ...]:
    return signature.target.columns or (signature.target.name,)


def _quantiles(row: NDArray[Any], signature: Signature, radius: str) -> dict[str, float]:
    """The quantiles (Q,) by level, and the interval: its ends stay outside the quantiles next to the outermost."""
    quantiles = {f"{level:g}": number for level, number in zip(signature.levels, shortest(row), strict=True)}
    if radius not in signature.decision:
        return quantiles
    reach = signature.decision[radius]
    inner = min(1, len(row) - 1)
    low = min(float(row[0]) - reach, float(row[inner]))
    high = max(float(row[-1]) + reach, float(row[-1 - inner]))
    return {**quantiles, "low": shortest(np.asarray(low)), "high": shortest(np.asarray(high))}


def forecast_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare forecasts, each variable by its own scale (H, F, Q)."""
    if len(found.get("horizon", ())) != len(expected["horizon"]):
        return f"the horizon must have {len(expected['horizon'])} steps"
    for place, name in enumerate(_columns(signature)):
        slack = signature.tolerance * float(scale[:, place].max())
        one, other = ([step.get(name) for step in reply["horizon"]] for reply in (expected, found))
        if said := difference(one, other, slack, f"{name}"):
            return said
    return difference(without(expected, "horizon"), without(found, "horizon"), 0.0)


def forecast_extras(signature: Signature) -> dict[str, Callable[[Any, str], Any]]:
    """`time` beside the window: the ISO time of its last step, from which the forecast's times are counted."""
    if any(field.name == "time" for field in signature.inputs):
        return {}
    steps = signature.outputs[0].shape[0]
    step = signature.target.step or next((field.step for field in signature.inputs if field.step), "")

    def times(value: Any, where: str) -> list[str]:
        return moments.following(moments.moment(value, where), step, steps, where)

    return {"time": times}
