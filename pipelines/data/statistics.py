"""Means and standard deviations of stored columns and images.

Shapes: N rows, D columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks

Floats = NDArray[np.float64]


def mean_and_std(rows: NDArray[Any]) -> tuple[Floats, Floats]:
    """Mean and spread of every column over what is not missing, (D,) each; a spread of 0 counts as 1."""
    values = np.asarray(rows, dtype=np.float64)
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / count
    spread = np.sqrt(np.square(np.where(known, values - mean, 0)).sum(axis=0) / count)
    return mean, np.where(spread > 0, spread, 1.0)


def grey_level_mean_and_std(images: NDArray[Any]) -> tuple[float, float]:
    """Mean and spread of all grey levels of uint8 images (N, ...), exact whatever the order of rows."""
    counts = np.zeros(256, dtype=np.int64)  # how often each level occurs
    for rows in chunks(images):
        counts += np.bincount(np.asarray(images[rows]).ravel(), minlength=256)
    levels, share = np.arange(256.0), counts / counts.sum()
    mean = float((share * levels).sum())
    return mean, float((share * (levels - mean) ** 2).sum()) ** 0.5
