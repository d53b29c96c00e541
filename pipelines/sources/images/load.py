"""Images on disk: a folder for every class, or a CSV that lists files."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from pipelines.data.dataset import Data, Finding
from pipelines.data.large_arrays import forget, room
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import Failure
from pipelines.sources.files import labels
from pipelines.sources.files.csv_cells import read_cells
from pipelines.sources.files.downloads import local
from pipelines.sources.files.skipped import Aside, set_aside
from pipelines.sources.images.batch import Colour, Size, Treated, each, is_grey, size_of
from pipelines.sources.images.decode import Unfit, header, read
from pipelines.sources.images.listing import Listing, class_folders, image_list

OFTEN = 256  # images, after which the memory of those that are written is given back


class ImagesSettings(BaseModel):
    """`source: {kind: images, path: photos}`, or `{kind: images, path: list.csv, folder: photos, target: species}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["images"]
    path: str  # a folder with one folder per class, or a CSV that names files
    size: Size | None = None  # [height, width] or one number; the commonest, at most 128 a side, when absent
    colour: Colour | None = None  # grey if every file is, when absent
    fit: Literal["contain", "stretch", "crop"] = "contain"  # how another size becomes this one: a row of FITS
    file: str = "file"  # CSV: the column that names files
    target: str | None = None  # CSV: the column to be learned
    target_kind: Literal["number", "category"] | None = None  # CSV: numbers if all cells are, when absent
    folder: str | None = None  # CSV: the folder that its names start from; what lies in there is watched for changes
    title: str = ""
    origin: str = ""
    licence: str = "not stated"


def load(settings: ImagesSettings) -> Data:
    """Read every image, in the order of the files' names.

    Files that cannot be read are set aside and listed.

    Raises:
        Failure: there is no such folder or CSV, no image, or more than a tenth of the files cannot be used.
    """
    path = local(settings.path)
    listing = _listing(settings, path)
    total = len(listing.names) + len(listing.aside)
    heads = list(each(header, [listing.root / name for name in listing.names]))
    unfit = [Aside(name, str(head)) for name, head in zip(listing.names, heads, strict=True) if isinstance(head, Unfit)]
    set_aside([*listing.aside, *unfit], total, settings.path)  # before the long work
    headers = [head for head in heads if not isinstance(head, Unfit)]
    size, said = size_of(headers, settings.size)
    grey = is_grey(headers, settings.colour)
    rows = [row for row, head in enumerate(heads) if not isinstance(head, Unfit)]
    treated = Treated()
    pixels, kept, broken = _decoded(listing, rows, size, grey, settings.fit, treated)
    aside = sorted([*listing.aside, *unfit, *broken])
    findings = [set_aside(aside, total, settings.path), *_lost(listing, kept), *treated.findings()]
    target, values = _target(listing, kept)
    asked = Field(
        name="picture" if target.name == "image" else "image",
        kind="image", dtype="uint8", shape=pixels.shape[1:], range=(0, 255),
        unit="grey level" if grey else "level of red, green and blue",
    )  # fmt: skip
    schema = Schema(
        inputs=(asked,),
        target=target,
        title=settings.title or f"Images of {path.stem}",
        origin=settings.origin or f"the files of {settings.path}",
        licence=settings.licence,
    )
    notes = (said, *_fit_note(treated, settings.fit), *treated.notes(len(kept)), *listing.notes)
    keys = {name: labels.key([texts[row] for row in kept]) for name, texts in listing.keys.items()}
    return Data(schema, Part((pixels,), values), notes, tuple(findings), keys)


def _listing(settings: ImagesSettings, path: Path) -> Listing:
    if path.is_dir():
        return class_folders(path, settings.path)
    cells = read_cells(path)
    if settings.folder is None:
        raise Failure(
            f"{settings.path}: is a list of files; set `folder` to the folder that its names start from, "
            f"such as {Path(settings.path).parent}"
        )
    root = local(settings.folder)
    return image_list(cells, settings.path, root, settings.file, settings.target, settings.target_kind)


def _decoded(
    listing: Listing, rows: Sequence[int], size: tuple[int, int], grey: bool, fit: str, treated: Treated
) -> tuple[NDArray[np.uint8], list[int], list[Aside]]:
    """Decode the files of some rows: (n, H, W[, 3]) pixels, the rows they are of, and what turned out broken."""
    pixels = room((len(rows), *size) if grey else (len(rows), *size, 3), np.uint8)
    kept: list[int] = []
    broken: list[Aside] = []
    one = partial(read, size=size, grey=grey, fit=fit)
    for row, result in zip(rows, each(one, [listing.root / listing.names[row] for row in rows]), strict=True):
        name = listing.names[row]
        if isinstance(result, Unfit):
            broken.append(Aside(name, str(result)))
            continue
        pixels[len(kept)] = result.pixels
        kept.append(row)
        if len(kept) % OFTEN == 0:
            forget(pixels)
        treated.add(name, result.treatments, result.lightest)
    return pixels[: len(kept)], kept, broken


def _target(listing: Listing, kept: Sequence[int]) -> tuple[Field, NDArray[Any]]:
    texts = [listing.targets[row] for row in kept]
    if listing.kind == "number":
        return labels.numbers(texts, listing.target)
    return labels.categories(texts, listing.target)


def _lost(listing: Listing, kept: Sequence[int]) -> list[Finding]:
    """Classes of which every image was set aside."""
    if listing.kind == "number":
        return []
    lost = sorted(set(listing.targets) - {listing.targets[row] for row in kept})
    if not lost:
        return []
    sentence = f"No image of these classes could be read, so the models cannot name them: {', '.join(lost)}."
    return [Finding("lost_classes", "warning", len(lost), sentence)]


def _fit_note(treated: Treated, fit: str) -> list[str]:
    return [FIT_NOTES[fit]] if treated.has("resized") else []


FIT_NOTES = {
    "contain": "An image of another shape was fitted in whole; the rest has the median colour of its border.",
    "stretch": "An image of another shape was stretched to this one.",
    "crop": "Of an image of another shape, the middle was kept.",
}
