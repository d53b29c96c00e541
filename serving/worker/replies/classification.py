"""Classification replies: the predicted label, its probability, and the probability of every label."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.numbers import shortest_floats
from serving.worker.signature import Signature


def build_classification_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the reply from probabilities (1, K), each written with the fewest digits that give the same float32."""
    probabilities: list[float] = shortest_floats(predictions[0])
    predicted = predicted_class(predictions[0], signature)
    reply = {
        "label": signature.labels[predicted],
        "probability": probabilities[predicted],
        "probabilities": dict(zip(signature.labels, probabilities, strict=True)),
    }
    if _has_threshold(signature):
        reply["threshold"] = shortest_floats(np.asarray(signature.calibration["threshold"]))
    return reply


def predicted_class(probabilities: NDArray[np.float32], signature: Signature) -> int:
    """The most probable class of probabilities (K,); of two with a threshold, the positive one at or above it."""
    if not _has_threshold(signature):
        return int(np.argmax(probabilities))
    positive = int(signature.calibration["positive"])
    return positive if float(probabilities[positive]) >= signature.calibration["threshold"] else 1 - positive


def _has_threshold(signature: Signature) -> bool:
    return len(signature.labels) == 2 and {"threshold", "positive"} <= signature.calibration.keys()
