"""Proposals for folders of pictures: a folder per class, or pictures with masks."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.data.wording import format_count
from pipelines.proposals.source_proposal import SourceProposal, Wishes
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import folders
from pipelines.sources.files.listing import list_class_folders
from pipelines.sources.files.skipped import MAX_SKIPPED_SHARE, UnreadableFile
from pipelines.sources.images.batch import parallel_map
from pipelines.sources.images.decode import EXTENSIONS, IMAGES, ImageHeader, read_header
from pipelines.sources.images.load import ImagesSettings
from pipelines.sources.masks.load import MasksSettings
from pipelines.sources.masks.pairing import FilePairs, pair_files

MASK_FOLDER = re.compile(r"mask|label|annot|truth|segment|manual|target|outline", re.IGNORECASE)
MAX_HEADERS = 2000  # files whose size is looked at, evenly over all
MAX_SIDE = 64  # pixels of a stored picture's side: larger ones take long on a CPU
TILE = 64  # side of the squares that large pictures with masks are cut into
MAX_TILED_PICTURES = 500  # more are enough as they are
MIN_PAIRED_SHARE = 0.5  # share of the files that have a mask, from which these are pictures with masks


class MaskFolders(NamedTuple):
    """Two folders, perhaps the same, and how their files pair."""

    images: Path
    masks: Path
    pair: str
    pairs: FilePairs


def find_image_folders(root: Path) -> list[Path]:
    """The folders in which images lie directly, sorted."""
    files = [name for name in folders.list_files(root) if name.lower().endswith(EXTENSIONS)]
    return sorted({(root / name).parent for name in files})


def find_masks(places: Sequence[Path]) -> MaskFolders | None:
    """The folders of images and of masks among some; None if none is called so and pairs with another."""
    if len(places) > 100:  # folders of classes
        return None
    named = [place for place in places if MASK_FOLDER.search(place.name)]
    candidates = [
        (images, masks)
        for images, masks in permutations(places, 2)
        if masks in named and images not in named and images.parent == masks.parent
    ]
    candidates += [(place, place) for place in places]
    found = [pairing for images, masks in candidates for pairing in _pair(images, masks)]
    best = max(found, key=lambda one: len(one.pairs.names), default=None)
    if best is None or len(best.pairs.names) < MIN_PAIRED_SHARE * _file_count(best.pairs):
        return None
    return best


def _pair(images: Path, masks: Path) -> list[MaskFolders]:
    """By name, and by number where that pairs more."""
    found: list[MaskFolders] = []
    for pair in ("name",) if images == masks else ("name", "number"):
        try:
            pairs = pair_files(images, masks, (str(images), str(masks)), pair)
        except UserError:
            continue
        if pairs.names and (not found or len(pairs.names) > len(found[0].pairs.names)):
            found = [MaskFolders(images, masks, pair, pairs)]
    return found


def _file_count(pairs: FilePairs) -> int:
    return len(pairs.names) + len(pairs.unpaired)


def propose_masks(place: str, root: Path, found: MaskFolders, wishes: Wishes) -> SourceProposal:
    """A source of kind masks: tiles of few large pictures, else whole ones."""
    headers, sizes = _read_sizes([found.images / name for name in found.pairs.images])
    side = max(map(max, (header[:2] for header in headers)), default=0)
    small = min((min(header[:2]) for header in headers), default=0)
    is_tiled = side > TILE and small >= TILE and len(found.pairs.names) <= MAX_TILED_PICTURES
    source: dict[str, Any] = {
        "kind": "masks",
        "images": _spell_folder(place, root, found.images),
        "masks": _spell_folder(place, root, found.masks),
        **({"pair": found.pair} if found.pair != "name" else {}),
        **({"tile": TILE} if is_tiled else {}),
    }
    reasons = []
    if len(found.pairs.unpaired) > MAX_SKIPPED_SHARE * _file_count(found.pairs):
        source["unmatched"] = "skip"
        reasons.append(f"{len(found.pairs.unpaired)} files have no counterpart and are left out.")
    if is_tiled:
        reasons.append(f"Pictures are cut into squares of {TILE} pixels; all of a picture are in one part.")
    source |= {name: value for name, value in wishes.settings.items() if name in MasksSettings.model_fields}
    return SourceProposal(
        source,
        f"{format_count(len(found.pairs.names), 'picture')} with masks",
        counts={"size": sizes},
        split={"by": "group", "group": "image"} if is_tiled else {"by": "random"},
        repairs=({"unusable": "skip"},),
        reasons=tuple(reasons),
    )


def propose_images(place: str, root: Path, wishes: Wishes) -> SourceProposal:
    """A source of kind images: a folder per class, or all of one class.

    Raises:
        UserError: no picture can be read.
    """
    listing = list_class_folders(root, place, IMAGES)
    headers, sizes = _read_sizes([listing.root / name for name in listing.names])
    if not headers:
        raise UserError(f"{place}: not one of its pictures can be read")
    source: dict[str, Any] = {"kind": "images", "path": place}
    reasons = []
    commonest = max(Counter(header[:2] for header in headers).items(), key=lambda one: one[1])[0]
    if max(commonest) > MAX_SIDE:
        factor = MAX_SIDE / max(commonest)
        source["size"] = [max(8, round(side * factor)) for side in commonest]
        reasons.append(f"Pictures are brought to {MAX_SIDE} pixels, as larger ones take long to train on.")
    elif len(sizes) > 1:
        source["size"] = list(commonest)
    source |= {name: value for name, value in wishes.settings.items() if name in ImagesSettings.model_fields}
    return SourceProposal(
        source,
        f"{format_count(len(listing.names), 'picture')} in folders of classes",
        counts={"class": dict(sorted(Counter(listing.target_texts).items())), "size": sizes},
        split={"by": "given"} if "part" in listing.keys else {},
        repairs=({"unusable": "skip"},),
        reasons=(*reasons, *(("The folders name the parts, and the split keeps to them.",) * ("part" in listing.keys))),
    )


def _read_sizes(files: Sequence[Path]) -> tuple[list[ImageHeader], Mapping[str, int]]:
    """The headers of some files evenly over all, and how many of each size there are, the most frequent first."""
    looked_at = files[:: max(1, len(files) // MAX_HEADERS)]
    headers = [header for header in parallel_map(read_header, looked_at) if not isinstance(header, UnreadableFile)]
    counts = Counter(f"{header.height} x {header.width}" for header in headers)
    return headers, dict(counts.most_common())


def _spell_folder(place: str, root: Path, folder: Path) -> str:
    """A folder below a place, as the user spelled the place."""
    inner = folder.relative_to(root).as_posix()
    return place if inner == "." else f"{place.rstrip('/')}/{inner}"
