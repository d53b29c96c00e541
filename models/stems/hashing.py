"""Hashing: more values than features, of which the commonest values have one each and the others share."""

from typing import Any

import numpy as np

SHARED_PART = 4  # one feature in so many is shared
MULTIPLIER = 2_654_435_761  # Knuth's, of multiplicative hashing: 2**32 over the golden ratio, and prime
MODULUS = 2**32


def own_features(width: int) -> int:
    """How many of some features belong to one value each."""
    return width - max(1, width // SHARED_PART)


def hash_features(codes: np.ndarray[Any, Any], width: int) -> np.ndarray[Any, Any]:
    """The shared feature of each value, int64, from own_features(width) to width - 1.

    Args:
        codes: of the values, whole numbers from 0.
    """
    own = own_features(width)
    scattered = codes.astype(np.uint64) * np.uint64(MULTIPLIER) % np.uint64(MODULUS)
    return (own + (scattered >> np.uint64(8)) % np.uint64(width - own)).astype(np.int64)
