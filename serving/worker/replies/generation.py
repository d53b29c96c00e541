"""Generation: drawn images as PNG."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from serving.worker.image_codec import encode_pixels
from serving.worker.signature import Signature


def build_generation_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the samples (R, H, W) or (R, H, W, C) as PNGs, and the seed they were drawn from if there was one."""
    return {"samples": [encode_pixels(sample) for sample in predictions], **extras}
