"""Which mask belongs to which image: the same name, apart from its ending and a word such as `_mask`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipelines.runtime.user_error import Failure
from pipelines.sources.files import folders
from pipelines.sources.files.skipped import Aside
from pipelines.sources.images.decode import ENDINGS, FOREIGN

WORDS = ("mask", "masks", "label", "labels", "seg", "segmentation", "gt", "groundtruth", "annotation")
SUFFIXES = tuple(mark + word for word in WORDS for mark in ("_", "-", "."))  # what may stand behind a mask's name
RULE = (
    "an image and its mask have the same name inside their folders, apart from the ending and from a word such as "
    "_mask, _label or _gt behind the mask's"
)


class Pairs(NamedTuple):
    """N pairs of an image and a mask."""

    names: tuple[str, ...]  # (N,), the images without their endings, sorted
    images: tuple[str, ...]  # (N,), files relative to the folder of images
    masks: tuple[str, ...]  # (N,), files relative to the folder of masks
    alone: tuple[Aside, ...]  # images without a mask, and masks without an image


def pairs(images: Path, masks: Path, called: tuple[str, str]) -> Pairs:
    """Pair the files of two folders, which may be the same one.

    Args:
        images, masks: the folders.
        called: their names in the settings, for sentences.

    Raises:
        Failure: a folder holds no image, or two of its files have the same name.
    """
    ours, theirs = _pictures(images, called[0]), _pictures(masks, called[1])
    if images.samefile(masks):
        theirs = [name for name in theirs if _bare(_stem(name)) != _stem(name)]
        ours = sorted(set(ours) - set(theirs))
    image_of = _by_name(ours, [_stem(name) for name in ours], called[0])
    names = [stem if (stem := _stem(name)) in image_of else _bare(stem) for name in theirs]
    mask_of = _by_name(theirs, names, called[1])
    both = sorted(set(image_of) & set(mask_of))
    alone = [Aside(image_of[name], "has no mask") for name in sorted(set(image_of) - set(mask_of))]
    alone += [Aside(mask_of[name], "is a mask without an image") for name in sorted(set(mask_of) - set(image_of))]
    return Pairs(
        tuple(both), tuple(image_of[name] for name in both), tuple(mask_of[name] for name in both), tuple(alone)
    )


def _pictures(folder: Path, called: str) -> list[str]:
    if not folder.is_dir():
        raise Failure(f"{called}: must be a folder of images, but is a file")
    found = folders.files(folder)
    names = [name for name in found if name.lower().endswith((*ENDINGS, *FOREIGN))]
    if not names:
        others = f"; found {', '.join(found[:3])}{' ...' * (len(found) > 3)}" if found else "; it is empty"
        raise Failure(f"{called}: this folder holds no image ({', '.join(ENDINGS)}){others}")
    return names


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _bare(stem: str) -> str:
    """Without the word behind a mask's name."""
    low = stem.lower()
    cut = max((len(suffix) for suffix in SUFFIXES if low.endswith(suffix)), default=0)
    return stem[: len(stem) - cut] if cut and PurePosixPath(stem).name.lower() not in SUFFIXES else stem


def _by_name(files: Sequence[str], names: Sequence[str], called: str) -> dict[str, str]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        same = [file for file, name in zip(files, names, strict=True) if name == twice[0]]
        raise Failure(f"{called}: {' and '.join(same[:3])} both belong to {twice[0]}; keep one of them: {RULE}")
    return dict(zip(names, files, strict=True))
