"""One picture file -> pixels, trusting nothing about it.

What is too large is known from the header, before anything is unfolded. Transparent pixels are laid over black, the
camera's orientation mark (EXIF) is honoured and grey is ITU-R 601 luma, exactly as the served model does it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp")
FOREIGN = (".heic", ".heif", ".avif", ".jp2", ".svg", ".psd", ".dcm", ".raw", ".dng", ".cr2", ".nef", ".eps", ".ico")
GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N")
MODES = (*GREY, "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB")
MOST = 100_000_000  # pixels of one picture
ORIENTATION = 0x0112  # EXIF's number for the camera's mark
TURNED, LYING = range(2, 9), range(5, 9)  # marks of images that are not upright, and that lie on their side


class Unfit(Exception):
    """Why a file cannot be used."""


class Header(NamedTuple):
    height: int  # of the upright picture
    width: int
    grey: bool


class Read(NamedTuple):
    """A picture as it is stored: uint8 (H, W), or (H, W, 3) if coloured."""

    pixels: NDArray[np.uint8]
    treatments: tuple[str, ...]  # rows of TREATMENTS
    lightest: int  # of a picture with 16 bits, the largest value; 0 of others


TREATMENTS = {
    "turned": "Turned upright as the camera's mark (EXIF) says",
    "transparent": "Partly transparent, laid over black as the served model does",
    "first": "Of several frames or pages, the first was taken",
    "deep": "Scaled from 16 bits to 8 (0..65535 to 0..255)",
    "greyed": "Turned from colour to grey (ITU-R 601)",
    "resized": "Brought from another size to this one",
}


def header(path: Path) -> Header:
    """Read what a picture's header says; no pixel is decoded.

    Raises:
        Unfit: there is no such file, it is empty, no picture, or too large.
    """
    with opened(path) as picture:
        width, height = picture.size
        # Asking would decode all of a PNG; and of a TIFF, Pillow gives the upright size.
        marked = picture.format != "TIFF" and (picture.format != "PNG" or "exif" in picture.info)
        if marked and picture.getexif().get(ORIENTATION) in LYING:
            width, height = height, width
        return Header(height, width, _is_grey(picture))


def read(path: Path, size: tuple[int, int] | None, grey: bool, fit: str) -> Read:
    """Decode a picture and bring it to a size (H, W), or leave it as large as it is.

    Raises:
        Unfit: as `header`, or the file is damaged or cut off.
    """
    with opened(path) as picture:
        treatments = ["first"] if getattr(picture, "is_animated", False) else []
        if picture.format == "JPEG" and size is not None:
            picture.draft(picture.mode, (2 * max(size), 2 * max(size)))  # decodes a large one coarser, much faster
        if picture.getexif().get(ORIENTATION) in TURNED:
            treatments.append("turned")
        picture.load()  # turns a TIFF
        turned = upright(picture)
        flat, lightest = _flat(turned, treatments)
        if grey and not _is_grey(turned):
            treatments.append("greyed")
        result = flat.convert("L" if grey else "RGB")
        if size is not None and result.size != size[::-1]:
            treatments.append("resized")
            result = FITS[fit](result, size[1], size[0])
        return Read(np.array(result, dtype=np.uint8), tuple(treatments), lightest)


@contextmanager
def opened(path: Path) -> "Iterator[Picture]":
    """Open a picture; whatever goes wrong with it inside the block becomes `Unfit`. Paths are not in its words."""
    from PIL import Image, UnidentifiedImageError

    try:
        _check_file(path)
        # A stream, not a path: given a path, Pillow 13.0.0 maps an unpacked TIFF with height and width exchanged, and
        # scrambles its pixels, if its mark says that it lies on its side.
        with path.open("rb") as stream, Image.open(stream, formats=FORMATS) as picture:
            if picture.width * picture.height > MOST:
                raise Unfit(_large(picture.width * picture.height))
            if picture.mode not in MODES:
                raise Unfit(
                    f"its pixels are 32-bit numbers (mode {picture.mode}): nothing says what black and white is"
                )
            yield picture
    except (Unfit, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise Unfit(_large(2 * (Image.MAX_IMAGE_PIXELS or MOST))) from None
    except UnidentifiedImageError:
        raise Unfit(f"is no picture of a kind that is read here ({', '.join(FORMATS)})") from None
    except PermissionError:
        raise Unfit("may not be read (no permission)") from None
    except Exception as error:  # Pillow's decoders raise many kinds for damaged files
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unfit(f"is damaged or cut off ({' '.join(what.split())[:100]})") from None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise Unfit("is a folder, not a file")
    if not path.is_file():  # a pipe would be waited for without end
        raise Unfit("is a link to nothing" if path.is_symlink() else "there is no such file")
    if not path.stat().st_size:
        raise Unfit("is empty (0 bytes)")
    if path.suffix.lower() in FOREIGN:
        raise Unfit(f"{path.suffix.lower()} is not read here; save it as PNG or JPEG")


def _large(pixels: int) -> str:
    return f"would unfold to {pixels // 10**6} million pixels or more; at most {MOST // 10**6} million are read"


def _is_grey(picture: "Picture") -> bool:
    if picture.mode not in ("P", "PA"):
        return picture.mode in GREY
    palette = np.array(picture.getpalette("RGB") or [0], dtype=np.uint8)
    return len(palette) >= 3 and bool((palette.reshape(-1, 3) == palette.reshape(-1, 3)[:, :1]).all())


def upright(picture: "Picture") -> "Picture":
    """As the camera's mark says it was held."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture) if picture.getexif().get(ORIENTATION) in TURNED else picture


def _flat(picture: "Picture", treatments: list[str]) -> "tuple[Picture, int]":
    """Without transparency and with 8 bits; and the largest value of a picture that has 16."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        deep = np.array(picture).astype(np.uint32)  # (H, W)
        treatments.append("deep")
        return Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8)), int(deep.max())
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        if clear.getchannel("A").getextrema() != (255, 255):
            treatments.append("transparent")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "black"), clear), 0
    return picture, 0


def _stretch(picture: "Picture", width: int, height: int) -> "Picture":
    from PIL import Image

    return picture.resize((width, height), Image.Resampling.BILINEAR)  # averages when it shrinks, never overshoots


def _contain(picture: "Picture", width: int, height: int) -> "Picture":
    """Keep the shape; the rest has the median colour of the picture's border."""
    from PIL import Image

    factor = min(width / picture.width, height / picture.height)
    wide, high = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    inner = _stretch(picture, wide, high)
    if inner.size == (width, height):
        return inner
    pixels = np.array(inner).reshape(high, wide, -1)  # (H, W, C)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (2W + 2H, C)
    colour = tuple(int(level) for level in np.median(border, axis=0))
    canvas = Image.new(picture.mode, (width, height), colour if len(colour) > 1 else colour[0])
    canvas.paste(inner, ((width - wide) // 2, (height - high) // 2))
    return canvas


def _crop(picture: "Picture", width: int, height: int) -> "Picture":
    """Keep the shape; what juts out on both sides is cut off."""
    from PIL import Image, ImageOps

    return ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)


FITS: "dict[str, Callable[[Picture, int, int], Picture]]" = {
    "contain": _contain,  # all of the picture, in its shape, with a border
    "stretch": _stretch,  # all of the picture, out of shape
    "crop": _crop,  # the middle of the picture, in its shape
}


def nearest(codes: NDArray[np.uint8], size: tuple[int, int], fit: str) -> NDArray[np.uint8]:
    """Bring the classes of a mask (H, W) to a size as its image was, without mixing any."""
    from PIL import Image, ImageOps

    mask, target = Image.fromarray(codes), size[::-1]
    if fit == "crop":
        return np.array(ImageOps.fit(mask, target, Image.Resampling.NEAREST))
    return np.array(mask.resize(target, Image.Resampling.NEAREST))
