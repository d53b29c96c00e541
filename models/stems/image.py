"""Image stem: standardised pixels, flattened or in rows as the network reads them.

Shapes: N images, B batch, H height, W width, C channels.
"""

from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.stems.column import ColumnSpec, InputType

MAX_CHUNK_ELEMENTS = 2**22  # numbers counted at a time, which bounds the memory that fitting takes


@final
class ImageStem(nn.Module):
    """Standardisation of pixels: (value - mean) / scale, one mean and one scale per channel.

    One pair per channel rather than per pixel: neighbours stay comparable, which is what a convolution relies on, and
    a corner that was always black in training cannot blow up a stray mark later.

    Args:
        columns: one image, stored (H, W) or (H, W, C).
        input_type: "image" gives (B, C, H, W), "vector" gives (B, C * H * W), "sequence" reads the image row by row,
            (B, H, W * C + 1): the last number of a step says that the row is present.

    Attributes:
        input_shape: of one example as the network reads it, without B.
        mean: in grey levels, (C,).
        scale: standard deviation in grey levels, (C,); 1 for a channel that never changes.

    Raises:
        ValueError: if the shape is not that of an image.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        (column,) = columns
        shape = column.shape
        if len(shape) not in (2, 3) or min(shape) < 1:
            raise ValueError(f"an image has the shape (height, width) or (height, width, channels), got {shape}")
        height, width, channels = (*shape, 1)[:3]
        self.is_grey = len(shape) == 2  # stored without a channel axis
        self.input_type = input_type
        shapes: dict[InputType, tuple[int, ...]] = {
            "image": (channels, height, width),
            "vector": (channels * height * width,),
            "sequence": (height, width * channels + 1),
        }
        self.input_shape = shapes[input_type]
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Fit mean and scale to the images of the train part, uint8 (N, H, W) or (N, H, W, C)."""
        (images,) = arrays
        if images.dtype != np.uint8 or not len(images):
            raise ValueError(f"pixels are fitted on one or more uint8 images, got {len(images)} of {images.dtype}")
        grey_levels = np.arange(256.0)
        images_per_chunk = max(1, MAX_CHUNK_ELEMENTS // images[0].size)
        for channel in range(len(self.mean)):
            pixels = images if self.is_grey else images[..., channel]
            counts = np.zeros(256, dtype=np.int64)  # histogram: exact, whatever the order of rows
            for start in range(0, len(pixels), images_per_chunk):
                counts += np.bincount(pixels[start : start + images_per_chunk].ravel(), minlength=256)
            share = counts / counts.sum()
            mean = float((share * grey_levels).sum())
            scale = float((share * (grey_levels - mean) ** 2).sum()) ** 0.5
            self.mean[channel] = mean
            self.scale[channel] = scale if scale > 0 else 1.0

    def forward(self, image: Tensor) -> Tensor:
        x = image.unsqueeze(1) if self.is_grey else image.permute(0, 3, 1, 2)  # (B, C, H, W)
        x = (x.to(self.mean.dtype) - self.mean[:, None, None]) / self.scale[:, None, None]
        if self.input_type == "vector":
            return x.flatten(1)  # (B, C * H * W)
        if self.input_type == "sequence":
            rows = x.permute(0, 2, 3, 1).flatten(2)  # (B, H, W * C)
            return torch.cat([rows, torch.ones_like(rows[:, :, :1])], 2)  # (B, H, W * C + 1)
        return x
