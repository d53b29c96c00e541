"""Segmentation: a class per pixel, as a PNG mask."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import image_codec
from serving.worker.image_codec import _encode_base64
from serving.worker.replies.compare import (
    MASK_PIXEL_TOLERANCE,
    first_difference,
    mask_difference,
    without_keys,
)
from serving.worker.signature import Signature


def build_segmentation_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Give each pixel the most probable class of (1, K, H, W): a PNG of class numbers, and the classes' shares."""
    mask = predictions[0].argmax(axis=0).astype(np.uint8)
    counts = np.bincount(mask.reshape(-1), minlength=len(signature.labels))
    return {
        "mask": _encode_base64(image_codec.encode_mask_png(mask)),
        "size": list(mask.shape),
        "area": {label: float(count / mask.size) for label, count in zip(signature.labels, counts, strict=True)},
    }


def segmentation_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare the masks pixel by pixel; the shares may differ by as much."""
    if mismatch := first_difference(without_keys(expected, "mask", "area"), without_keys(found, "mask", "area"), 0.0):
        return mismatch
    tolerance = max(1 / math.prod(expected["size"]), MASK_PIXEL_TOLERANCE)
    return mask_difference(expected["mask"], found["mask"]) or first_difference(
        expected["area"], found["area"], tolerance
    )
