"""Which classes the values of masks stand for, and how common each is. N masks, K values."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.large_arrays import passing
from pipelines.runtime.user_error import Failure
from pipelines.sources.masks.decode import said, value

MANY = 64  # different values without `classes`; more are a photograph, or masks saved as JPEG
RARE = 0.01  # share of the pixels, below which a class is said to be rare


class Classes(NamedTuple):
    """What the values of masks stand for."""

    names: tuple[str, ...]  # in the order of their codes
    values: NDArray[np.int64]  # (K,), sorted
    codes: NDArray[np.uint8]  # (K,), the class of each value


def classes(
    stated: Sequence[tuple[str, int | str]], files: Sequence[str], values: Sequence[NDArray[np.int64]], where: str
) -> Classes:
    """The classes that the settings name; otherwise every different value is one, in the values' order.

    Args:
        stated: names and values of the settings, or none.
        files: (N,), the masks' names, for sentences.
        values: (N,), the different values of each mask.
        where: the folder in the settings.

    Raises:
        Failure: a mask holds a value that no class has, there are more values than classes can be, or only one.
    """
    known = np.array(sorted(value(one) for _, one in stated), dtype=np.int64)
    if stated:
        for file, found in zip(files, values, strict=True):
            if len(odd := np.setdiff1d(found, known)):
                raise Failure(
                    f"{where}/{file}: holds the value {said(int(odd[0]))}, which `classes` does not name "
                    f"({', '.join(said(int(one)) for one in known[:10])}); name it, or repair the mask"
                )
        places = {value(one): code for code, (_, one) in enumerate(stated)}
        codes = np.array([places[int(one)] for one in known], dtype=np.uint8)
        return Classes(tuple(name for name, _ in stated), known, codes)
    known = np.unique(np.concatenate(values))
    if len(known) > MANY:
        worst = max(range(len(files)), key=lambda row: (len(values[row]), -row))
        raise Failure(
            f"{where}: the masks hold {len(known)} different values, {files[worst]} alone {len(values[worst])}; a mask "
            f"has few, and is kept whole by PNG but not by JPEG. Name the values with `classes` if all are meant"
        )
    if len(known) == 1:
        raise Failure(f"{where}: every pixel of every mask is {said(int(known[0]))}; there is nothing to tell apart")
    return Classes(tuple(said(int(one)) for one in known), known, np.arange(len(known), dtype=np.uint8))


def frequencies(masks: NDArray[np.uint8], names: Sequence[str]) -> Finding:
    """How many of the pixels each class has, as stored."""
    counts = np.zeros(len(names), dtype=np.int64)
    for rows in passing(masks):
        counts += np.bincount(masks[rows].ravel(), minlength=len(names))
    shares = counts / counts.sum()
    shown = sorted(range(len(names)), key=lambda code: -counts[code])[:12]
    listed = ", ".join(f"{names[code]} {shares[code]:.2%}" for code in shown)
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    sentence = f"Share of the pixels: {listed}{more}."
    if absent := [name for name, count in zip(names, counts, strict=True) if not count]:
        sentence += f" No pixel is {_names(absent)}: check `classes` and the masks."
        return Finding("class_pixels", "warning", len(absent), sentence)
    if rare := [name for name, share in zip(names, shares, strict=True) if share < RARE]:
        sentence += f" Fewer than one pixel in a hundred is {_names(rare)}: a score over all pixels hides how it fares."
        return Finding("class_pixels", "notice", len(rare), sentence)
    return Finding("class_pixels", "fine", 0, sentence)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" or {len(names) - 10} more" if len(names) > 10 else "")
