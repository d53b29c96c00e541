"""Generation: drawn images as PNG."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from serving.worker.image_codec import picture
from serving.worker.signature import Signature


def write_samples(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give the samples (R, H, W) or (R, H, W, C) as PNGs, and the seed they were drawn from if there was one."""
    return {"samples": [picture(sample) for sample in answers], **said}
