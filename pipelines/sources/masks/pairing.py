"""Mask pairing: the mask of an image has its name, apart from the ending and a word such as `_mask`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipelines.runtime.user_error import UserError
from pipelines.sources.files import folders
from pipelines.sources.files.skipped import Skipped
from pipelines.sources.images.decode import EXTENSIONS, UNSUPPORTED_EXTENSIONS

MASK_WORDS = ("mask", "masks", "label", "labels", "seg", "segmentation", "gt", "groundtruth", "annotation")
MASK_SUFFIXES = tuple(
    mark + word for word in MASK_WORDS for mark in ("_", "-", ".")
)  # what may stand behind a mask's name
PAIRING_RULE = (
    "an image and its mask have the same name inside their folders, apart from the ending and from a word such as "
    "_mask, _label or _gt behind the mask's"
)


class FilePairs(NamedTuple):
    """N pairs of an image and a mask."""

    names: tuple[str, ...]  # (N,), the images without their endings, sorted
    images: tuple[str, ...]  # (N,), files relative to the folder of images
    masks: tuple[str, ...]  # (N,), files relative to the folder of masks
    unpaired: tuple[Skipped, ...]  # images without a mask, and masks without an image


def pair_files(images: Path, masks: Path, where: tuple[str, str]) -> FilePairs:
    """Pair the files of two folders, which may be the same one.

    Args:
        images, masks: the folders.
        where: their names in the settings, for sentences.

    Raises:
        UserError: a folder holds no image, or two of its files have the same name.
    """
    image_files, mask_files = _list_image_files(images, where[0]), _list_image_files(masks, where[1])
    if images.samefile(masks):
        mask_files = [name for name in mask_files if _drop_mask_suffix(_drop_extension(name)) != _drop_extension(name)]
        image_files = sorted(set(image_files) - set(mask_files))
    image_of = _index_by_name(image_files, [_drop_extension(name) for name in image_files], where[0])
    names = [stem if (stem := _drop_extension(name)) in image_of else _drop_mask_suffix(stem) for name in mask_files]
    mask_of = _index_by_name(mask_files, names, where[1])
    paired_names = sorted(set(image_of) & set(mask_of))
    unpaired = [Skipped(image_of[name], "has no mask") for name in sorted(set(image_of) - set(mask_of))]
    unpaired += [Skipped(mask_of[name], "is a mask without an image") for name in sorted(set(mask_of) - set(image_of))]
    return FilePairs(
        tuple(paired_names),
        tuple(image_of[name] for name in paired_names),
        tuple(mask_of[name] for name in paired_names),
        tuple(unpaired),
    )


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


def _index_by_name(files: Sequence[str], names: Sequence[str], where: str) -> dict[str, str]:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        same = [file for file, name in zip(files, names, strict=True) if name == repeated[0]]
        raise UserError(
            f"{where}: {' and '.join(same[:3])} both belong to {repeated[0]}; keep one of them: {PAIRING_RULE}"
        )
    return dict(zip(names, files, strict=True))
