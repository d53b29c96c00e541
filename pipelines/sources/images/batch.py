"""Image batches: many image files -> one array, with the skipped files and the conversions reported."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field

from pipelines.data.dataset import Finding
from pipelines.sources.files.skipped import UnreadableFile
from pipelines.sources.images.decode import CONVERSIONS, ImageHeader

THREADS = 2
PREFETCH_FILES = 256  # files that are read ahead of the one that is used; bounds the memory of large pictures
MAX_DEFAULT_SIDE_PIXELS = 128  # pixels of a side, where the settings state no size
DARK_BELOW_LEVEL = 65535 // 4  # the lightest 16-bit value, below which three quarters of the levels are never used

A = TypeVar("A")
B = TypeVar("B")


def _parse_size(value: Any) -> Any:
    """`size: 64` means `size: [64, 64]`."""
    if isinstance(value, list):
        return tuple(value)
    return (value, value) if isinstance(value, int) else value


Side: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Size: TypeAlias = Annotated[tuple[Side, Side], BeforeValidator(_parse_size)]  # height, width
Colour: TypeAlias = Literal["grey", "rgb"]


def parallel_map(
    function: Callable[[A], B], items: Sequence[A], prefetch: int = PREFETCH_FILES
) -> Iterator[B | UnreadableFile]:
    """Do a piece of work on every item, two at a time; the results come in the items' order.

    What is unfit comes as the exception it raised. Pillow's warnings about odd files are not shown.
    """
    from PIL import Image

    def run_item(item: A) -> B | UnreadableFile:
        try:
            return function(item)
        except UnreadableFile as reason:
            return reason

    Image.init()  # all formats now: two threads would do it at once
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(items), prefetch):
            yield from pool.map(run_item, items[start : start + prefetch])


def choose_size(headers: Sequence[ImageHeader], size: tuple[int, int] | None) -> tuple[tuple[int, int], str]:
    """The stored height and width, and a sentence that says where they come from.

    Without a size in the settings it is the commonest among the files, the smallest of equally common ones, made
    smaller if a side is longer than MAX_DEFAULT_SIDE_PIXELS.
    """
    if size is not None:
        return size, f"Every image is stored as {_format_size(size)}, as the settings say."
    counts = Counter((header.height, header.width) for header in headers)
    commonest = min(counts, key=lambda one: (-counts[one], one))
    share = f"the commonest size ({counts[commonest]} of {len(headers)} files)"
    if max(commonest) <= MAX_DEFAULT_SIDE_PIXELS:
        return commonest, f"Every image is stored as {_format_size(commonest)}, {share}."
    factor = MAX_DEFAULT_SIDE_PIXELS / max(commonest)
    small = (max(1, round(commonest[0] * factor)), max(1, round(commonest[1] * factor)))
    return small, (
        f"Every image is stored as {_format_size(small)}: {share} is {_format_size(commonest)}, and without `size` in "
        f"the settings no side is stored longer than {MAX_DEFAULT_SIDE_PIXELS}."
    )


def is_grey(headers: Sequence[ImageHeader], colour: Colour | None) -> bool:
    """As the settings say; otherwise grey if every file is."""
    return colour == "grey" if colour is not None else all(header.grey for header in headers)


def _format_size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} pixels (height x width)"


class ConversionLog:
    """What was done to which files, for the notes."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first_file: dict[str, str] = {}
        self._max_level = 0

    def add(self, name: str, conversions: Sequence[str], max_level: int) -> None:
        for conversion in conversions:
            self._counts[conversion] += 1
            self._first_file.setdefault(conversion, name)
        self._max_level = max(self._max_level, max_level)

    def has_conversion(self, conversion: str) -> bool:
        return self._counts[conversion] > 0

    def notes(self, total: int) -> list[str]:
        return [
            f"{said}: {self._counts[name]} of {total} images, the first of them {self._first_file[name]}."
            for name, said in CONVERSIONS.items()
            if self._counts[name]
        ]

    def findings(self) -> list[Finding]:
        if not self._counts["deep"] or self._max_level >= DARK_BELOW_LEVEL:
            return []
        levels = self._max_level * 255 // 65535 + 1
        sentence = (
            f"The lightest pixel of all 16-bit images is {self._max_level} of 65535, so they use {levels} of 256 "
            f"levels once they are scaled to 8 bits. Stretch them to the full range before."
        )
        return [Finding("dark_images", "warning", self._counts["deep"], sentence)]
