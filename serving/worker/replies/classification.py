"""Replies of classification: a label, how sure, and the probability of each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.numbers import shortest_floats
from serving.worker.replies.compare import first_difference, without_keys
from serving.worker.signature import Signature


def build_classification_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Name a label from probabilities (1, K): the most probable, or of two the one that the threshold decides.

    A float32 is written with the fewest digits that read back as the same float32.
    """
    probabilities: list[float] = shortest_floats(predictions[0])
    predicted = _predicted_class(predictions[0], signature)
    reply = {
        "label": signature.labels[predicted],
        "probability": probabilities[predicted],
        "probabilities": dict(zip(signature.labels, probabilities, strict=True)),
    }
    if _has_threshold(signature):
        reply["threshold"] = shortest_floats(np.asarray(signature.calibration["threshold"]))
    return reply


def _has_threshold(signature: Signature) -> bool:
    return len(signature.labels) == 2 and {"threshold", "positive"} <= signature.calibration.keys()


def _predicted_class(probabilities: NDArray[np.float32], signature: Signature) -> int:
    """The class of probabilities (K,); the positive one of two from the threshold on, the threshold included."""
    if not _has_threshold(signature):
        return int(np.argmax(probabilities))
    positive = int(signature.calibration["positive"])
    return positive if float(probabilities[positive]) >= signature.calibration["threshold"] else 1 - positive


def classification_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare the probabilities, and whether the label follows from them: two may be equally probable."""
    derived = ("label", "probability")
    tolerance = signature.tolerance * float(scale.max())
    if mismatch := first_difference(without_keys(expected, *derived), without_keys(found, *derived), tolerance):
        return mismatch
    probabilities = np.array([found["probabilities"][label] for label in signature.labels], dtype=np.float32)
    predicted = _predicted_class(probabilities, signature)
    return first_difference(
        [signature.labels[predicted], shortest_floats(probabilities[predicted])],
        [found["label"], found["probability"]],
        0.0,
    )
