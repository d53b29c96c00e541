"""Replies of classification: a label, how sure, and the probability of each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.numbers import shortest
from serving.worker.replies.compare import difference, without
from serving.worker.signature import Signature


def write_class(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Name a label from probabilities (1, K): the most probable, or of two the one that the threshold decides.

    A float32 is written with the fewest digits that read back as the same float32.
    """
    numbers: list[float] = shortest(answers[0])
    best = _chosen(answers[0], signature)
    reply = {
        "label": signature.labels[best],
        "probability": numbers[best],
        "probabilities": dict(zip(signature.labels, numbers, strict=True)),
    }
    if _by_threshold(signature):
        reply["threshold"] = shortest(np.asarray(signature.decision["threshold"]))
    return reply


def _by_threshold(signature: Signature) -> bool:
    return len(signature.labels) == 2 and {"threshold", "positive"} <= signature.decision.keys()


def _chosen(probabilities: NDArray[np.float32], signature: Signature) -> int:
    """The class of probabilities (K,); the positive one of two from the threshold on, the threshold included."""
    if not _by_threshold(signature):
        return int(np.argmax(probabilities))
    positive = int(signature.decision["positive"])
    return positive if float(probabilities[positive]) >= signature.decision["threshold"] else 1 - positive


def class_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare the probabilities, and whether the label follows from them: two may be equally probable."""
    plain = ("label", "probability")
    slack = signature.tolerance * float(scale.max())
    if said := difference(without(expected, *plain), without(found, *plain), slack):
        return said
    numbers = np.array([found["probabilities"][label] for label in signature.labels], dtype=np.float32)
    best = _chosen(numbers, signature)
    return difference([signature.labels[best], shortest(numbers[best])], [found["label"], found["probability"]], 0.0)
