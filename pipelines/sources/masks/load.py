"""Images and their masks: two folders of files, and the class of every pixel."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic import Field as Setting

from pipelines.data.dataset import Data
from pipelines.data.large_arrays import forget, room
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import Failure
from pipelines.sources.files import folders
from pipelines.sources.files.downloads import local
from pipelines.sources.files.skipped import Aside, set_aside
from pipelines.sources.images.batch import Colour, Size, Treated, each, is_grey, size_of
from pipelines.sources.images.decode import (
    Header,
    Unfit,
    header,
    nearest,
    read,
)
from pipelines.sources.masks.classes import Classes, classes, frequencies
from pipelines.sources.masks.decode import read_mask, stated
from pipelines.sources.masks.pairing import RULE, Pairs, pairs

AHEAD = 4  # images that are decoded ahead; they may be large
WHAT = "pairs of an image and a mask"


class MasksSettings(BaseModel):
    """`source: {kind: masks, images: photos, masks: outlines, tile: 128}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["masks"]
    images: str  # a folder
    masks: str  # a folder, which may be the same
    size: Size | None = None  # [height, width] or one number; the commonest, at most 128 a side, when absent
    tile: int | None = Setting(default=None, ge=8, le=4096)  # side in pixels: images are cut into squares, not resized
    colour: Colour | None = None  # grey if every image is, when absent
    fit: Literal["stretch", "crop"] = "stretch"  # how another size becomes this one; padding would invent classes
    classes: Annotated[tuple[tuple[str, int | str], ...], BeforeValidator(stated)] = ()  # {name: 3, other: "#ff0000"}
    title: str = ""
    origin: str = ""
    licence: str = "not stated"


class Usable(NamedTuple):
    """The pairs whose files can be read; N pairs."""

    names: tuple[str, ...]  # (N,)
    images: tuple[Path, ...]  # (N,)
    masks: tuple[Path, ...]  # (N,)
    headers: tuple[Header, ...]  # (N,), of the images
    values: tuple[NDArray[np.int64], ...]  # (N,), the different values of each mask


class Plan(NamedTuple):
    """How a pair is stored."""

    size: tuple[int, int] | None  # height and width that image and mask are brought to; None: as large as they are
    tile: int | None
    grey: bool
    fit: str
    by_number: bool  # whether a palette's numbers count, not its colours
    classes: Classes


class Cut(NamedTuple):
    """One image and its mask as they are stored: n tiles, or one whole."""

    pixels: NDArray[np.uint8]  # (n, H, W) or (n, H, W, 3)
    classes: NDArray[np.uint8]  # (n, H, W)
    treatments: tuple[str, ...]
    lightest: int


def load(settings: MasksSettings) -> Data:
    """Read every image with its mask, in the order of their names.

    Pairs of which a file is missing or cannot be read are set aside and listed.

    Raises:
        Failure: a folder is missing or empty, more than a tenth of the pairs cannot be used, an image and its mask
            differ in size, or the masks do not name classes.
    """
    where = f"{settings.images} and {settings.masks}"
    both = pairs(local(settings.images), local(settings.masks), (settings.images, settings.masks))
    total = len(both.names) + len(both.alone)
    usable, aside = _usable(settings, both)
    set_aside(aside, total, where, WHAT)  # before the long work
    plan, said = _plan(settings, usable)
    pixels, masks, names, broken, treated = _stored(usable, plan)
    problems = set_aside([*aside, *broken], total, where, WHAT)
    asked = Field(
        name="image", kind="image", dtype="uint8", shape=pixels.shape[1:], range=(0, 255),
        unit="grey level" if plan.grey else "level of red, green and blue",
    )  # fmt: skip
    target = Field(name="mask", kind="mask", dtype="uint8", shape=masks.shape[1:], categories=plan.classes.names)
    schema = Schema(
        inputs=(asked,),
        target=target,
        title=settings.title or f"Images and masks of {Path(settings.images).name}",
        origin=settings.origin or f"the files of {where}",
        licence=settings.licence,
    )
    notes = (*said, *treated.notes(len(set(names))), f"Pairs: {RULE}.")
    findings = (problems, frequencies(masks, plan.classes.names), *treated.findings())
    return Data(schema, Part((pixels,), masks), notes, findings, _keys(names, plan))


def _by_number(settings: MasksSettings) -> bool:
    return any(isinstance(value, int) for _, value in settings.classes)


def _usable(settings: MasksSettings, both: Pairs) -> tuple[Usable, list[Aside]]:
    """The pairs whose files can be read, and the files that cannot be used.

    Raises:
        Failure: an image and its mask differ in size.
    """
    images = [Path(local(settings.images), name) for name in both.images]
    masks = [Path(local(settings.masks), name) for name in both.masks]
    heads, mask_heads = list(each(header, images)), list(each(header, masks))
    values = list(each(partial(_values, by_number=_by_number(settings)), masks))
    aside, kept, headers, found = list(both.alone), [], [], []
    for row, (head, other, seen) in enumerate(zip(heads, mask_heads, values, strict=True)):
        if isinstance(head, Unfit):
            aside.append(Aside(both.images[row], str(head)))
        elif isinstance(other, Unfit) or isinstance(seen, Unfit):
            aside.append(Aside(both.masks[row], f"the mask {other if isinstance(other, Unfit) else seen}"))
        elif head[:2] != other[:2]:
            raise Failure(
                f"{settings.images}/{both.images[row]} is {head.height} x {head.width} pixels (height x width), but "
                f"its mask {settings.masks}/{both.masks[row]} is {other.height} x {other.width}; a mask has a pixel "
                f"for every pixel of its image"
            )
        elif min(head[:2]) < (0 if settings.size else settings.tile or 0):
            aside.append(Aside(both.images[row], f"is {head.height} x {head.width} pixels, smaller than a tile"))
        else:
            kept.append(row)
            headers.append(head)
            found.append(seen)
    names, images, masks = both.names, [images[row] for row in kept], [masks[row] for row in kept]
    return Usable(tuple(names[row] for row in kept), tuple(images), tuple(masks), tuple(headers), tuple(found)), aside


def _values(path: Path, by_number: bool) -> NDArray[np.int64]:
    return read_mask(path, by_number).values()


def _plan(settings: MasksSettings, usable: Usable) -> tuple[Plan, list[str]]:
    """How pairs are stored, and what to say of it."""
    root, size, tile = local(settings.masks), settings.size, settings.tile
    files = [mask.relative_to(root).as_posix() for mask in usable.masks]
    if tile and size and min(size) < tile:
        raise Failure(f"source.tile: a tile of {tile} pixels does not fit into a size of {size[0]} x {size[1]}")
    notes = []
    if size or not tile:
        size, said = size_of(usable.headers, size)
        notes.append(said)
    if tile:
        shapes = [size or head[:2] for head in usable.headers]
        inside = sum((high // tile) * (wide // tile) * tile**2 for high, wide in shapes)
        lost = 1 - inside / sum(high * wide for high, wide in shapes)
        rest = f"; {lost:.1%} of the pixels, to the right and below, fill no square and were left out" if lost else ""
        notes.append(
            f"Images were cut into squares of {tile} x {tile} pixels that do not overlap{rest}. "
            "`split: {by: group, group: image}` keeps the squares of an image together."
        )
    grey = is_grey(usable.headers, settings.colour)
    named = classes(settings.classes, files, usable.values, settings.masks)
    return Plan(size, tile, grey, settings.fit, _by_number(settings), named), notes


def _stored(usable: Usable, plan: Plan) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[str], list[Aside], Treated]:
    """Decode all pairs: (n, H, W[, 3]) pixels, (n, H, W) classes, the image of each row, and what was broken."""
    shapes = [plan.size or head[:2] for head in usable.headers]
    side = (plan.tile, plan.tile) if plan.tile else shapes[0]
    count = sum((high // side[0]) * (wide // side[1]) for high, wide in shapes)
    pixels = room((count, *side) if plan.grey else (count, *side, 3), np.uint8)
    masks = room((count, *side), np.uint8)
    names: list[str] = []
    broken: list[Aside] = []
    treated = Treated()
    files = list(zip(usable.images, usable.masks, strict=True))
    for name, cut in zip(usable.names, each(partial(_cut, plan=plan), files, AHEAD), strict=True):
        if isinstance(cut, Unfit):
            broken.append(Aside(name, str(cut)))
            continue
        rows = slice(len(names), len(names) + len(cut.pixels))
        pixels[rows], masks[rows] = cut.pixels, cut.classes
        names += [name] * len(cut.pixels)
        forget(pixels)
        forget(masks)
        treated.add(name, cut.treatments, cut.lightest)
    return pixels[: len(names)], masks[: len(names)], names, broken, treated


def _cut(files: tuple[Path, Path], plan: Plan) -> Cut:
    image = read(files[0], plan.size, plan.grey, plan.fit)
    codes = read_mask(files[1], plan.by_number).classes(plan.classes.values, plan.classes.codes)
    if plan.size is not None and codes.shape != plan.size:
        codes = nearest(codes, plan.size, plan.fit)
    side = plan.tile
    if side is None:
        return Cut(image.pixels[None], codes[None], image.treatments, image.lightest)
    return Cut(tiles(image.pixels, side), tiles(codes, side), image.treatments, image.lightest)


def tiles(values: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Cut (H, W[, C]) into squares that do not overlap, (n, side, side[, C]), row after row."""
    high, wide = values.shape[0] // side, values.shape[1] // side
    cut = values[: high * side, : wide * side].reshape(high, side, wide, side, *values.shape[2:])
    return cut.swapaxes(1, 2).reshape(high * wide, side, side, *values.shape[2:])


def _keys(names: list[str], plan: Plan) -> dict[str, NDArray[Any]]:
    keys: dict[str, NDArray[Any]] = {"image": np.array(names)} if plan.tile else {}
    if parts := folders.parts(names):
        keys["part"] = np.array(parts)
    return keys
