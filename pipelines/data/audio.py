"""Recordings as they are stored: whole numbers of 16 bits, with a mark where a shorter one has no sample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_SAMPLE = -32768  # the lowest number of 16 bits; a sample that low is stored as -32767


def loudness(samples: NDArray[Any]) -> NDArray[np.float64]:
    """The root mean square of the samples of each recording, (n, S) -> (n,)."""
    known = samples != NO_SAMPLE
    squares = np.square(np.where(known, samples, 0), dtype=np.float64)
    return np.asarray(np.sqrt(squares.sum(axis=1) / np.maximum(1, known.sum(axis=1))))
