"""Many picture files -> one array, with what had to be set aside and what was done to the rest."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field

from pipelines.data.dataset import Finding
from pipelines.sources.images.decode import TREATMENTS, Header, Unfit

THREADS = 2
AHEAD = 256  # files that are read ahead of the one that is used; bounds the memory of large pictures
LARGEST = 128  # pixels of a side, where the settings state no size
FAINT = 65535 // 4  # the lightest 16-bit value, below which three quarters of the levels are never used

A = TypeVar("A")
B = TypeVar("B")


def _size(value: Any) -> Any:
    """`size: 64` means `size: [64, 64]`."""
    if isinstance(value, list):
        return tuple(value)
    return (value, value) if isinstance(value, int) else value


Side: TypeAlias = Annotated[int, Field(ge=1, le=4096)]
Size: TypeAlias = Annotated[tuple[Side, Side], BeforeValidator(_size)]  # height, width
Colour: TypeAlias = Literal["grey", "rgb"]


def each(work: Callable[[A], B], items: Sequence[A], ahead: int = AHEAD) -> Iterator[B | Unfit]:
    """Do a piece of work on every item, two at a time; the results come in the items' order.

    What is unfit comes as the exception it raised. Pillow's warnings about odd files are not shown.
    """
    from PIL import Image

    def tried(item: A) -> B | Unfit:
        try:
            return work(item)
        except Unfit as reason:
            return reason

    Image.init()  # all formats now: two threads would do it at once
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(items), ahead):
            yield from pool.map(tried, items[start : start + ahead])


def size_of(headers: Sequence[Header], size: tuple[int, int] | None) -> tuple[tuple[int, int], str]:
    """The stored height and width, and a sentence that says where they come from.

    Without a size in the settings it is the commonest among the files, the smallest of equally common ones, made
    smaller if a side is longer than `LARGEST`.
    """
    if size is not None:
        return size, f"Every image is stored as {_by(size)}, as the settings say."
    counts = Counter((header.height, header.width) for header in headers)
    common = min(counts, key=lambda one: (-counts[one], one))
    share = f"the commonest size ({counts[common]} of {len(headers)} files)"
    if max(common) <= LARGEST:
        return common, f"Every image is stored as {_by(common)}, {share}."
    factor = LARGEST / max(common)
    small = (max(1, round(common[0] * factor)), max(1, round(common[1] * factor)))
    return small, (
        f"Every image is stored as {_by(small)}: {share} is {_by(common)}, and without `size` in the settings no "
        f"side is stored longer than {LARGEST}."
    )


def is_grey(headers: Sequence[Header], colour: Colour | None) -> bool:
    """As the settings say; otherwise grey if every file is."""
    return colour == "grey" if colour is not None else all(header.grey for header in headers)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} pixels (height x width)"


class Treated:
    """What was done to which files, for the notes."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._lightest = 0

    def add(self, name: str, treatments: Sequence[str], lightest: int) -> None:
        for treatment in treatments:
            self._counts[treatment] += 1
            self._first.setdefault(treatment, name)
        self._lightest = max(self._lightest, lightest)

    def has(self, treatment: str) -> bool:
        return self._counts[treatment] > 0

    def notes(self, total: int) -> list[str]:
        return [
            f"{said}: {self._counts[name]} of {total} images, the first of them {self._first[name]}."
            for name, said in TREATMENTS.items()
            if self._counts[name]
        ]

    def findings(self) -> list[Finding]:
        if not self._counts["deep"] or self._lightest >= FAINT:
            return []
        levels = self._lightest * 255 // 65535 + 1
        sentence = (
            f"The lightest pixel of all 16-bit images is {self._lightest} of 65535, so they use {levels} of 256 "
            f"levels once they are scaled to 8 bits. Stretch them to the full range before."
        )
        return [Finding("dark_images", "warning", self._counts["deep"], sentence)]
