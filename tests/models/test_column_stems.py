"""Stems of tables, texts, sequences and noise; every stem's shape, state and export."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from models.stems import STEMS, ColumnSpec, InputType, build_stem
from models.stems import steps as steps_module
from models.stems import text as text_module
from models.stems.audio import NO_SAMPLE
from models.stems.steps import StepsStem
from models.stems.table import MIN_CATEGORY_ROWS, CategoryStem, NumberStem
from models.stems.text import EMBEDDING_DIM, PADDING_ID, UNKNOWN_ID, EmbeddingStem, TfidfStem
from tests.support.stem_graphs import compare_graphs

ROWS = 40
NAN = np.float32(np.nan)
DRAWN = np.random.default_rng(20)
NUMBERS = np.where(DRAWN.random(ROWS) < 0.2, NAN, DRAWN.normal(50, 10, ROWS)).astype(np.float32)
CODES = DRAWN.integers(-1, 4, ROWS)
VOCABULARY, LENGTH = 9, 6
TEXTS = np.where(np.arange(LENGTH) < DRAWN.integers(0, 7, (ROWS, 1)), DRAWN.integers(1, 9, (ROWS, LENGTH)), PADDING_ID)
SEQUENCES = DRAWN.normal(3, 2, (ROWS, 5, 2)).astype(np.float32)
SEQUENCES[np.arange(5) < DRAWN.integers(0, 5, (ROWS, 1))] = NAN  # shorter ones begin with steps of NaN
SEQUENCES[::3, 4, 1] = NAN  # and some lack a value

NUMBER, CATEGORY = ColumnSpec("number"), ColumnSpec("category", (), 4)
TEXT, STEPS = ColumnSpec("text", (LENGTH,), VOCABULARY, LENGTH), ColumnSpec("steps", (5, 2))
PIXELS = DRAWN.integers(0, 256, (ROWS, 5, 4, 3), dtype=np.uint8)

RECORDINGS = (DRAWN.normal(size=(ROWS, 2700)) * 3000).astype(np.int16)
RECORDINGS[np.arange(2700) < DRAWN.integers(0, 2600, (ROWS, 1))] = NO_SAMPLE  # shorter ones begin with no samples

Case = tuple[tuple[ColumnSpec, ...], tuple[np.ndarray, ...]]
CASES: dict[str, Case] = {  # of every kind of column
    "image": ((ColumnSpec("image", (5, 4, 3)),), (PIXELS,)),
    "text": ((TEXT,), (TEXTS,)),
    "steps": ((STEPS,), (SEQUENCES,)),
    "audio": ((ColumnSpec("audio", (2700,), rate=1000),), (RECORDINGS,)),
    "number": ((NUMBER,), (NUMBERS,)),
    "category": ((CATEGORY,), (CODES,)),
    "table": ((NUMBER, CATEGORY, TEXT), (NUMBERS, CODES, TEXTS)),
    "noise": ((ColumnSpec("noise", (7,)),), (DRAWN.normal(size=(ROWS, 7)).astype(np.float32),)),
}


def fitted_stem(kind: str, input_type: InputType) -> tuple[Any, tuple[Tensor, ...]]:
    """A fitted stem and its raw columns."""
    columns, values = CASES[kind]
    return fit_stem(columns, values, input_type), tuple(torch.from_numpy(np.ascontiguousarray(one)) for one in values)


def fit_stem(columns: tuple[ColumnSpec, ...], values: tuple[np.ndarray, ...], input_type: InputType = "vector") -> Any:
    torch.manual_seed(0)
    stem = build_stem(columns, input_type)
    stem.fit(values)
    return stem


EVERY = pytest.mark.parametrize(("kind", "input_type"), STEMS, ids=lambda word: word)


@EVERY
@pytest.mark.parametrize("rows", [1, 2, ROWS])
def test_every_stem_gives_finite_numbers_of_the_stated_shape(kind: str, input_type: InputType, rows: int) -> None:
    stem, columns = fitted_stem(kind, input_type)
    features = stem(*(values[:rows] for values in columns))
    assert features.shape == (rows, *stem.input_shape)
    assert features.dtype == torch.float32
    assert features.isfinite().all()


@EVERY
def test_stem_state_round_trips(kind: str, input_type: InputType) -> None:
    stem, columns = fitted_stem(kind, input_type)
    blank: Any = build_stem(CASES[kind][0], input_type)
    blank.load_state_dict(stem.state_dict())
    assert torch.equal(blank(*columns), stem(*columns))


@EVERY
def test_an_exported_stem_computes_the_same_at_any_batch_size(kind: str, input_type: InputType) -> None:
    stem, columns = fitted_stem(kind, input_type)
    compare_graphs(stem, tuple(values.numpy() for values in columns))


@pytest.mark.parametrize(
    ("columns", "input_type", "words"),
    [
        ((NUMBER, CATEGORY), "image", "table cannot be read as image, only as: vector"),
        ((TEXT,), "image", "text cannot be read as image, only as: vector, sequence"),
        ((ColumnSpec("mask", (8, 8)),), "vector", "mask cannot be read as vector"),
        ((NUMBER, STEPS), "vector", "a table holds numbers, categories and texts, got a column of kind steps"),
    ],
)
def test_an_unreadable_column_is_refused_with_what_can_be_read(
    columns: tuple[ColumnSpec, ...], input_type: InputType, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        build_stem(columns, input_type)


# Tables


def number_stem(*columns: np.ndarray) -> NumberStem:
    stem = NumberStem(len(columns))
    stem.fit(columns)
    return stem


def test_numbers_are_standardised_like_scikit_learn_with_missing_flags() -> None:
    x = number_stem(NUMBERS)(torch.from_numpy(NUMBERS[:, None])).numpy()
    missing = np.isnan(NUMBERS)
    expected = StandardScaler().fit_transform(NUMBERS[:, None].astype(np.float64))[:, 0]
    near = ~missing & (np.abs(expected) <= NumberStem.LINEAR_DEVIATIONS)
    assert near.sum() > 20
    np.testing.assert_allclose(x[near, 0], expected[near], atol=1e-5)
    assert not x[missing, 0].any(), "what is missing counts as the mean"
    assert np.array_equal(x[:, 1], missing)


@given(arrays.arrays(np.float32, st.integers(1, 30), elements=st.floats(width=32, allow_infinity=False)))
def test_no_feature_of_a_number_exceeds_a_hundred(values: np.ndarray) -> None:
    stem = number_stem(values)
    x = stem(torch.from_numpy(values[:, None]))
    assert x.isfinite().all()
    largest = np.float32(np.finfo(np.float32).max)
    assert stem(torch.tensor([[largest], [-largest]]))[:, 0].abs().max() < 100


def test_outliers_beyond_three_deviations_are_compressed_monotonically() -> None:
    stem = number_stem(np.array([-1.0, 1.0], dtype=np.float32))  # mean 0, deviation 1
    values = torch.tensor([-1e6, -4.0, -3.0, 0.0, 2.0, 3.0, 4.0, 1e6])[:, None]
    x = stem(values)[:, 0]
    assert x[2:6].tolist() == [-3.0, 0.0, 2.0, 3.0]
    assert x[6].item() == pytest.approx(3 + np.log(2))  # 3 + log(1 + 4 - 3)
    assert torch.equal(x, -stem(-values)[:, 0])
    assert (x.diff() > 0).all()


@pytest.mark.parametrize("values", [[7.0, 7.0], [np.nan, np.nan], [np.inf, 5.0], [0.0, 1.4e-45]])
def test_a_constant_column_gives_finite_features(values: list[float]) -> None:
    stem = number_stem(np.array(values, dtype=np.float32))
    assert stem.scale.item() == 1
    assert stem(torch.tensor([[7.0], [NAN]])).isfinite().all()


def category_stem(codes: list[int], categories: int) -> CategoryStem:
    stem = CategoryStem(categories)
    stem.fit(np.array(codes))
    return stem


def test_unknown_and_rare_categories_share_the_last_feature() -> None:
    stem = category_stem([0] * MIN_CATEGORY_ROWS + [1] * (MIN_CATEGORY_ROWS - 1) + [2] * 50 + [-1] * 7, 4)
    x = stem(torch.tensor([0, 1, 2, 3, -1, 99]))
    assert x.argmax(1).tolist() == [0, 4, 2, 4, 4, 4]  # rare, never seen, missing, out of range: the last
    assert x.sum(1).tolist() == [1.0] * 6


def test_the_most_frequent_category_of_a_small_table_is_never_rare() -> None:
    stem = category_stem([0, 1], 3)
    assert stem(torch.tensor([0, 1, 2])).argmax(1).tolist() == [0, 1, 3]


@given(st.permutations([NUMBER, NUMBER, NUMBER, CATEGORY, CATEGORY, TEXT]))
def test_the_columns_of_a_table_stand_side_by_side_in_their_order(columns: list[ColumnSpec]) -> None:
    known = {NUMBER: NUMBERS, CATEGORY: CODES, TEXT: TEXTS}
    values = tuple(np.roll(known[column], shift, axis=0) for shift, column in enumerate(columns))
    table = fit_stem(tuple(columns), values)
    apart = [fit_stem((column,), (one,))(torch.from_numpy(one)) for column, one in zip(columns, values, strict=True)]
    assert table.input_shape == (3 * 2 + 2 * 5 + VOCABULARY,)
    assert torch.equal(table(*map(torch.from_numpy, values)), torch.cat(apart, 1))


# Texts


def counts_of(texts: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(text, minlength=VOCABULARY) for text in texts])


def test_tf_idf_equals_that_of_scikit_learn() -> None:
    stem, columns = fitted_stem("text", "vector")
    assert isinstance(stem, TfidfStem)
    counts = counts_of(TEXTS)
    counts[:, [PADDING_ID, UNKNOWN_ID]] = 0
    reference = TfidfTransformer(sublinear_tf=True, smooth_idf=True).fit(counts)
    np.testing.assert_allclose(stem(*columns).numpy(), reference.transform(counts).toarray(), atol=1e-6)


def test_repeated_words_count_more_and_rare_ones_most() -> None:
    stem = TfidfStem((ColumnSpec("text", (3,), 4, 3),), "vector")
    stem.fit((np.array([[2, 3, 0], [2, 0, 0]]),))
    assert stem.weight.tolist() == pytest.approx([0, 0, 1, 1 + np.log(3 / 2)])  # log((1 + N) / (1 + n)) + 1
    x = stem(torch.tensor([[2, 2, 3]]))[0]
    one, other = 1 + np.log(2), 1 + np.log(3 / 2)
    assert x.tolist() == pytest.approx([0, 0, one / np.hypot(one, other), other / np.hypot(one, other)])


def test_a_text_of_no_known_word_is_all_zeros() -> None:
    stem, _ = fitted_stem("text", "vector")
    assert not stem(torch.tensor([[PADDING_ID] * LENGTH, [UNKNOWN_ID] * LENGTH])).any()


def test_padding_is_moved_to_the_front_of_a_text() -> None:
    stem, _ = fitted_stem("text", "sequence")
    assert isinstance(stem, EmbeddingStem)
    x = stem(torch.tensor([[5, 3, 7, 0, 0, 0], [2, 3, 4, 5, 6, 7], [0] * 6])).detach()
    points = stem.embedding.weight.detach()
    assert x[:, :, EMBEDDING_DIM].tolist() == [[0, 0, 0, 1, 1, 1], [1] * 6, [0] * 6]
    assert torch.equal(x[0, 3:, :EMBEDDING_DIM], points[[5, 3, 7]])
    assert torch.equal(x[1, :, :EMBEDDING_DIM], points[[2, 3, 4, 5, 6, 7]])
    assert not x[0, :3].any()
    assert not x[2].any()


# Measurements over time


def test_measurements_are_standardised_per_variable_and_gaps_are_marked() -> None:
    stem, columns = fitted_stem("steps", "sequence")
    assert isinstance(stem, StepsStem)
    x = stem(*columns).numpy()
    missing = np.isnan(SEQUENCES)
    flat = SEQUENCES.reshape(-1, 2).astype(np.float64)
    expected = StandardScaler().fit_transform(flat).reshape(SEQUENCES.shape)
    np.testing.assert_allclose(x[..., :2][~missing], expected[~missing], atol=1e-5)
    assert not x[..., :2][missing].any()
    assert np.array_equal(x[..., 2], ~missing.all(2)), "a step that lacks one of its values is present all the same"
    vector, _ = fitted_stem("steps", "vector")
    assert np.array_equal(vector(*columns).numpy(), x[..., :2].reshape(ROWS, -1))


def test_measurements_as_an_image_are_the_sequence_with_time_as_height() -> None:
    sequence, columns = fitted_stem("steps", "sequence")
    image, _ = fitted_stem("steps", "image")
    assert image.input_shape == (3, 5, 1), "two variables and the mark of presence, five steps"
    assert torch.equal(image(*columns)[..., 0], sequence(*columns).transpose(1, 2))


def test_a_constant_or_missing_variable_gives_finite_features() -> None:
    values = np.stack([np.full((3, 4), 9.0), np.full((3, 4), np.nan)], axis=2).astype(np.float32)
    stem = StepsStem((ColumnSpec("steps", (4, 2)),), "sequence")
    stem.fit((values,))
    assert stem.scale.tolist() == [1, 1]
    assert not stem(torch.from_numpy(values))[..., :2].any()


@pytest.mark.parametrize(("module", "kind"), [(steps_module, "steps"), (text_module, "text")])
def test_a_large_train_part_is_measured_in_blocks(module: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    input_type: InputType = "vector"
    whole, columns = fitted_stem(kind, input_type)
    monkeypatch.setattr(module, "CHUNK_EXAMPLES", 7)
    torch.testing.assert_close(fitted_stem(kind, input_type)[0](*columns), whole(*columns), rtol=0, atol=1e-6)


def test_every_stem_of_the_table_is_tried_here() -> None:
    assert {kind for kind, _ in STEMS} == set(CASES)
