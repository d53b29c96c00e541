"""Image decoding: one file -> pixels, trusting nothing about it.

What is too large is known from the header, before anything is unfolded. Transparent pixels are laid over black, the
camera's orientation mark (EXIF) is honoured and grey is ITU-R 601 luma, exactly as the served model does it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.files.listing import Medium
from pipelines.sources.files.skipped import UnreadableFile

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PILLOW_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
EXTENSIONS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp")
UNSUPPORTED_EXTENSIONS = (
    ".heic",
    ".heif",
    ".avif",
    ".jp2",
    ".svg",
    ".psd",
    ".dcm",
    ".raw",
    ".dng",
    ".cr2",
    ".nef",
    ".eps",
    ".ico",
)
IMAGES = Medium("image", EXTENSIONS, UNSUPPORTED_EXTENSIONS)
GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
MODES = (*GREY_MODES, "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB")
MAX_PIXELS = 100_000_000  # pixels of one picture
EXIF_ORIENTATION_TAG = 0x0112  # EXIF's number for the camera's mark
ROTATED_ORIENTATIONS, TRANSPOSED_ORIENTATIONS = (
    range(2, 9),
    range(5, 9),
)  # marks of images that are not upright, and that lie on their side


class ImageHeader(NamedTuple):
    height: int  # of the upright picture
    width: int
    grey: bool


class DecodedImage(NamedTuple):
    """A picture as it is stored: uint8 (H, W), or (H, W, 3) if coloured."""

    pixels: NDArray[np.uint8]
    conversions: tuple[str, ...]  # keys of CONVERSIONS
    max_level: int  # of a picture with 16 bits, the largest value; 0 of others


CONVERSIONS = {
    "turned": "Turned upright as the camera's mark (EXIF) says",
    "transparent": "Partly transparent, laid over black as the served model does",
    "first": "Of several frames or pages, the first was taken",
    "deep": "Scaled from 16 bits to 8 (0..65535 to 0..255)",
    "greyed": "Turned from colour to grey (ITU-R 601)",
    "resized": "Brought from another size to this one",
}


def read_header(path: Path) -> ImageHeader:
    """Read what a picture's header says; no pixel is decoded.

    Raises:
        Unfit: there is no such file, it is empty, no picture, or too large.
    """
    with open_image(path) as picture:
        width, height = picture.size
        # Asking would decode all of a PNG; and of a TIFF, Pillow gives the upright size.
        has_exif = picture.format != "TIFF" and (picture.format != "PNG" or "exif" in picture.info)
        if has_exif and picture.getexif().get(EXIF_ORIENTATION_TAG) in TRANSPOSED_ORIENTATIONS:
            width, height = height, width
        return ImageHeader(height, width, _is_grey(picture))


def decode_image(path: Path, size: tuple[int, int] | None, grey: bool, fit: str) -> DecodedImage:
    """Decode a picture and bring it to a size (H, W), or leave it as large as it is.

    Raises:
        Unfit: as `header`, or the file is damaged or cut off.
    """
    with open_image(path) as picture:
        conversions = ["first"] if getattr(picture, "is_animated", False) else []
        if picture.format == "JPEG" and size is not None:
            picture.draft(picture.mode, (2 * max(size), 2 * max(size)))  # decodes a large one coarser, much faster
        if picture.getexif().get(EXIF_ORIENTATION_TAG) in ROTATED_ORIENTATIONS:
            conversions.append("turned")
        picture.load()  # turns a TIFF
        oriented = apply_orientation(picture)
        flat, max_level = _flatten_to_8_bit(oriented, conversions)
        if grey and not _is_grey(oriented):
            conversions.append("greyed")
        result = flat.convert("L" if grey else "RGB")
        if size is not None and result.size != size[::-1]:
            conversions.append("resized")
            result = FIT_METHODS[fit](result, size[1], size[0])
        return DecodedImage(np.array(result, dtype=np.uint8), tuple(conversions), max_level)


@contextmanager
def open_image(path: Path) -> "Iterator[Picture]":
    """Open a picture; whatever goes wrong with it inside the block becomes `Unfit`. Paths are not in its words."""
    from PIL import Image, UnidentifiedImageError

    try:
        _check_file(path)
        # A stream, not a path: given a path, Pillow 13.0.0 maps an unpacked TIFF with height and width exchanged, and
        # scrambles its pixels, if its mark says that it lies on its side.
        with path.open("rb") as stream, Image.open(stream, formats=PILLOW_FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise UnreadableFile(_too_large_error(picture.width * picture.height))
            if picture.mode not in MODES:
                raise UnreadableFile(
                    f"its pixels are 32-bit numbers (mode {picture.mode}): nothing says what black and white is"
                )
            yield picture
    except (UnreadableFile, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise UnreadableFile(_too_large_error(2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS))) from None
    except UnidentifiedImageError:
        raise UnreadableFile(f"is no picture of a kind that is read here ({', '.join(PILLOW_FORMATS)})") from None
    except PermissionError:
        raise UnreadableFile("may not be read (no permission)") from None
    except Exception as error:  # Pillow's decoders raise many kinds for damaged files
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFile(f"is damaged or cut off ({' '.join(what.split())[:100]})") from None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise UnreadableFile("is a folder, not a file")
    if not path.is_file():  # a pipe would be waited for without end
        raise UnreadableFile("is a link to nothing" if path.is_symlink() else "there is no such file")
    if not path.stat().st_size:
        raise UnreadableFile("is empty (0 bytes)")
    if path.suffix.lower() in UNSUPPORTED_EXTENSIONS:
        raise UnreadableFile(f"{path.suffix.lower()} is not read here; save it as PNG or JPEG")


def _too_large_error(pixels: int) -> str:
    return f"would unfold to {pixels // 10**6} million pixels or more; at most {MAX_PIXELS // 10**6} million are read"


def _is_grey(picture: "Picture") -> bool:
    if picture.mode not in ("P", "PA"):
        return picture.mode in GREY_MODES
    palette = np.array(picture.getpalette("RGB") or [0], dtype=np.uint8)
    return len(palette) >= 3 and bool((palette.reshape(-1, 3) == palette.reshape(-1, 3)[:, :1]).all())


def apply_orientation(picture: "Picture") -> "Picture":
    """As the camera's mark says it was held."""
    from PIL import ImageOps

    return (
        ImageOps.exif_transpose(picture)
        if picture.getexif().get(EXIF_ORIENTATION_TAG) in ROTATED_ORIENTATIONS
        else picture
    )


def _flatten_to_8_bit(picture: "Picture", conversions: list[str]) -> "tuple[Picture, int]":
    """Without transparency and with 8 bits; and the largest value of a picture that has 16."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        deep = np.array(picture).astype(np.uint32)  # (H, W)
        conversions.append("deep")
        return Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8)), int(deep.max())
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        if clear.getchannel("A").getextrema() != (255, 255):
            conversions.append("transparent")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "black"), clear), 0
    return picture, 0


def _fit_stretched(picture: "Picture", width: int, height: int) -> "Picture":
    from PIL import Image

    return picture.resize((width, height), Image.Resampling.BILINEAR)  # averages when it shrinks, never overshoots


def _fit_contained(picture: "Picture", width: int, height: int) -> "Picture":
    """Keep the shape; the rest has the median colour of the picture's border."""
    from PIL import Image

    factor = min(width / picture.width, height / picture.height)
    wide, high = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    inner = _fit_stretched(picture, wide, high)
    if inner.size == (width, height):
        return inner
    pixels = np.array(inner).reshape(high, wide, -1)  # (H, W, C)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (2W + 2H, C)
    colour = tuple(int(level) for level in np.median(border, axis=0))
    canvas = Image.new(picture.mode, (width, height), colour if len(colour) > 1 else colour[0])
    canvas.paste(inner, ((width - wide) // 2, (height - high) // 2))
    return canvas


def _fit_cropped(picture: "Picture", width: int, height: int) -> "Picture":
    """Keep the shape; what juts out on both sides is cut off."""
    from PIL import Image, ImageOps

    return ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)


FIT_METHODS: "dict[str, Callable[[Picture, int, int], Picture]]" = {
    "contain": _fit_contained,  # all of the picture, in its shape, with a border
    "stretch": _fit_stretched,  # all of the picture, out of shape
    "crop": _fit_cropped,  # the middle of the picture, in its shape
}


def resize_mask(codes: NDArray[np.uint8], size: tuple[int, int], fit: str) -> NDArray[np.uint8]:
    """Bring the classes of a mask (H, W) to a size as its image was, without mixing any."""
    from PIL import Image, ImageOps

    mask, target = Image.fromarray(codes), size[::-1]
    if fit == "crop":
        return np.array(ImageOps.fit(mask, target, Image.Resampling.NEAREST))
    return np.array(mask.resize(target, Image.Resampling.NEAREST))
