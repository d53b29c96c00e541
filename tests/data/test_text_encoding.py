"""Texts as bytes, words and codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import TOKEN_PATTERN, token_ids, from_bytes, to_bytes, fit_vocabulary, tokenize, build_vocabulary
from serving.worker.requests import text as serving_text

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


def field(words: tuple[str, ...] = (), length: int = 0, width: int = 0) -> Field:
    return Field(name="message", kind="text", dtype="uint8", shape=(width,), categories=words, length=length)


def problem(texts: list[str]) -> tuple[Schema, Part]:
    values = to_bytes(texts, 8192)
    number = Field(name="hour", kind="number", dtype="float32", shape=())
    target = Field(name="folder", kind="category", dtype="int64", shape=(), categories=("a", "b"))
    inputs = (field(width=values.shape[1]), number)
    schema = Schema(inputs=inputs, target=target, title="Mail", origin="made here", licence="none")
    hours = np.zeros(len(texts), dtype=np.float32)
    return schema, Part((values, hours), np.zeros(len(texts), dtype=np.int64))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't pay £9.50!", ["don", "'", "t", "pay", "£", "9", ".", "50", "!"]),
        ("abc123def", ["abc", "123", "def"]),  # letters and digits are different words
        ("snake_case", ["snake", "_", "case"]),
        ("ÄRGER Straße", ["ärger", "straße"]),
        ("Ελλάδα, Москва", ["ελλάδα", ",", "москва"]),
        ("今日は", ["今日は"]),  # no spaces: one run of letters
        ("👍🏽", ["👍", "🏽"]),
        ("١٢٣", ["١٢٣"]),
        ("a\tb\r\nc\u00a0d\u2003e", ["a", "b", "c", "d", "e"]),
        ("İ", ["i", "\u0307"]),  # its lower case is two characters, as Unicode says
        ("", []),
        (" \n\t ", []),
        ("<unknown>", ["<", "unknown", ">"]),  # no text can hold the code of unknown words
        ("\ufffd", ["\ufffd"]),
    ],
)
def test_a_text_is_cut_into_words_numbers_and_signs(text: str, expected: list[str]) -> None:
    assert tokenize(text) == expected


def test_a_served_model_cuts_words_by_the_same_rule() -> None:
    assert (serving_text.WORD_PATTERN.pattern, serving_text.WORD_PATTERN.flags) == (TOKEN_PATTERN.pattern, TOKEN_PATTERN.flags)


@given(TEXTS)
def test_tokens_hold_everything_but_white_space(text: str) -> None:
    assert "".join(tokenize(text)) == "".join(text.lower().split())


@given(st.lists(TEXTS, max_size=5))
def test_what_is_stored_reads_back(texts: list[str]) -> None:
    values = to_bytes(texts, 8192)
    assert values.dtype == np.uint8
    assert values.shape == (len(texts), max([1, *(len(text.encode()) for text in texts)]))
    assert from_bytes(values) == texts


@given(TEXTS, st.integers(1, 20))
def test_a_long_text_is_cut_at_the_end_of_a_character(text: str, limit: int) -> None:
    values = to_bytes([text], limit)
    (kept,) = from_bytes(values)
    assert text.startswith(kept)
    assert values.shape[1] <= limit
    rest = text[len(kept) :]
    assert not rest or len((kept + rest[0]).encode()) > limit  # one character more would be too many


def test_half_of_a_surrogate_pair_is_no_character() -> None:
    assert from_bytes(to_bytes(["a\ud83d"], 10)) == ["a?"]


def test_the_vocabulary_lists_the_commonest_words_first_and_equals_by_alphabet() -> None:
    values = to_bytes(["b a c", "C b a", "b once"], 100)
    assert build_vocabulary(values) == ("", "<unknown>", "b", "a", "c")
    assert build_vocabulary(values, max_words=1) == ("", "<unknown>", "b")
    assert build_vocabulary(values, min_count=1) == ("", "<unknown>", "b", "a", "c", "once")


def test_token_ids_are_vocabulary_positions_with_1_unknown_and_0_padding() -> None:
    words = ("", "<unknown>", "win", "cash")
    found = token_ids(to_bytes(["Win cash now", "cash", "", "win win win win win"], 100), field(words, length=4))
    assert found.dtype == np.int64
    assert found.tolist() == [[2, 3, 1, 0], [3, 0, 0, 0], [0, 0, 0, 0], [2, 2, 2, 2]]


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_codes_turn_back_into_the_words_they_stand_for(texts: list[str]) -> None:
    values = to_bytes(texts, 8192)
    words = build_vocabulary(values, min_count=1)
    longest = max([1, *(len(tokenize(text)) for text in texts)])
    for row, text in zip(token_ids(values, field(words, length=longest)), texts, strict=True):
        assert [words[code] for code in row if code] == tokenize(text)


@pytest.mark.parametrize(
    ("counts", "length"),
    [
        ([1, 2, 3], 4),  # never fewer than 4
        ([10] * 95 + [99] * 5, 10),  # 95 of 100 texts are read to their end
        ([10] * 90 + [99] * 10, 99),
        ([1000, 1000], 256),  # never more than 256
    ],
)
def test_the_length_covers_95_in_100_train_texts(counts: list[int], length: int) -> None:
    schema, train = problem([" ".join(["word"] * count) for count in counts])
    assert fit_vocabulary(schema, train).inputs[0].length == length


def test_the_vocabulary_is_fitted_on_the_given_part_only() -> None:
    schema, part = problem(["free cash free", "see you", "see them see"])
    train = Part(tuple(values[:2] for values in part.inputs), part.target[:2])
    done = fit_vocabulary(schema, train)
    assert done.inputs[0].categories == ("", "<unknown>", "free")  # "see" is twice in the third text alone
    assert done.inputs[1:] == schema.inputs[1:]
    assert done.target == schema.target
    assert Schema.model_validate(done.model_dump()) == done
