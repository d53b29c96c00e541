"""Outputs of the graph -> the reply to one example, and back; one pair per task."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.signature import Signature


def write_class(outputs: Mapping[str, NDArray[Any]], row: int, signature: Signature) -> dict[str, Any]:
    """Name the most probable label and give the probability of each.

    A float32 is written with the fewest digits that read back as the same float32.
    """
    probabilities = outputs[signature.outputs[0].name][row]
    best = int(probabilities.argmax())
    numbers = [float(text) for text in probabilities.astype("U")]
    return {
        "label": signature.labels[best],
        "probability": numbers[best],
        "probabilities": dict(zip(signature.labels, numbers, strict=True)),
    }


def read_class(replies: Sequence[Mapping[str, Any]], signature: Signature) -> dict[str, NDArray[Any]]:
    rows = [[reply["probabilities"][label] for label in signature.labels] for reply in replies]
    return {signature.outputs[0].name: np.array(rows, dtype=np.float32)}


class Reply(NamedTuple):
    """How a task's answer is written for one example, and read back to compare it with the golden outputs."""

    write: Callable[[Mapping[str, NDArray[Any]], int, Signature], dict[str, Any]]
    read: Callable[[Sequence[Mapping[str, Any]], Signature], dict[str, NDArray[Any]]]


# A further task is a pair of functions above and one row here.
REPLIES: dict[str, Reply] = {
    "classification": Reply(write_class, read_class),
}
