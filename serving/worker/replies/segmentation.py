"""Segmentation replies: a PNG of class numbers, and each class's share of the area."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.image_codec import encode_base64, encode_mask_png
from serving.worker.signature import Signature


def build_segmentation_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the reply from class probabilities (1, K, H, W): every pixel gets its most probable class."""
    mask = predictions[0].argmax(axis=0).astype(np.uint8)
    counts = np.bincount(mask.reshape(-1), minlength=len(signature.labels))
    return {
        "mask": encode_base64(encode_mask_png(mask)),
        "size": list(mask.shape),
        "area": {label: float(count / mask.size) for label, count in zip(signature.labels, counts, strict=True)},
    }
