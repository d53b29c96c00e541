"""Identical examples get one number, whatever the order, the sign of a zero or the bits of a missing number."""

import numpy as np

from pipelines.splitting.duplicates import duplicate_ids


def test_identical_needs_all_fields_to_agree() -> None:
    sets = duplicate_ids((np.array([1, 1, 1, 2]), np.array([[0, 0], [0, 1], [0, 0], [0, 0]])))
    assert sets[0] == sets[2]
    assert len(set(sets)) == 3


def test_identical_finds_what_sorting_whole_rows_finds() -> None:
    values = np.random.default_rng(1).integers(0, 3, (500, 4), dtype=np.uint8)
    _, expected = np.unique(values, axis=0, return_inverse=True)
    pairs = set(zip(duplicate_ids((values,)).tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == len(set(expected.ravel().tolist()))  # numbered otherwise, grouped the same


def test_another_key_shuffles_the_sets_anew() -> None:
    values = np.arange(100)
    assert not np.array_equal(duplicate_ids((values,), key=1), duplicate_ids((values,), key=2))


def test_zeros_of_both_signs_and_missing_numbers_of_all_kinds_are_alike() -> None:
    odd = np.frombuffer(np.array([0x7FC00001], dtype=np.uint32).tobytes(), dtype=np.float32)[0]  # a NaN of other bits
    values = np.array([0.0, -0.0, np.nan, odd, 1.0], dtype=np.float32)
    sets = duplicate_ids((values,))
    assert len(set(sets.tolist())) == 3
    assert sets[0] == sets[1]
    assert sets[2] == sets[3]
