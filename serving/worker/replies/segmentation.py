"""Segmentation: a class per pixel, as a PNG mask."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import image_codec as pictures
from serving.worker.image_codec import _b64
from serving.worker.replies.compare import (
    PIXELS,
    difference,
    mask_difference,
    without,
)
from serving.worker.signature import Signature


def write_mask(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give each pixel the most probable class of (1, K, H, W): a PNG of class numbers, and the classes' shares."""
    mask = answers[0].argmax(axis=0).astype(np.uint8)
    counts = np.bincount(mask.reshape(-1), minlength=len(signature.labels))
    return {
        "mask": _b64(pictures.mask_png(mask)),
        "size": list(mask.shape),
        "area": {label: float(count / mask.size) for label, count in zip(signature.labels, counts, strict=True)},
    }


def mask_reply_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare the masks pixel by pixel; the shares may differ by as much."""
    if said := difference(without(expected, "mask", "area"), without(found, "mask", "area"), 0.0):
        return said
    slack = max(1 / math.prod(expected["size"]), PIXELS)
    return mask_difference(expected["mask"], found["mask"]) or difference(expected["area"], found["area"], slack)
