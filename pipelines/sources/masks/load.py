"""Loader of images with masks: two folders of files, and the class of every pixel."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator
from pydantic import Field as Setting

from pipelines.data.dataset import Dataset
from pipelines.data.large_arrays import allocate, release_pages
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import folders
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.skipped import Skipped, UnreadableFile, UnusablePolicy, report_skipped
from pipelines.sources.files.unlabelled import UnlabelledPolicy, report_unlabelled
from pipelines.sources.images.batch import Colour, ConversionLog, Size, choose_size, is_grey, parallel_map
from pipelines.sources.images.decode import (
    ImageHeader,
    decode_image,
    read_header,
    resize_mask,
)
from pipelines.sources.masks.classes import MaskClasses, build_mask_classes, class_pixels_finding
from pipelines.sources.masks.decode import parse_classes, read_mask
from pipelines.sources.masks.pairing import PAIR_NOUN, PAIRINGS, FilePairs, match_files, pairing_rule

PREFETCH_PAIRS = 4  # images that are decoded ahead; they may be large


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
    classes: Annotated[
        tuple[tuple[str, int | str], ...], BeforeValidator(parse_classes)
    ] = ()  # {name: 3, other: "#ff0000"}
    pair: str = "name"  # how a mask is found: by its image's name or number, or by the groups of a pattern
    unmatched: Literal["refuse", "skip"] = "refuse"  # images without a mask, beyond a tenth: stop, or leave them out
    unusable: UnusablePolicy = "refuse"  # pairs that cannot be used, beyond a tenth: stop, or leave them out
    unlabelled: UnlabelledPolicy = "skip"  # images without a mask: treat as `unmatched` says, or keep them for `semi`
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("pair")
    @classmethod
    def _check_pair(cls, pair: str) -> str:
        try:
            has_groups = re.compile(pair).groups > 0
        except re.error as error:
            raise ValueError(f"must be name, number or a pattern, got {pair!r}, which is none ({error})") from None
        if pair not in PAIRINGS and not has_groups:
            raise ValueError(f"must be name, number or a pattern with a group, such as '([0-9]+)_', got {pair!r}")
        return pair


class UsablePairs(NamedTuple):
    """The pairs whose files can be read; N pairs."""

    names: tuple[str, ...]  # (N,)
    images: tuple[Path, ...]  # (N,)
    masks: tuple[Path, ...]  # (N,)
    headers: tuple[ImageHeader, ...]  # (N,), of the images
    mask_values: tuple[NDArray[np.int64], ...]  # (N,), the different values of each mask


class StoragePlan(NamedTuple):
    """How a pair is stored."""

    size: tuple[int, int] | None  # height and width that image and mask are brought to; None: as large as they are
    tile: int | None
    grey: bool
    fit: str
    use_palette_indices: bool  # whether a palette's numbers count, not its colours
    classes: MaskClasses


class DecodedPair(NamedTuple):
    """One image and its mask as they are stored: n tiles, or one whole."""

    pixels: NDArray[np.uint8]  # (n, H, W) or (n, H, W, 3)
    class_codes: NDArray[np.uint8]  # (n, H, W)
    conversions: tuple[str, ...]
    max_level: int


def load_masks(settings: MasksSettings) -> Dataset:
    """Read every image with its mask, in the order of their names.

    Pairs of which a file is missing or cannot be read are set aside and listed.

    Raises:
        UserError: a folder is missing or empty, more of the pairs than may be cannot be used, an image and its mask
            differ in size, or the masks do not name classes.
    """
    where = f"{settings.images} and {settings.masks}"
    file_pairs, unmatched_findings = match_files(
        (resolve_location(settings.images), resolve_location(settings.masks)),
        (settings.images, settings.masks),
        settings.pair,
        settings.unmatched,
        keeps_unlabelled=settings.unlabelled == "keep",
    )
    total = len(file_pairs.names) + len(file_pairs.unpaired) + len(file_pairs.unlabelled)
    usable, skipped = _select_usable_pairs(settings, file_pairs)
    report_skipped(skipped, total, where, PAIR_NOUN, settings.unusable)  # before the long work
    plan, storage_notes = _plan_storage(settings, usable)
    pixels, masks, names, corrupt, conversions = _decode_pairs(usable, plan)
    unlabelled, corrupt_images = _decode_unlabelled(resolve_location(settings.images), file_pairs.unlabelled, plan)
    skipped_finding = report_skipped([*skipped, *corrupt, *corrupt_images], total, where, PAIR_NOUN, settings.unusable)
    image_field = Field(
        name="image", kind="image", dtype="uint8", shape=pixels.shape[1:], range=(0, 255),
        unit="grey level" if plan.grey else "level of red, green and blue",
        fit="" if plan.tile else settings.fit,
    )  # fmt: skip
    target = Field(name="mask", kind="mask", dtype="uint8", shape=masks.shape[1:], categories=plan.classes.names)
    schema = Schema(
        inputs=(image_field,),
        target=target,
        title=settings.title or f"Images and masks of {Path(settings.images).name}",
        origin=settings.origin or f"the files of {where}",
        licence=settings.licence,
    )
    notes = (*storage_notes, *conversions.notes(len(set(names))), f"Pairs: {pairing_rule(settings.pair)}.")
    findings = (
        skipped_finding,
        *unmatched_findings,
        *report_unlabelled(len(unlabelled[0]) if unlabelled else 0, "square" if plan.tile else "image"),
        class_pixels_finding(masks, plan.classes.names),
        *conversions.findings(),
    )
    return Dataset(schema, Part((pixels,), masks), notes, findings, _split_keys(names, plan), unlabelled)


def _uses_palette_indices(settings: MasksSettings) -> bool:
    return any(isinstance(value, int) for _, value in settings.classes)


def _select_usable_pairs(settings: MasksSettings, file_pairs: FilePairs) -> tuple[UsablePairs, list[Skipped]]:
    """The pairs whose files can be read, and the files that cannot be used.

    Raises:
        UserError: an image and its mask differ in size.
    """
    images = [Path(resolve_location(settings.images), name) for name in file_pairs.images]
    masks = [Path(resolve_location(settings.masks), name) for name in file_pairs.masks]
    image_headers, mask_headers = list(parallel_map(read_header, images)), list(parallel_map(read_header, masks))
    values = list(parallel_map(partial(_distinct_values, use_palette_indices=_uses_palette_indices(settings)), masks))
    skipped, kept, headers, mask_values = list(file_pairs.unpaired), [], [], []
    for row, (image_header, mask_header, distinct) in enumerate(zip(image_headers, mask_headers, values, strict=True)):
        if isinstance(image_header, UnreadableFile):
            skipped.append(Skipped(file_pairs.images[row], str(image_header)))
        elif isinstance(mask_header, UnreadableFile) or isinstance(distinct, UnreadableFile):
            skipped.append(
                Skipped(
                    file_pairs.masks[row],
                    f"the mask {mask_header if isinstance(mask_header, UnreadableFile) else distinct}",
                )
            )
        elif image_header[:2] != mask_header[:2]:
            raise UserError(
                f"{settings.images}/{file_pairs.images[row]} is {image_header.height} x {image_header.width} pixels "
                f"(height x width), but its mask {settings.masks}/{file_pairs.masks[row]} is {mask_header.height} x "
                f"{mask_header.width}; a mask has a pixel for every pixel of its image"
            )
        elif min(image_header[:2]) < (0 if settings.size else settings.tile or 0):
            skipped.append(
                Skipped(
                    file_pairs.images[row],
                    f"is {image_header.height} x {image_header.width} pixels, smaller than a tile",
                )
            )
        else:
            kept.append(row)
            headers.append(image_header)
            mask_values.append(distinct)
    names, images, masks = file_pairs.names, [images[row] for row in kept], [masks[row] for row in kept]
    return UsablePairs(
        tuple(names[row] for row in kept), tuple(images), tuple(masks), tuple(headers), tuple(mask_values)
    ), skipped


def _distinct_values(path: Path, use_palette_indices: bool) -> NDArray[np.int64]:
    return read_mask(path, use_palette_indices).distinct_values()


def _plan_storage(settings: MasksSettings, usable: UsablePairs) -> tuple[StoragePlan, list[str]]:
    """How pairs are stored, and what to say of it."""
    root, size, tile = resolve_location(settings.masks), settings.size, settings.tile
    files = [mask.relative_to(root).as_posix() for mask in usable.masks]
    if tile and size and min(size) < tile:
        raise UserError(f"source.tile: a tile of {tile} pixels does not fit into a size of {size[0]} x {size[1]}")
    notes = []
    if size or not tile:
        size, size_note = choose_size(usable.headers, size)
        notes.append(size_note)
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
    mask_classes = build_mask_classes(settings.classes, files, usable.mask_values, settings.masks)
    return StoragePlan(size, tile, grey, settings.fit, _uses_palette_indices(settings), mask_classes), notes


def _decode_pairs(
    usable: UsablePairs, plan: StoragePlan
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[str], list[Skipped], ConversionLog]:
    """Decode all pairs: (n, H, W[, 3]) pixels, (n, H, W) classes, the image of each row, and what was broken."""
    shapes = [plan.size or head[:2] for head in usable.headers]
    side = (plan.tile, plan.tile) if plan.tile else shapes[0]
    count = sum((high // side[0]) * (wide // side[1]) for high, wide in shapes)
    pixels = allocate((count, *side) if plan.grey else (count, *side, 3), np.uint8)
    masks = allocate((count, *side), np.uint8)
    names: list[str] = []
    corrupt: list[Skipped] = []
    conversions = ConversionLog()
    files = list(zip(usable.images, usable.masks, strict=True))
    decoded_pairs = parallel_map(partial(_decode_pair, plan=plan), files, PREFETCH_PAIRS)
    for name, decoded in zip(usable.names, show_progress(decoded_pairs, "image", len(files)), strict=True):
        if isinstance(decoded, UnreadableFile):
            corrupt.append(Skipped(name, str(decoded)))
            continue
        rows = slice(len(names), len(names) + len(decoded.pixels))
        pixels[rows], masks[rows] = decoded.pixels, decoded.class_codes
        names += [name] * len(decoded.pixels)
        release_pages(pixels)
        release_pages(masks)
        conversions.add(name, decoded.conversions, decoded.max_level)
    return pixels[: len(names)], masks[: len(names)], names, corrupt, conversions


def _decode_pair(files: tuple[Path, Path], plan: StoragePlan) -> DecodedPair:
    image = decode_image(files[0], plan.size, plan.grey, plan.fit)
    codes = read_mask(files[1], plan.use_palette_indices).to_class_codes(plan.classes.values, plan.classes.codes)
    if plan.size is not None and codes.shape != plan.size:
        codes = resize_mask(codes, plan.size, plan.fit)
    side = plan.tile
    if side is None:
        return DecodedPair(image.pixels[None], codes[None], image.conversions, image.max_level)
    return DecodedPair(cut_tiles(image.pixels, side), cut_tiles(codes, side), image.conversions, image.max_level)


def _decode_unlabelled(
    root: Path, names: Sequence[str], plan: StoragePlan
) -> tuple[tuple[NDArray[np.uint8], ...], list[Skipped]]:
    """Images without a mask as they are stored, (U, H, W[, 3]); none if there is none; and what was broken."""
    decode = partial(decode_image, size=plan.size, grey=plan.grey, fit=plan.fit)
    found, corrupt = [], []
    for name, decoded in zip(names, parallel_map(decode, [root / name for name in names], PREFETCH_PAIRS), strict=True):
        if isinstance(decoded, UnreadableFile):
            corrupt.append(Skipped(name, str(decoded)))
        else:
            found.append(cut_tiles(decoded.pixels, plan.tile) if plan.tile else decoded.pixels[None])
    return (np.concatenate(found),) if sum(map(len, found)) else (), corrupt


def cut_tiles(values: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Cut (H, W[, C]) into squares that do not overlap, (n, side, side[, C]), row after row."""
    high, wide = values.shape[0] // side, values.shape[1] // side
    cut = values[: high * side, : wide * side].reshape(high, side, wide, side, *values.shape[2:])
    return cut.swapaxes(1, 2).reshape(high * wide, side, side, *values.shape[2:])


def _split_keys(names: list[str], plan: StoragePlan) -> dict[str, NDArray[Any]]:
    keys: dict[str, NDArray[Any]] = {"image": np.array(names)} if plan.tile else {}
    if parts := folders.parts_from_folders(names):
        keys["part"] = np.array(parts)
    return keys
