"""Reconstruction replies: the anomaly score, the verdict, and the input as the network reconstructs it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.dates import days_to_iso
from serving.worker.image_codec import encode_pixels
from serving.worker.numbers import shortest_floats
from serving.worker.signature import DAYS, Field, Signature


def build_reconstruction_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the reply from (1, 1 + D): the score, then all inputs, flat and in the signature's order.

    The reconstruction is given by field: an image, a number in its unit, or a list of steps.
    """
    reply: dict[str, Any] = {"score": shortest_floats(predictions[0, 0])}
    if "threshold" in signature.calibration:
        reply["threshold"] = shortest_floats(np.asarray(signature.calibration["threshold"]))
        reply["anomalous"] = is_anomalous(predictions[0, 0], signature)
    values = split_by_field(predictions[0, 1:], signature.inputs)
    reply["reconstruction"] = {field.name: _field_to_json(values[field.name], field) for field in signature.inputs}
    return reply


def is_anomalous(score: Any, signature: Signature) -> bool:
    """Tell whether a float32 score is at or above the threshold."""
    return float(score) >= signature.calibration["threshold"]


def split_by_field(values: NDArray[Any], fields: tuple[Field, ...]) -> dict[str, NDArray[Any]]:
    """Split a flat reconstruction (D,) into the fields' shapes, in the order of the inputs."""
    ends = np.cumsum([math.prod(field.shape) for field in fields])
    assert ends[-1] == len(values), f"{len(values)} numbers for {[field.name for field in fields]}"
    pieces = np.split(values, ends[:-1])
    return {field.name: piece.reshape(field.shape) for field, piece in zip(fields, pieces, strict=True)}


def _field_to_json(values: NDArray[Any], field: Field) -> Any:
    if field.kind == "image":
        return encode_pixels(values)
    return days_to_iso(float(values), whole=True) if field.unit == DAYS else shortest_floats(values)
