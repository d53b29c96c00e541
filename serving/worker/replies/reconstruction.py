"""Reconstruction: the row or image restored, and its anomaly score."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import dates
from serving.worker.image_codec import encode_pixels
from serving.worker.numbers import shortest_floats
from serving.worker.replies.compare import (
    first_difference,
    without_keys,
)
from serving.worker.signature import DAYS, Field, Signature


def build_reconstruction_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the anomaly score, the verdict if there is a threshold, and the input as the network sees it: (1, 1 + D).

    The reconstruction is by field: a picture, a number in its unit, lists of steps.
    """
    reply: dict[str, Any] = {"score": shortest_floats(predictions[0, 0])}
    if "threshold" in signature.calibration:
        reply["threshold"] = shortest_floats(np.asarray(signature.calibration["threshold"]))
        reply["anomalous"] = _is_anomalous(predictions[0, 0], signature)
    parts = _split_by_field(predictions[0, 1:], signature.inputs)
    reply["reconstruction"] = {field.name: _reconstructed_value(parts[field.name], field) for field in signature.inputs}
    return reply


def _is_anomalous(score: Any, signature: Signature) -> bool:
    """An example is anomalous from the threshold on, the threshold included; `score` is a float32."""
    return float(score) >= signature.calibration["threshold"]


def _split_by_field(values: NDArray[Any], fields: tuple[Field, ...]) -> dict[str, NDArray[Any]]:
    """Take the flat reconstruction (D,) apart, in the order of the inputs."""
    ends = np.cumsum([math.prod(field.shape) for field in fields])
    assert ends[-1] == len(values), f"{len(values)} numbers for {[field.name for field in fields]}"
    pieces = np.split(values, ends[:-1])
    return {field.name: piece.reshape(field.shape) for field, piece in zip(fields, pieces, strict=True)}


def _reconstructed_value(values: NDArray[Any], field: Field) -> Any:
    if field.kind == "image":
        return encode_pixels(values)
    return dates.days_to_iso(float(values), whole=True) if field.unit == DAYS else shortest_floats(values)


def reconstruction_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare scores and reconstructions by their scale (1 + D,), and whether the verdict follows from the score."""
    compared_apart = ("score", "reconstruction", "anomalous")
    mismatch = first_difference(without_keys(expected, *compared_apart), without_keys(found, *compared_apart), 0.0)
    mismatch = mismatch or first_difference(
        expected["score"], found["score"], signature.tolerance * float(scale[0]), "score"
    )
    if mismatch:
        return mismatch
    if "anomalous" in expected and found.get("anomalous") != _is_anomalous(np.float32(found["score"]), signature):
        return f"the reply says anomalous: {found.get('anomalous')}, which does not follow from its score"
    for field in signature.inputs:
        one, other = (reply["reconstruction"].get(field.name) for reply in (expected, found))
        tolerance = signature.tolerance * float(_split_by_field(scale[1:], signature.inputs)[field.name].max())
        same = (
            field.unit == DAYS
            and isinstance(other, str)
            and abs(dates.iso_to_days(one) - dates.iso_to_days(other)) <= 1
        )
        if mismatch := None if same else first_difference(one, other, tolerance, f"reconstruction.{field.name}"):
            return mismatch
    return None
