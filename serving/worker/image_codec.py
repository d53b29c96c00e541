"""Image codec: PNG and JPEG bytes to pixels and back, safe for bytes from anywhere.

The size is read from the header and compared before any pixel is decoded, so a small file that would unfold
to gigabytes never does; a field whose pictures training brought to one size takes any that are not too large.
Colour becomes the signature's mode as Pillow converts it (grey: ITU-R 601 luma); transparent pixels
are laid over black first; the orientation mark of a camera (EXIF) is honoured.
"""

import base64
import warnings
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from serving.worker.photograph import DEEP_MODES, MAX_PIXELS, fit_photograph
from serving.worker.request_error import RequestError
from serving.worker.signature import Field

PNG, JPEG = "image/png", "image/jpeg"
MAGIC_BYTES = {PNG: b"\x89PNG\r\n\x1a\n", JPEG: b"\xff\xd8\xff"}
END_MARKERS = {PNG: b"IEND\xaeB`\x82", JPEG: b"\xff\xd9"}
PILLOW_FORMATS = ("PNG", "JPEG")
EIGHT_BIT_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr")  # Pillow's names
PNG_BIT_DEPTH_OFFSET = 24  # offset of the byte in a PNG's header that holds the bits per channel


def detect_media_type(content: bytes) -> str | None:
    """Detect PNG or JPEG by the first bytes; None for anything else."""
    return next((name for name, start in MAGIC_BYTES.items() if content.startswith(start)), None)


def decode_image(content: bytes, field: Field, where: str) -> NDArray[Any]:
    """Decode an image to the field's shape (H, W) or (H, W, C), uint8.

    Raises:
        RequestError: the bytes are no image of an accepted media type, bit depth and size, or are damaged.
    """
    accepted = field.decode_options["media"]
    found = detect_media_type(content)
    if found is None or found not in accepted:
        what = found or f"{len(content)} bytes that are neither PNG nor JPEG"
        raise RequestError(400, f"{where}: expected a picture as {' or '.join(accepted)}, found {what}")
    if END_MARKERS[found] not in content:
        raise RequestError(400, f"{where}: expected a whole picture, found one that is cut off ({len(content)} bytes)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            return _decode_pixels(content, field, where)
    except RequestError:
        raise
    except Image.DecompressionBombError as error:
        raise RequestError(400, f"{where}: expected {_describe_size(field)}, found one too large to be read") from error
    except UnidentifiedImageError as error:
        raise RequestError(400, f"{where}: expected a readable picture, found one with a damaged header") from error
    except Exception as error:  # Pillow's decoders raise many kinds for damaged files
        raise RequestError(400, f"{where}: expected a readable picture, found one that is damaged ({error})") from error


def _decode_pixels(content: bytes, field: Field, where: str) -> NDArray[Any]:
    height, width = field.shape[:2]
    with Image.open(BytesIO(content), formats=PILLOW_FORMATS) as image:
        is_fitted = "fit" in field.decode_options  # training brought pictures of any size to this one
        if is_fitted:
            _check_pixel_count(image, where)
        else:
            _check_size(image, {(width, height), (height, width)}, field, where)  # checked again once it is upright
        _check_depth(image, content, where, allow_deep=is_fitted)
        frames = getattr(image, "n_frames", 1)
        if frames != 1:
            raise RequestError(400, f"{where}: expected one still picture, found {frames} frames")
        if is_fitted:
            return fit_photograph(image, field)
        upright = ImageOps.exif_transpose(image)
        _check_size(upright, {(width, height)}, field, where)
        if upright.has_transparency_data:
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright.convert("RGBA"))
        pixels = np.asarray(upright.convert(field.decode_options["mode"]), dtype=field.dtype)
    return pixels.reshape(field.shape)


def _check_size(image: Image.Image, sizes: set[tuple[int, int]], field: Field, where: str) -> None:
    if image.size not in sizes:
        width, height = image.size
        raise RequestError(400, f"{where}: expected {_describe_size(field)}, found {width} wide and {height} high")


def _check_pixel_count(image: Image.Image, where: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise RequestError(
            413,
            f"{where}: expected a picture of at most {MAX_PIXELS} pixels, found {image.width} wide and {image.height} "
            "high",
        )


def _check_depth(image: Image.Image, content: bytes, where: str, *, allow_deep: bool) -> None:
    is_deep = content.startswith(MAGIC_BYTES[PNG]) and content[PNG_BIT_DEPTH_OFFSET] > 8
    if allow_deep and image.mode in (*EIGHT_BIT_MODES, *DEEP_MODES):
        return
    if image.mode not in EIGHT_BIT_MODES or is_deep:
        raise RequestError(400, f"{where}: expected 8 bits per channel, found more (16-bit pictures are not read)")


def _describe_size(field: Field) -> str:
    return f"a picture {field.shape[1]} pixels wide and {field.shape[0]} high"


def encode_png(pixels: NDArray[Any]) -> bytes:
    """Encode uint8 (H, W) or (H, W, C) as a PNG, without loss."""
    grey = pixels.ndim == 3 and pixels.shape[2] == 1
    return _png_bytes(Image.fromarray(pixels[..., 0] if grey else pixels))


def encode_pixels(levels: NDArray[Any]) -> dict[str, str]:
    """Encode grey levels or colours (H, W) or (H, W, C), rounded and clipped to 0 to 255, as base64 of a PNG."""
    return encode_base64(encode_png(np.clip(np.rint(levels), 0, 255).astype(np.uint8)))


def encode_mask_png(mask: NDArray[Any]) -> bytes:
    """Encode class numbers uint8 (H, W) as a PNG whose pixels are the numbers, with a colour for each."""
    image = Image.fromarray(mask)
    image.putpalette([level for number in range(256) for level in class_colour(number)])
    return _png_bytes(image)


def class_colour(number: int) -> tuple[int, int, int]:
    """The colour of a class in a mask, (red, green, blue), unlike those of other classes: class 0 is black.

    The colours of the PASCAL VOC masks (Everingham et al., "The PASCAL Visual Object Classes Challenge", 2010):
    the bits of the number, spread over the channels.
    """
    levels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            levels[channel] |= (number >> (3 * place + channel) & 1) << (7 - place) if 3 * place + channel < 8 else 0
    return levels[0], levels[1], levels[2]


def _png_bytes(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def encode_base64(content: bytes) -> dict[str, str]:
    """Wrap bytes as JSON holds them: `{"b64": "..."}`."""
    return {"b64": base64.b64encode(content).decode()}
