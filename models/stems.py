"""The first step of every model: raw columns in, what a network reads out.

A stem is part of the exported graph, so that what is served receives the data as it is stored. It is fitted on the
train part only, and holds what it learned there as buffers.

Shapes: B batch, H height, W width, C channels.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

Reads = Literal["vector", "image", "sequence"]

BLOCK = 4096  # images counted at a time, which bounds the memory that fitting takes


class ImageStem(nn.Module):
    """Pixels of 0 to 255 to numbers around 0: (value - mean) / scale, one mean and one scale per channel.

    One pair per channel rather than per pixel: neighbours stay comparable, which is what a convolution relies on, and
    a corner that was always black in training cannot blow up a stray mark when served.

    Args:
        shape: of one stored image, (H, W) or (H, W, C).
        reads: "image" gives (B, C, H, W), "vector" gives (B, C * H * W).

    Attributes:
        inputs: shape of one example as the network receives it, without B.
        mean: in grey levels, (C,).
        scale: standard deviation in grey levels, (C,); 1 for a channel that never changes.

    Raises:
        ValueError: if the shape is not that of an image, or an image cannot be read that way.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], reads: Reads) -> None:
        super().__init__()
        if len(shape) not in (2, 3) or min(shape) < 1:
            raise ValueError(f"an image has the shape (height, width) or (height, width, channels), got {shape}")
        if reads not in ("image", "vector"):
            raise ValueError(f"an image can be read as an image or as a vector, got {reads!r}")
        height, width, channels = (*shape, 1)[:3]
        self.grey = len(shape) == 2  # stored without an axis for its one channel
        self.flat = reads == "vector"
        self.inputs: tuple[int, ...] = (channels * height * width,) if self.flat else (channels, height, width)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    @classmethod
    def fit(cls, images: np.ndarray, reads: Reads) -> "ImageStem":
        """Learn mean and scale from the images of the train part, uint8 (N, H, W) or (N, H, W, C)."""
        if images.dtype != np.uint8 or not len(images):
            raise ValueError(f"pixels are fitted on one or more uint8 images, got {len(images)} of {images.dtype}")
        stem = cls(images.shape[1:], reads)
        levels = np.arange(256.0)
        for channel in range(len(stem.mean)):
            pixels = images if stem.grey else images[..., channel]
            counts = np.zeros(256, dtype=np.int64)  # how often each level occurs: exact, whatever the order of rows
            for start in range(0, len(pixels), BLOCK):
                counts += np.bincount(pixels[start : start + BLOCK].ravel(), minlength=256)
            share = counts / counts.sum()
            mean = float((share * levels).sum())
            scale = float((share * (levels - mean) ** 2).sum()) ** 0.5
            stem.mean[channel] = mean
            stem.scale[channel] = scale if scale > 0 else 1.0
        return stem

    def forward(self, image: Tensor) -> Tensor:
        x = image.unsqueeze(1) if self.grey else image.permute(0, 3, 1, 2)  # (B, C, H, W)
        x = (x.to(self.mean.dtype) - self.mean[:, None, None]) / self.scale[:, None, None]
        return x.flatten(1) if self.flat else x  # (B, C * H * W) if flat


class Model(nn.Module):
    """A stem and a network, which train, travel and answer together: forward(*raw columns) -> (B, O)."""

    def __init__(self, stem: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs: Tensor = self.network(self.stem(*inputs))
        return outputs


# What kind of column -> the stem that reads it: (shape of one example, what the network reads) -> stem
STEMS: dict[str, type[ImageStem]] = {
    "image": ImageStem,  # pixels, grey or colour
}
