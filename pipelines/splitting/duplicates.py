"""Duplicates: identical examples, found by hashing their bytes.

N examples.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.data.large_arrays import allocate
from pipelines.data.schema import Schema

DIGEST_BYTES = 16  # bytes; among a thousand million examples, two that differ share one with a chance near 1e-21
BLOCK_EXAMPLES = 2**16  # examples hashed at once


def duplicate_ids(inputs: tuple[NDArray[Any], ...], key: int = 0) -> NDArray[np.int64]:
    """Number the sets of identical examples.

    The numbers follow the order of a keyed hash of all of an example's fields. That order is as good as shuffled,
    another key shuffles anew, and it depends neither on where an example stands nor on the other examples.

    Args:
        inputs: one (N, ...) array per input field; two examples are identical if all their fields are. A number that
            is missing in both is the same in both, and so are 0 and -0.
        key: any whole number.

    Returns:
        (N,), the number of the set that each example belongs to: 0 .. number of sets - 1.
    """
    count = len(inputs[0])
    sets, mixed = allocate((count,), np.int64), allocate((count,), np.uint64)
    for values in inputs:
        hashes = hash_rows(values, str(key).encode())
        for rows in chunks(mixed):
            mixed[rows] = _mix_bits(mixed[rows] ^ hashes[0, rows])
        if len(sets) > sets.max(initial=-1) + 1:  # else no two are identical, whatever the other fields hold
            sets = _rank_pairs(sets, hashes)
    if len(inputs) == 1:
        return sets
    # The sets are in the order of their first field now, and examples that share it stand side by side.
    _, first = np.unique(sets, return_index=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(mixed[first], kind="stable")] = np.arange(len(first))
    for rows in chunks(sets):
        sets[rows] = place[sets[rows]]
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
    """The hash of every row of `values` (N, ...), its first and its last bytes as a number each: (2, N).

    Of single numbers, the first is their bits mixed, and the last are their bits.
    """
    hashes = allocate((2, len(values)), np.uint64)
    for rows in chunks(values):
        for start in range(rows.start, rows.stop, BLOCK_EXAMPLES):
            block = slice(start, min(start + BLOCK_EXAMPLES, rows.stop))
            if values.ndim == 1 and values.dtype.itemsize <= 8:
                hashes[:, block] = _hash_numbers(values[block], key)
                continue
            digests = bytearray()
            for example in _normalise_floats(values[block]):
                digests += hashlib.blake2b(example.tobytes(), digest_size=DIGEST_BYTES, key=key).digest()
            hashes[:, block] = np.frombuffer(digests, dtype=">u8").reshape(-1, 2).T
    return hashes


def _hash_numbers(values: NDArray[Any], key: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The same of single numbers (N,)."""
    bits = np.ascontiguousarray(_normalise_floats(values)).view(f"u{values.dtype.itemsize}").astype(np.uint64)
    salt = np.frombuffer(hashlib.blake2b(digest_size=8, key=key).digest(), dtype=">u8").astype(np.uint64)
    return _mix_bits(bits ^ salt), bits


def _mix_bits(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Different numbers for different numbers, as good as random: (N,).

    Source: Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 17: SplitMix64.
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _rank_pairs(sets: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number the different pairs of a set (N,) and a hash (2, N), in their order: (N,)."""
    high, low = hashes
    order = np.lexsort((low, high, sets))
    starts = np.zeros(len(order), dtype=np.bool_)  # of a new pair
    for key in (sets, high, low):
        ordered = key[order]
        starts[1:] |= ordered[1:] != ordered[:-1]
    ranked = allocate(sets.shape, np.int64)
    ranked[order] = np.cumsum(starts)
    return ranked


def _normalise_floats(values: NDArray[Any]) -> NDArray[Any]:
    """Values in which equal numbers have equal bytes."""
    if values.dtype.kind != "f":
        return values
    return np.where(np.isnan(values), np.array(np.nan, values.dtype), values + 0)  # -0 + 0 is 0
