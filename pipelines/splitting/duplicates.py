"""Duplicates: identical examples, found by hashing their bytes."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.data.schema import Schema

DIGEST_BYTES = 16  # bytes; among a thousand million examples, two that differ share one with a chance near 1e-21
BLOCK_EXAMPLES = 2**16  # examples hashed at once


def duplicate_ids(inputs: tuple[NDArray[Any], ...], key: int = 0) -> NDArray[np.int64]:
    """Number the sets of identical examples.

    The numbers follow the order of a keyed hash of each example's bytes. That order is as good as shuffled,
    another key shuffles anew, and it depends neither on where an example stands nor on the other examples.

    Args:
        inputs: one (N, ...) array per input field; two examples are identical if all their fields are. A number that
            is missing in both is the same in both, and so are 0 and -0.
        key: any whole number.

    Returns:
        (N,), the number of the set that each example belongs to: 0 .. number of sets - 1.
    """
    sets = np.zeros(len(inputs[0]), dtype=np.int64)
    for values in inputs:
        sets = _rank_pairs(sets, hash_rows(values, str(key).encode()))
        if len(sets) == sets.max(initial=-1) + 1:  # no two are identical, whatever the other fields hold
            break
    return sets


def alike_ids(schema: Schema, inputs: tuple[NDArray[Any], ...], key: int = 0) -> NDArray[np.int64]:
    """Number the sets as `duplicate_ids` does, where texts that differ in white space or capitals are identical too.

    A network reads the same words in them. Where no two texts are alike in that way, the numbers are the same.
    """
    sets = duplicate_ids(inputs, key)
    if not any(field.kind == "text" for field in schema.inputs):
        return sets
    pairs = zip(schema.inputs, inputs, strict=True)
    alike = duplicate_ids(tuple(_hash_words(values) if field.kind == "text" else values for field, values in pairs))
    first = np.full(int(alike.max(initial=-1)) + 1, len(sets), dtype=np.int64)  # of the sets that become one
    np.minimum.at(first, alike, sets)
    return np.unique(first[alike], return_inverse=True)[1].astype(np.int64)


def _hash_words(values: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The hash of every text (N, L) in small letters, with one space between words: (N, 2)."""
    digests = bytearray()
    for rows in chunks(values):
        for row in np.ascontiguousarray(values[rows]):
            words = " ".join(row.tobytes().rstrip(b"\0").decode().lower().split())
            digests += hashlib.blake2b(words.encode(), digest_size=DIGEST_BYTES).digest()
    return np.frombuffer(digests, dtype=">u8").reshape(-1, 2).astype(np.uint64)


def hash_rows(values: NDArray[Any], key: bytes) -> NDArray[np.uint64]:
    """The hash of every row of `values` (N, ...), its first and its last bytes as a number each: (2, N)."""
    hashes = np.empty((2, len(values)), dtype=np.uint64)
    for rows in chunks(values):
        for start in range(rows.start, rows.stop, BLOCK_EXAMPLES):
            block = slice(start, min(start + BLOCK_EXAMPLES, rows.stop))
            digests = bytearray()
            for example in _normalise_floats(values[block]):
                digests += hashlib.blake2b(example.tobytes(), digest_size=DIGEST_BYTES, key=key).digest()
            hashes[:, block] = np.frombuffer(digests, dtype=">u8").reshape(-1, 2).T
    return hashes


def _rank_pairs(sets: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number the different pairs of a set (N,) and a hash (2, N), in their order: (N,)."""
    high, low = hashes
    order = np.lexsort((low, high, sets))
    starts = np.zeros(len(order), dtype=np.bool_)  # of a new pair
    for key in (sets, high, low):
        ordered = key[order]
        starts[1:] |= ordered[1:] != ordered[:-1]
    ranked = np.empty_like(sets)
    ranked[order] = np.cumsum(starts)
    return ranked


def _normalise_floats(values: NDArray[Any]) -> NDArray[Any]:
    """Values in which equal numbers have equal bytes."""
    if values.dtype.kind != "f":
        return values
    return np.where(np.isnan(values), np.array(np.nan, values.dtype), values + 0)  # -0 + 0 is 0
