"""Loader of images: a folder for every class, or a CSV list of files."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from pipelines.data.dataset import Dataset
from pipelines.data.large_arrays import allocate, release_pages
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.progress import show_progress
from pipelines.sources.files import labels
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.listing import (
    Listing,
    find_lost_classes,
    list_class_folders,
    list_csv_files,
    parse_targets,
    require_targets,
)
from pipelines.sources.files.skipped import Skipped, UnreadableFile, UnusablePolicy, report_skipped
from pipelines.sources.files.unlabelled import UnlabelledPolicy, report_unlabelled
from pipelines.sources.images.batch import Colour, ConversionLog, Size, choose_size, is_grey, parallel_map
from pipelines.sources.images.decode import IMAGES, decode_image, read_header

IMAGES_PER_RELEASE = 256  # images, after which the memory of those that are written is given back


class ImagesSettings(BaseModel):
    """`source: {kind: images, path: photos}`, or `{kind: images, path: list.csv, folder: photos, target: species}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["images"]
    path: str  # a folder with one folder per class, or a CSV that names files
    size: Size | None = None  # [height, width] or one number; the commonest, at most 128 a side, when absent
    colour: Colour | None = None  # grey if every file is, when absent
    fit: Literal["contain", "stretch", "crop"] = "contain"  # how another size becomes this one: a key of FIT_METHODS
    file: str = "file"  # CSV: the column that names files
    target: str | None = None  # CSV: the column to be learned
    target_kind: Literal["number", "category"] | None = None  # CSV: numbers if all cells are, when absent
    folder: str | None = None  # CSV: the folder that its names start from; what lies in there is watched for changes
    unusable: UnusablePolicy = "refuse"  # files that cannot be used, beyond a tenth: stop, or leave them out
    unlabelled: UnlabelledPolicy = "skip"  # files without a target: leave them out, or keep them for `semi`
    title: str = ""
    origin: str = ""
    licence: str = "not stated"


def load_images(settings: ImagesSettings) -> Dataset:
    """Read every image, in the order of the files' names.

    Files that cannot be read are set aside and listed.

    Raises:
        UserError: there is no such folder or CSV, no image, or more of the files than may be cannot be used.
    """
    path = resolve_location(settings.path)
    listing = _list_images(settings, path)
    require_targets(listing, settings.path, IMAGES)
    total = len(listing.names) + len(listing.skipped) + len(listing.unlabelled)
    files = [listing.root / name for name in listing.names]
    headers_or_errors = list(show_progress(parallel_map(read_header, files), "image's header", len(files)))
    unreadable = [
        Skipped(name, str(head))
        for name, head in zip(listing.names, headers_or_errors, strict=True)
        if isinstance(head, UnreadableFile)
    ]
    policy = settings.unusable
    report_skipped([*listing.skipped, *unreadable], total, settings.path, policy=policy)  # before the long work
    headers = [head for head in headers_or_errors if not isinstance(head, UnreadableFile)]
    size, size_note = choose_size(headers, settings.size)
    grey = is_grey(headers, settings.colour)
    rows = [row for row, head in enumerate(headers_or_errors) if not isinstance(head, UnreadableFile)]
    conversions = ConversionLog()
    pixels, kept, corrupt = _decode_images(listing, rows, size, grey, settings.fit, conversions)
    apart = listing._replace(names=listing.unlabelled)
    unlabelled, _, corrupt_apart = _decode_images(apart, range(len(apart.names)), size, grey, settings.fit, conversions)
    skipped = sorted([*listing.skipped, *unreadable, *corrupt, *corrupt_apart])
    findings = [
        report_skipped(skipped, total, settings.path, policy=policy),
        *report_unlabelled(len(unlabelled), "image"),
        *find_lost_classes(listing, kept, IMAGES),
        *conversions.findings(),
    ]
    target, values = parse_targets(listing, kept)
    image_field = Field(
        name="picture" if target.name == "image" else "image",
        kind="image", dtype="uint8", shape=pixels.shape[1:], range=(0, 255),
        unit="grey level" if grey else "level of red, green and blue", fit=settings.fit,
    )  # fmt: skip
    schema = Schema(
        inputs=(image_field,),
        target=target,
        title=settings.title or f"Images of {path.stem}",
        origin=settings.origin or f"the files of {settings.path}",
        licence=settings.licence,
    )
    notes = (size_note, *_fit_notes(conversions, settings.fit), *conversions.notes(len(kept)), *listing.notes)
    keys = {name: labels.parse_split_key([texts[row] for row in kept]) for name, texts in listing.keys.items()}
    return Dataset(
        schema, Part((pixels,), values), notes, tuple(findings), keys, (unlabelled,) if len(unlabelled) else ()
    )


def _list_images(settings: ImagesSettings, path: Path) -> Listing:
    keeps = settings.unlabelled == "keep"
    if path.is_dir():
        return list_class_folders(path, settings.path, IMAGES, keeps_unlabelled=keeps)
    return list_csv_files(
        path,
        settings.path,
        settings.folder,
        settings.file,
        settings.target,
        settings.target_kind,
        IMAGES,
        keeps_unlabelled=keeps,
    )


def _decode_images(
    listing: Listing, rows: Sequence[int], size: tuple[int, int], grey: bool, fit: str, conversions: ConversionLog
) -> tuple[NDArray[np.uint8], list[int], list[Skipped]]:
    """Decode the files of some rows: (n, H, W[, 3]) pixels, the rows they are of, and what turned out broken."""
    pixels = allocate((len(rows), *size) if grey else (len(rows), *size, 3), np.uint8)
    kept: list[int] = []
    corrupt: list[Skipped] = []
    decode = partial(decode_image, size=size, grey=grey, fit=fit)
    results = parallel_map(decode, [listing.root / listing.names[row] for row in rows])
    for row, result in zip(rows, show_progress(results, "image", len(rows)), strict=True):
        name = listing.names[row]
        if isinstance(result, UnreadableFile):
            corrupt.append(Skipped(name, str(result)))
            continue
        pixels[len(kept)] = result.pixels
        kept.append(row)
        if len(kept) % IMAGES_PER_RELEASE == 0:
            release_pages(pixels)
        conversions.add(name, result.conversions, result.max_level)
    return pixels[: len(kept)], kept, corrupt


def _fit_notes(conversions: ConversionLog, fit: str) -> list[str]:
    return [FIT_NOTES[fit]] if conversions.has_conversion("resized") else []


FIT_NOTES = {
    "contain": "An image of another shape was fitted in whole; the rest has the median colour of its border.",
    "stretch": "An image of another shape was stretched to this one.",
    "crop": "Of an image of another shape, the middle was kept.",
}
