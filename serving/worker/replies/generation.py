"""Generation replies: sampled images as PNG, and their seed."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from serving.worker.image_codec import encode_pixels
from serving.worker.signature import Signature


def build_generation_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the reply from samples (R, H, W) or (R, H, W, C); with the seed, unless the request gave the noise."""
    return {"samples": [encode_pixels(sample) for sample in predictions], **extras}
