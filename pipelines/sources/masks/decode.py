"""What the pixels of masks say: numbers or colours -> classes. K classes.

A value is one whole number, whatever kind of file it comes from: a colour is 0xRRGGBB, a number up to 255 is the grey
of that level, and a larger one (of 16 bits) stands above all colours. So the values sort as a person would.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.images.decode import GREY, opened, upright

GREYS = 0x010101  # times a level: the colour of that grey
DEEP = 0x1000000  # plus a number above 255


class Mask(NamedTuple):
    """One mask as it stands in its file."""

    pixels: NDArray[np.int64]  # (H, W), numbers or colours
    colours: bool

    def values(self) -> NDArray[np.int64]:
        """The different values, sorted."""
        if self.colours:
            return np.unique(self.pixels)
        return valued(np.flatnonzero(np.bincount(self.pixels.ravel())))

    def classes(self, known: NDArray[np.int64], codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The class of every pixel, (H, W), of values that are `known` (K,), sorted, and stand for `codes` (K,)."""
        if self.colours:
            return codes[np.searchsorted(known, self.pixels)]
        numbers = np.arange(int(self.pixels.max()) + 1)
        table = codes[np.searchsorted(known, valued(numbers)).clip(max=len(known) - 1)]
        classes: NDArray[np.uint8] = table[self.pixels]
        return classes


def read_mask(path: Path, by_number: bool) -> Mask:
    """Read one mask, upright.

    Levels of grey are numbers, of 8 or 16 bits; anything else is colours, and transparent pixels are black. The
    numbers of a palette count only `by_number`, because two files may order the same colours differently.

    Raises:
        Unfit: the file cannot be read.
    """
    with opened(path) as picture:
        picture.load()
        turned = upright(picture)
        if turned.mode.startswith("I;16") or (turned.mode == "P" and by_number):
            return Mask(np.array(turned).astype(np.int64), colours=False)
        if turned.mode in GREY and not turned.has_transparency_data:
            return Mask(np.array(turned.convert("L")).astype(np.int64), colours=False)
        red, green, blue, alpha = np.array(turned.convert("RGBA")).astype(np.int64).transpose(2, 0, 1)  # (H, W) each
        return Mask((red << 16 | green << 8 | blue) * (alpha > 0), colours=True)


def valued(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers as values."""
    return np.where(numbers < 256, numbers * GREYS, numbers + DEEP)


def said(value: int) -> str:
    """What a value is called: 255, or colour #ff0000."""
    if value >= DEEP:
        return str(value - DEEP)
    return str(value % 256) if value % 256 * GREYS == value else f"colour #{value:06x}"


def value(stated: int | str) -> int:
    """The value that the settings state: a number, or a colour as "#rrggbb"."""
    return int(stated[1:], 16) if isinstance(stated, str) else int(valued(np.array(stated)))


def stated(classes: Any) -> Any:
    """`{cell: 1, wall: "#ff0000", rest: [0, 0, 0]}` of the settings as pairs of a name and a number or "#rrggbb".

    Raises:
        ValueError: something is no value of a pixel, or stands twice.
    """
    if not isinstance(classes, Mapping):
        return classes
    pairs = tuple((str(name), _stated(name, one)) for name, one in classes.items())
    if not 2 <= len(pairs) <= 256:
        raise ValueError(f"must name 2 to 256 classes, found {len(pairs)}")
    values = [value(one) for _, one in pairs]
    if twice := [name for name, one in pairs if values.count(value(one)) > 1]:
        raise ValueError(f"a value of a pixel stands for one class, but {' and '.join(twice[:3])} have the same")
    return pairs


def _stated(name: object, one: Any) -> int | str:
    if type(one) is int and 0 <= one < 65536:
        return one
    if isinstance(one, str) and re.fullmatch("#[0-9a-fA-F]{6}", one):
        return one.lower()
    if (
        isinstance(one, list | tuple)
        and len(one) == 3
        and all(type(level) is int and 0 <= level < 256 for level in one)
    ):
        return "#" + bytes(one).hex()
    raise ValueError(
        f'{name}: must be a number of 0 to 65535, a colour in quotes such as "#ff0000", or [red, green, blue] of 0 to '
        f"255, found {one!r}"
    )
