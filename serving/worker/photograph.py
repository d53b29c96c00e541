"""Photographs of any size: decoded, turned upright and brought to a field's colour and size as in training.

Training has the same steps in pipelines/sources/images/decode.py, and a test compares the two pixel by pixel.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from serving.worker.signature import Field

MAX_PIXELS = 50_000_000  # of one photograph; known from its header, before any is decoded
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N")  # 16 bits of grey


def fit_photograph(image: Image.Image, field: Field) -> NDArray[Any]:
    """Decode an opened photograph to the field's shape (H, W) or (H, W, C), uint8."""
    height, width = field.shape[:2]
    if image.format == "JPEG":
        image.draft(image.mode, (2 * max(height, width), 2 * max(height, width)))  # decodes a large one coarser
    image.load()
    result = _flatten_to_8_bit(ImageOps.exif_transpose(image)).convert(field.decode_options["mode"])
    if result.size != (width, height):
        result = FIT_METHODS[field.decode_options["fit"]](result, width, height)
    return np.array(result, dtype=np.uint8).reshape(field.shape)


def _flatten_to_8_bit(image: Image.Image) -> Image.Image:
    """Without transparency and with 8 bits."""
    if image.mode in DEEP_MODES:
        deep = np.array(image).astype(np.uint32)  # (H, W)
        return Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "black"), clear)
    return image


def _fit_stretched(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _fit_contained(image: Image.Image, width: int, height: int) -> Image.Image:
    """Keep the shape; the rest has the median colour of the photograph's border."""
    factor = min(width / image.width, height / image.height)
    wide, high = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    inner = _fit_stretched(image, wide, high)
    if inner.size == (width, height):
        return inner
    pixels = np.array(inner).reshape(high, wide, -1)  # (H, W, C)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (2W + 2H, C)
    colour = tuple(int(level) for level in np.median(border, axis=0))
    canvas = Image.new(image.mode, (width, height), colour if len(colour) > 1 else colour[0])
    canvas.paste(inner, ((width - wide) // 2, (height - high) // 2))
    return canvas


def _fit_cropped(image: Image.Image, width: int, height: int) -> Image.Image:
    """Keep the shape; what juts out on both sides is cut off."""
    return ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)


FIT_METHODS: dict[str, Callable[[Image.Image, int, int], Image.Image]] = {
    "contain": _fit_contained,
    "stretch": _fit_stretched,
    "crop": _fit_cropped,
}
