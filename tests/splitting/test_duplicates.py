"""Identical examples get one number, whatever the order, the sign of a zero or the bits of a missing number."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(width=32)), min_size=1), st.integers(0, 9))
def test_an_example_has_its_place_in_the_order_whatever_stands_beside_it(
    rows: list[tuple[int, int, float]], key: int
) -> None:
    fields = tuple(np.array(column, dtype=np.float32) for column in zip(*rows, strict=True))
    plain = [np.where(np.isnan(values), np.float32(np.nan), values + 0) for values in fields]  # -0 + 0 is 0
    examples = [tuple(value.tobytes() for value in row) for row in zip(*plain, strict=True)]
    sets = duplicate_ids(fields, key)
    assert sorted(set(sets.tolist())) == list(range(len(set(examples))))
    assert len(set(zip(sets.tolist(), examples, strict=True))) == len(set(examples))
    some = slice(None, None, -2)  # every other example, from behind
    fewer = duplicate_ids(tuple(values[some] for values in fields), key)
    assert np.argsort(fewer, kind="stable").tolist() == np.argsort(sets[some], kind="stable").tolist()


def test_examples_that_share_a_field_are_spread_over_the_whole_order() -> None:
    first, second = np.arange(3000) % 3, np.arange(3000)
    places = duplicate_ids((first, second))
    for value in range(3):  # a mean place 1,000 of 0 .. 2,999 that are drawn: 1,499.5, and its standard error is 22.4
        assert abs(places[first == value].mean() - 1499.5) < 4 * 22.4
