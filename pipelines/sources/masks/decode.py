"""Mask decoding: grey levels or colours -> class codes. K classes.

A value is one whole number, whatever kind of file it comes from: a colour is 0xRRGGBB, a number up to 255 is the grey
of that level, and a larger one (of 16 bits) stands above all colours. So the values sort as a person would.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.images.decode import GREY_MODES, apply_orientation, open_image

GREY_TO_RGB_FACTOR = 0x010101  # times a level: the colour of that grey
NUMBER_OFFSET_ABOVE_RGB = 0x1000000  # plus a number above 255


class Mask(NamedTuple):
    """One mask as it stands in its file."""

    pixels: NDArray[np.int64]  # (H, W), numbers or colours
    colours: bool

    def distinct_values(self) -> NDArray[np.int64]:
        """The different values, sorted."""
        if self.colours:
            return np.unique(self.pixels)
        return grey_to_value(np.flatnonzero(np.bincount(self.pixels.ravel())))

    def to_class_codes(self, known: NDArray[np.int64], codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The class of every pixel, (H, W), of values that are `known` (K,), sorted, and stand for `codes` (K,)."""
        if self.colours:
            return codes[np.searchsorted(known, self.pixels)]
        numbers = np.arange(int(self.pixels.max()) + 1)
        lookup = codes[np.searchsorted(known, grey_to_value(numbers)).clip(max=len(known) - 1)]
        class_codes: NDArray[np.uint8] = lookup[self.pixels]
        return class_codes


def read_mask(path: Path, use_palette_indices: bool) -> Mask:
    """Read one mask, upright.

    Levels of grey are numbers, of 8 or 16 bits; anything else is colours, and transparent pixels are black. The
    numbers of a palette count only `by_number`, because two files may order the same colours differently.

    Raises:
        Unfit: the file cannot be read.
    """
    with open_image(path) as picture:
        picture.load()
        oriented = apply_orientation(picture)
        if oriented.mode.startswith("I;16") or (oriented.mode == "P" and use_palette_indices):
            return Mask(np.array(oriented).astype(np.int64), colours=False)
        if oriented.mode in GREY_MODES and not oriented.has_transparency_data:
            return Mask(np.array(oriented.convert("L")).astype(np.int64), colours=False)
        red, green, blue, alpha = np.array(oriented.convert("RGBA")).astype(np.int64).transpose(2, 0, 1)  # (H, W) each
        return Mask((red << 16 | green << 8 | blue) * (alpha > 0), colours=True)


def grey_to_value(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers as values."""
    return np.where(numbers < 256, numbers * GREY_TO_RGB_FACTOR, numbers + NUMBER_OFFSET_ABOVE_RGB)


def format_pixel_value(value: int) -> str:
    """What a value is called: 255, or colour #ff0000."""
    if value >= NUMBER_OFFSET_ABOVE_RGB:
        return str(value - NUMBER_OFFSET_ABOVE_RGB)
    return str(value % 256) if value % 256 * GREY_TO_RGB_FACTOR == value else f"colour #{value:06x}"


def parse_pixel_value(setting: int | str) -> int:
    """The value that the settings state: a number, or a colour as "#rrggbb"."""
    return int(setting[1:], 16) if isinstance(setting, str) else int(grey_to_value(np.array(setting)))


def parse_classes(classes: Any) -> Any:
    """`{cell: 1, wall: "#ff0000", rest: [0, 0, 0]}` of the settings as pairs of a name and a number or "#rrggbb".

    Raises:
        ValueError: something is no value of a pixel, or stands twice.
    """
    if not isinstance(classes, Mapping):
        return classes
    pairs = tuple((str(name), _check_pixel_value(name, one)) for name, one in classes.items())
    if not 2 <= len(pairs) <= 256:
        raise ValueError(f"must name 2 to 256 classes, found {len(pairs)}")
    values = [parse_pixel_value(one) for _, one in pairs]
    if twice := [name for name, one in pairs if values.count(parse_pixel_value(one)) > 1]:
        raise ValueError(f"a value of a pixel stands for one class, but {' and '.join(twice[:3])} have the same")
    return pairs


def _check_pixel_value(name: object, setting: Any) -> int | str:
    if type(setting) is int and 0 <= setting < 65536:
        return setting
    if isinstance(setting, str) and re.fullmatch("#[0-9a-fA-F]{6}", setting):
        return setting.lower()
    if (
        isinstance(setting, list | tuple)
        and len(setting) == 3
        and all(type(level) is int and 0 <= level < 256 for level in setting)
    ):
        return "#" + bytes(setting).hex()
    raise ValueError(
        f'{name}: must be a number of 0 to 65535, a colour in quotes such as "#ff0000", or [red, green, blue] of 0 to '
        f"255, found {setting!r}"
    )
