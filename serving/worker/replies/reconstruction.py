"""Reconstruction: the row or image restored, and its anomaly score."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import dates as moments
from serving.worker.image_codec import picture
from serving.worker.numbers import shortest
from serving.worker.replies.compare import (
    difference,
    without,
)
from serving.worker.signature import DAYS, Field, Signature


def write_reconstruction(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give the anomaly score, the verdict if there is a threshold, and the input as the network sees it: (1, 1 + D).

    The reconstruction is by field: a picture, a number in its unit, lists of steps.
    """
    reply: dict[str, Any] = {"score": shortest(answers[0, 0])}
    if "threshold" in signature.decision:
        reply["threshold"] = shortest(np.asarray(signature.decision["threshold"]))
        reply["anomalous"] = _anomalous(answers[0, 0], signature)
    parts = _parts(answers[0, 1:], signature.inputs)
    reply["reconstruction"] = {field.name: _restored(parts[field.name], field) for field in signature.inputs}
    return reply


def _anomalous(score: Any, signature: Signature) -> bool:
    """An example is anomalous from the threshold on, the threshold included; `score` is a float32."""
    return float(score) >= signature.decision["threshold"]


def _parts(values: NDArray[Any], fields: tuple[Field, ...]) -> dict[str, NDArray[Any]]:
    """Take the flat reconstruction (D,) apart, in the order of the inputs."""
    ends = np.cumsum([math.prod(field.shape) for field in fields])
    assert ends[-1] == len(values), f"{len(values)} numbers for {[field.name for field in fields]}"
    pieces = np.split(values, ends[:-1])
    return {field.name: piece.reshape(field.shape) for field, piece in zip(fields, pieces, strict=True)}


def _restored(values: NDArray[Any], field: Field) -> Any:
    if field.kind == "image":
        return picture(values)
    return moments.iso(float(values), whole=True) if field.unit == DAYS else shortest(values)


def reconstruction_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare scores and reconstructions by their scale (1 + D,), and whether the verdict follows from the score."""
    others = ("score", "reconstruction", "anomalous")
    said = difference(without(expected, *others), without(found, *others), 0.0)
    said = said or difference(expected["score"], found["score"], signature.tolerance * float(scale[0]), "score")
    if said:
        return said
    if "anomalous" in expected and found.get("anomalous") != _anomalous(np.float32(found["score"]), signature):
        return f"the reply says anomalous: {found.get('anomalous')}, which does not follow from its score"
    for field in signature.inputs:
        one, other = (reply["reconstruction"].get(field.name) for reply in (expected, found))
        slack = signature.tolerance * float(_parts(scale[1:], signature.inputs)[field.name].max())
        same = field.unit == DAYS and isinstance(other, str) and abs(moments.days(one) - moments.days(other)) <= 1
        if said := None if same else difference(one, other, slack, f"reconstruction.{field.name}"):
            return said
    return None
