"""Mask classes: which class each value of the masks stands for, and how common it is. N masks, K values."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import RARE_PIXEL_SHARE, Finding
from pipelines.data.large_arrays import released_chunks
from pipelines.data.wording import format_list
from pipelines.runtime.user_error import UserError
from pipelines.sources.masks.decode import format_pixel_value, parse_pixel_value

MAX_DISTINCT_VALUES = 64  # different values without `classes`; more are a photograph, or masks saved as JPEG
MAX_LISTED_CLASSES = 12  # classes that a finding lists


class MaskClasses(NamedTuple):
    """What the values of masks stand for."""

    names: tuple[str, ...]  # in the order of their codes
    values: NDArray[np.int64]  # (K,), sorted
    codes: NDArray[np.uint8]  # (K,), the class of each value


def build_mask_classes(
    named_classes: Sequence[tuple[str, int | str]],
    files: Sequence[str],
    values: Sequence[NDArray[np.int64]],
    where: str,
) -> MaskClasses:
    """The classes that the settings name; otherwise every different value is one, in the values' order.

    Args:
        named_classes: names and values of the settings, or none.
        files: (N,), the masks' names, for sentences.
        values: (N,), the different values of each mask.
        where: the folder in the settings.

    Raises:
        UserError: a mask holds a value that no class has, there are more values than classes can be, or only one.
    """
    known = np.array(sorted(parse_pixel_value(one) for _, one in named_classes), dtype=np.int64)
    if named_classes:
        for file, found in zip(files, values, strict=True):
            if len(unnamed := np.setdiff1d(found, known)):
                raise UserError(
                    f"{where}/{file}: holds the value {format_pixel_value(int(unnamed[0]))}, which `classes` does not "
                    f"name ({', '.join(format_pixel_value(int(one)) for one in known[:10])}); name it, or repair the "
                    "mask"
                )
        code_of = {parse_pixel_value(one): code for code, (_, one) in enumerate(named_classes)}
        codes = np.array([code_of[int(one)] for one in known], dtype=np.uint8)
        return MaskClasses(tuple(name for name, _ in named_classes), known, codes)
    known = np.unique(np.concatenate(values))
    if len(known) > MAX_DISTINCT_VALUES:
        worst = max(range(len(files)), key=lambda row: (len(values[row]), -row))
        raise UserError(
            f"{where}: the masks hold {len(known)} different values, {files[worst]} alone {len(values[worst])}; a mask "
            f"has few, and is kept whole by PNG but not by JPEG. Name the values with `classes` if all are meant"
        )
    if len(known) == 1:
        raise UserError(
            f"{where}: every pixel of every mask is {format_pixel_value(int(known[0]))}; there is nothing to tell apart"
        )
    return MaskClasses(
        tuple(format_pixel_value(int(one)) for one in known), known, np.arange(len(known), dtype=np.uint8)
    )


def class_pixels_finding(masks: NDArray[np.uint8], names: Sequence[str]) -> Finding:
    """How many of the pixels each class has, as stored."""
    counts = np.zeros(len(names), dtype=np.int64)
    for rows in released_chunks(masks):
        counts += np.bincount(masks[rows].ravel(), minlength=len(names))
    shares = counts / counts.sum()
    commonest = sorted(range(len(names)), key=lambda code: -counts[code])
    listed = format_list([f"{names[code]} {shares[code]:.2%}" for code in commonest], MAX_LISTED_CLASSES)
    sentence = f"Share of the pixels: {listed}."
    if absent := [name for name, count in zip(names, counts, strict=True) if not count]:
        sentence += f" No pixel is {format_list(absent, last='or')}: check `classes` and the masks."
        return Finding("class_pixels", "warning", len(absent), sentence)
    if rare := [name for name, share in zip(names, shares, strict=True) if share < RARE_PIXEL_SHARE]:
        listed = format_list(rare, last="or")
        sentence += f" Fewer than one pixel in a hundred is {listed}: a score over all pixels hides how it fares."
        return Finding("class_pixels", "notice", len(rare), sentence)
    return Finding("class_pixels", "fine", 0, sentence)
