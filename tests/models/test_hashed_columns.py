"""Tables with very many words: the commonest have a feature each, the others share some, and no table is too wide."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.stems import ColumnSpec, build_stem
from models.stems import table as table_stem
from models.stems.hashing import hash_features, own_features
from models.stems.table import (
    MIN_CATEGORY_ROWS,
    MIN_SHARED_WIDTH,
    HashedCategoryStem,
    narrow_widths,
)
from tests.support.stem_graphs import compare_graphs

WIDTH = 32
CODES = np.repeat(np.arange(200), np.arange(200) // 4)  # 199 stands there 49 times, 0 to 3 not at all


def hashed_categories() -> HashedCategoryStem:
    stem = HashedCategoryStem(200, WIDTH)
    stem.fit(CODES)
    return stem


def features_of(stem: Any, values: Sequence[int]) -> np.ndarray:
    encoded = stem(torch.tensor(values))
    assert (encoded.sum(1) == 1).all()
    found: np.ndarray = encoded.argmax(1).numpy()
    return found


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60), st.integers(60 * MIN_SHARED_WIDTH, 9000))
def test_widths_are_narrowed_to_the_most_there_may_be_and_the_widest_alone(widths: list[int], most: int) -> None:
    narrowed = narrow_widths(widths, most)
    assert sum(narrowed) <= most
    assert narrowed == widths or sum(widths) > most
    cut = [new for new, old in zip(narrowed, widths, strict=True) if new < old]
    assert max(cut, default=0) - min(cut, default=0) <= 1
    assert all(new <= min(cut) + 1 for new in narrowed if cut)


def test_the_commonest_categories_have_a_feature_each_and_the_others_share_some() -> None:
    stem, own = hashed_categories(), own_features(WIDTH)
    commonest = features_of(stem, range(200 - own, 200))
    assert sorted(commonest) == list(range(own))
    others = features_of(stem, range(4, 200 - own))
    assert set(others) == set(range(own, WIDTH)), "every shared feature is used"


def test_what_is_missing_or_was_never_seen_has_the_last_feature() -> None:
    assert set(features_of(hashed_categories(), [-1, 0, 3, 200, 10**6])) == {WIDTH}


def test_a_category_of_few_rows_has_no_feature_of_its_own() -> None:
    stem = HashedCategoryStem(200, WIDTH)
    stem.fit(np.repeat([7, 8], [MIN_CATEGORY_ROWS, MIN_CATEGORY_ROWS - 1]))
    own, shared = features_of(stem, [7, 8])
    assert own == 0
    assert own_features(WIDTH) <= shared < WIDTH


@pytest.mark.parametrize("width", [16, 100, 1000])
def test_values_spread_evenly_over_the_shared_features(width: int) -> None:
    shared = width - own_features(width)
    counts = np.bincount(hash_features(np.arange(100 * shared), width) - own_features(width), minlength=shared)
    assert counts.min() > 0
    assert counts.max() < 3 * counts.mean()


DRAWN = np.random.default_rng(0)
COLUMNS = (
    ColumnSpec("category", (), 3),
    ColumnSpec("category", (), 500),
    ColumnSpec("text", (4,), 400, 4),
    ColumnSpec("number"),
)
VALUES = (
    DRAWN.integers(-1, 3, 900),
    DRAWN.integers(-1, 500, 900),
    DRAWN.integers(0, 400, (900, 4)),
    DRAWN.normal(size=900).astype(np.float32),
)


def fitted_table() -> Any:
    stem: Any = build_stem(COLUMNS, "vector")
    stem.fit(VALUES)
    return stem


def test_a_table_with_very_many_words_is_narrowed_and_its_graphs_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitted_table().input_shape == (3 + 1 + 500 + 1 + 400 + 2,)
    monkeypatch.setattr(table_stem, "MAX_WORD_FEATURES", 203)
    stem: Any = fitted_table()
    assert stem.input_shape == (3 + 1 + 100 + 1 + 100 + 2,)
    compare_graphs(stem, VALUES)


def test_the_state_of_a_narrowed_table_round_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_stem, "MAX_WORD_FEATURES", 203)
    stem: Any = fitted_table()
    blank: Any = build_stem(COLUMNS, "vector")
    blank.load_state_dict(stem.state_dict())
    tensors = tuple(map(torch.from_numpy, VALUES))
    assert torch.equal(blank(*tensors), stem(*tensors))
    assert (stem(*tensors)[:, -102:-2].square().sum(1) <= 1 + 1e-6).all(), "a text's vector has length 1 or is empty"
