"""Mask pairing: the mask of an image has its name, its number, or what a pattern finds in both names."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_list
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import folders
from pipelines.sources.files.skipped import MAX_LISTED_FILES, MAX_SKIPPED_SHARE, Skipped
from pipelines.sources.images.decode import EXTENSIONS, UNSUPPORTED_EXTENSIONS

MASK_WORDS = ("mask", "masks", "label", "labels", "seg", "segmentation", "gt", "groundtruth", "annotation")
MASK_SUFFIXES = tuple(
    mark + word for word in MASK_WORDS for mark in ("_", "-", ".")
)  # what may stand behind a mask's name
PAIRING_RULE = (
    "an image and its mask have the same name inside their folders, apart from the ending and from a word such as "
    "_mask, _label or _gt behind the mask's"
)
PAIR_NOUN = "pairs of an image and a mask"
NUMBER_RULE = "an image and its mask have the same first number in their names, inside the same folder of theirs"
FIRST_NUMBER = re.compile(r"[0-9]+")
NO_MASK = "has no mask"


class FilePairs(NamedTuple):
    """N pairs of an image and a mask."""

    names: tuple[str, ...]  # (N,), the images without their endings, sorted
    images: tuple[str, ...]  # (N,), files relative to the folder of images
    masks: tuple[str, ...]  # (N,), files relative to the folder of masks
    unpaired: tuple[Skipped, ...]  # images without a mask, and masks without an image
    unlabelled: tuple[str, ...] = ()  # images without a mask that are kept apart


def pair_files(images: Path, masks: Path, where: tuple[str, str], pair: str = "name") -> FilePairs:
    """Pair the files of two folders, which may be the same one.

    Args:
        images, masks: the folders.
        where: their names in the settings, for sentences.
        pair: `name`, `number`, or a pattern whose groups are the same for an image and its mask.

    Raises:
        UserError: a folder holds no image, or two of its files have the same name.
    """
    image_files, mask_files = _list_image_files(images, where[0]), _list_image_files(masks, where[1])
    if images.samefile(masks):
        mask_files = [name for name in mask_files if _drop_mask_suffix(_drop_extension(name)) != _drop_extension(name)]
        image_files = sorted(set(image_files) - set(mask_files))
    rule, find_key = pairing_rule(pair), PAIRINGS[pair][1] if pair in PAIRINGS else _pattern_key(pair)
    if pair == "name":
        image_keys: list[str | None] = [_drop_extension(name) for name in image_files]
        mask_keys: list[str | None] = [
            stem if (stem := _drop_extension(name)) in image_keys else _drop_mask_suffix(stem) for name in mask_files
        ]
    else:
        image_keys, mask_keys = (
            list(map(find_key, map(_drop_extension, files))) for files in (image_files, mask_files)
        )
    image_of = _index_by_key(image_files, image_keys, where[0], rule)
    mask_of = _index_by_key(mask_files, mask_keys, where[1], rule)
    keys = sorted(set(image_of) & set(mask_of), key=image_of.__getitem__)
    unpaired = [Skipped(name, NO_MASK) for name in sorted(set(image_files) - {image_of[key] for key in keys})]
    unpaired += [
        Skipped(name, "is a mask without an image") for name in sorted(set(mask_files) - {mask_of[key] for key in keys})
    ]
    return FilePairs(
        tuple(_drop_extension(image_of[key]) for key in keys),
        tuple(image_of[key] for key in keys),
        tuple(mask_of[key] for key in keys),
        tuple(unpaired),
    )


def pairing_rule(pair: str) -> str:
    """How images and masks are paired, in words."""
    return PAIRINGS[pair][0] if pair in PAIRINGS else f"what the pattern {pair} finds in both names is the same"


def match_files(
    roots: tuple[Path, Path], where: tuple[str, str], pair: str, unmatched: str, *, keeps_unlabelled: bool = False
) -> tuple[FilePairs, list[Finding]]:
    """The pairs of two folders; files without a counterpart are among them as unpaired, or left out and told of.

    Args:
        roots: the folders of images and of masks.
        where: their names in the settings, for sentences.
        pair: as in `pair_files`.
        unmatched: `skip` leaves files without a counterpart out, however many.
        keeps_unlabelled: whether images without a mask are kept apart.

    Raises:
        UserError: more than a tenth of the files have no counterpart, and they are not to be left out.
    """
    found = pair_files(*roots, where, pair)
    if keeps_unlabelled:
        apart = tuple(skipped.name for skipped in found.unpaired if skipped.reason == NO_MASK)
        found = found._replace(unpaired=tuple(one for one in found.unpaired if one.name not in apart), unlabelled=apart)
    count, total = len(found.unpaired), len(found.names) + len(found.unpaired)
    if unmatched == "skip" and count and found.names:
        listed = format_list([skipped.name for skipped in found.unpaired], MAX_LISTED_FILES)
        sentence = f"{count} of {total} {PAIR_NOUN} lack one of both and were left out, as the settings say: {listed}."
        return found._replace(unpaired=()), [Finding("unmatched_files", "notice", count, sentence)]
    if count > MAX_SKIPPED_SHARE * total:
        listed = "; ".join(f"{name} ({reason})" for name, reason in found.unpaired[:5])
        raise UserError(
            f"{where[0]} and {where[1]}: {count} of {total} {PAIR_NOUN} cannot be used ({listed}), and at most "
            f"{MAX_SKIPPED_SHARE:.0%} may be set aside: {pairing_rule(pair)}. {_propose(roots, where, found, pair)}"
        )
    return found, []


def _propose(roots: tuple[Path, Path], where: tuple[str, str], found: FilePairs, pair: str) -> str:
    """Which settings would let files pass that have no counterpart."""
    proposals = []
    by_number = _count_pairs(roots, where, "number") if pair == "name" else 0
    if by_number > len(found.names):
        proposals.append(f"`pair: number` pairs {by_number} by the first number in their names")
    elif not found.names:
        proposals.append("`pair` may be a pattern whose groups are the same in both names, such as '([0-9]+)_'")
    if found.names:
        proposals.append(f"`unmatched: skip` uses the {len(found.names)} pairs and leaves the others out")
    return "; or ".join(proposals)


def _count_pairs(roots: tuple[Path, Path], where: tuple[str, str], pair: str) -> int:
    try:
        return len(pair_files(*roots, where, pair).names)
    except UserError:
        return 0


def _number_key(stem: str) -> str | None:
    """The folder and the first number of a name, without zeros in front."""
    path = PurePosixPath(stem)
    number = FIRST_NUMBER.search(path.name)
    return None if number is None else f"{path.parent}/{int(number[0])}"


def _pattern_key(pattern: str) -> Callable[[str], str | None]:
    def find_key(stem: str) -> str | None:
        found = re.search(pattern, stem)
        return None if found is None else "/".join(group or "" for group in found.groups())

    return find_key


PAIRINGS: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "name": (PAIRING_RULE, str),
    "number": (NUMBER_RULE, _number_key),
}


def _list_image_files(folder: Path, where: str) -> list[str]:
    if not folder.is_dir():
        raise UserError(f"{where}: must be a folder of images, but is a file")
    found = folders.list_files(folder)
    names = [name for name in found if name.lower().endswith((*EXTENSIONS, *UNSUPPORTED_EXTENSIONS))]
    if not names:
        others = f"; found {', '.join(found[:3])}{' ...' * (len(found) > 3)}" if found else "; it is empty"
        raise UserError(f"{where}: this folder holds no image ({', '.join(EXTENSIONS)}){others}")
    return names


def _drop_extension(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _drop_mask_suffix(stem: str) -> str:
    """Without the word behind a mask's name."""
    low = stem.lower()
    cut = max((len(suffix) for suffix in MASK_SUFFIXES if low.endswith(suffix)), default=0)
    return stem[: len(stem) - cut] if cut and PurePosixPath(stem).name.lower() not in MASK_SUFFIXES else stem


def _index_by_key(files: Sequence[str], keys: Sequence[str | None], where: str, rule: str) -> dict[str, str]:
    """The file of each key; a file without one belongs to nothing."""
    repeated = [key for key, count in Counter(keys).items() if count > 1 and key is not None]
    if repeated:
        same = [file for file, key in zip(files, keys, strict=True) if key == repeated[0]]
        raise UserError(
            f"{where}: {' and '.join(same[:3])} both belong to {repeated[0]}; keep one of them, or pair them otherwise "
            f"by `pair`: {rule}"
        )
    return {key: file for key, file in zip(keys, files, strict=True) if key is not None}
