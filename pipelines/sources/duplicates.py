"""Which examples are identical: found by hashing their bytes, so the examples need not fit in memory."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.data import chunks

DIGEST = 16  # bytes; among a thousand million examples, two that differ share one with a chance near 1e-21


def identical(inputs: tuple[NDArray[Any], ...], key: int = 0) -> NDArray[np.int64]:
    """Number the sets of identical examples.

    The numbers follow the order of a keyed hash of each example's bytes. That order is as good as shuffled,
    another key shuffles anew, and it depends neither on where an example stands nor on the other examples.

    Args:
        inputs: one (N, ...) array per input field; two examples are identical if all their fields are.
        key: any whole number.

    Returns:
        (N,), the number of the set that each example belongs to: 0 .. number of sets - 1.
    """
    digests = np.concatenate([_digests(values, str(key).encode()) for values in inputs], axis=1)  # (N, fields * DIGEST)
    _, sets = np.unique(digests.view(f"V{digests.shape[1]}").ravel(), return_inverse=True)
    return sets.astype(np.int64)


def _digests(values: NDArray[Any], key: bytes) -> NDArray[np.uint8]:
    """The hash of every row of `values` (N, ...), as (N, DIGEST)."""
    digests = bytearray()
    for rows in chunks(values):
        for example in values[rows]:
            digests += hashlib.blake2b(example.tobytes(), digest_size=DIGEST, key=key).digest()
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST)
