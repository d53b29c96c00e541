"""Checks of images: blank ones, and pixels that never change."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding, chunks
from pipelines.data.wording import format_count
from pipelines.data_checks.context import CheckContext, format_rows

LOW_CONTRAST_SHARE = 0.1  # share of the range of grey levels; an image that spans less shows next to nothing


def check_blank_images(context: CheckContext) -> Finding | None:
    """Images of one colour, and images with next to no contrast."""
    if not _has_images(context):
        return None
    blank = [np.empty(0, dtype=np.int64)]
    faint = blank.copy()
    for field, values in context.fields:
        if field.kind == "image":
            low, high = field.range if field.range else (0, 255)
            contrast = _image_contrast(values)
            blank.append(np.flatnonzero(contrast == 0))
            faint.append(np.flatnonzero((contrast > 0) & (contrast < LOW_CONTRAST_SHARE * (high - low))))
    empty, pale = np.concatenate(blank), np.concatenate(faint)
    if not len(empty) + len(pale):
        return Finding("blank_images", "fine", 0, "No image is blank or nearly so.")
    phrases = [f"{format_count(len(empty), 'image')} of a single colour ({format_rows(empty)})"] if len(empty) else []
    phrases += (
        [f"{format_count(len(pale), 'image')} with almost no contrast ({format_rows(pale)})"] if len(pale) else []
    )
    return Finding(
        "blank_images", "warning", len(empty) + len(pale), f"There are {' and '.join(phrases)}. Look at them."
    )


def check_constant_pixels(context: CheckContext) -> Finding | None:
    if not _has_images(context):
        return None
    for field, values in context.fields:
        if field.kind == "image":
            same = np.ones(values.shape[1:3], dtype=bool)  # (H, W)
            for part in chunks(values):
                still = values[part] == values[0]  # (n, H, W) or (n, H, W, C)
                same &= still.all(axis=0) if still.ndim == 3 else still.all(axis=(0, 3))
            if count := int(same.sum()):
                sentence = (
                    f"{count} of the {same.size} pixels are the same in every {field.name}: they carry no information."
                )
                return Finding("constant_pixels", "notice", count, sentence)
    return Finding("constant_pixels", "fine", 0, "Every pixel differs between examples somewhere.")


def _has_images(context: CheckContext) -> bool:
    return any(field.kind == "image" for field, _ in context.fields)


def _image_contrast(images: NDArray[Any]) -> NDArray[np.float64]:
    """Lightest minus darkest value of every image, the largest over its channels; (N, H, W[, C]) -> (N,)."""
    contrast = np.empty(len(images))
    for part in chunks(images):
        lightest, darkest = images[part].max(axis=(1, 2)), images[part].min(axis=(1, 2))  # (n,) or (n, C)
        spread = lightest.astype(np.float64) - darkest
        contrast[part] = spread if spread.ndim == 1 else spread.max(axis=1)
    return contrast
