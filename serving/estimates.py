"""Replies that are numbers of a unit: a value with its interval, a forecast with its quantiles."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving import moments
from serving.numerals import shortest
from serving.refusal import Refusal
from serving.sameness import difference, without
from serving.signature import DAYS, Signature


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
