"""Texts as bytes, words and codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import WORD, codes, decoded, encoded, fitted, tokens, vocabulary
from serving.worker.requests import text as served

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


def field(words: tuple[str, ...] = (), length: int = 0, width: int = 0) -> Field:
    return Field(name="message", kind="text", dtype="uint8", shape=(width,), categories=words, length=length)


def problem(texts: list[str]) -> tuple[Schema, Part]:
    values = encoded(texts, 8192)
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
    assert tokens(text) == expected


def test_a_served_model_cuts_words_by_the_same_rule() -> None:
    assert (served.WORDS.pattern, served.WORDS.flags) == (WORD.pattern, WORD.flags)


@given(TEXTS)
def test_tokens_hold_everything_but_white_space(text: str) -> None:
    assert "".join(tokens(text)) == "".join(text.lower().split())


@given(st.lists(TEXTS, max_size=5))
def test_what_is_stored_reads_back(texts: list[str]) -> None:
    values = encoded(texts, 8192)
    assert values.dtype == np.uint8
    assert values.shape == (len(texts), max([1, *(len(text.encode()) for text in texts)]))
    assert decoded(values) == texts


@given(TEXTS, st.integers(1, 20))
def test_a_long_text_is_cut_at_the_end_of_a_character(text: str, limit: int) -> None:
    values = encoded([text], limit)
    (kept,) = decoded(values)
    assert text.startswith(kept)
    assert values.shape[1] <= limit
    rest = text[len(kept) :]
    assert not rest or len((kept + rest[0]).encode()) > limit  # one character more would be too many


def test_half_of_a_surrogate_pair_is_no_character() -> None:
    assert decoded(encoded(["a\ud83d"], 10)) == ["a?"]


def test_the_vocabulary_lists_the_commonest_words_first_and_equals_by_alphabet() -> None:
    values = encoded(["b a c", "C b a", "b once"], 100)
    assert vocabulary(values) == ("", "<unknown>", "b", "a", "c")
    assert vocabulary(values, most=1) == ("", "<unknown>", "b")
    assert vocabulary(values, at_least=1) == ("", "<unknown>", "b", "a", "c", "once")


def test_a_code_is_a_words_place_and_1_is_an_unknown_word_and_0_is_behind_the_last() -> None:
    words = ("", "<unknown>", "win", "cash")
    found = codes(encoded(["Win cash now", "cash", "", "win win win win win"], 100), field(words, length=4))
    assert found.dtype == np.int64
    assert found.tolist() == [[2, 3, 1, 0], [3, 0, 0, 0], [0, 0, 0, 0], [2, 2, 2, 2]]


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_codes_turn_back_into_the_words_they_stand_for(texts: list[str]) -> None:
    values = encoded(texts, 8192)
    words = vocabulary(values, at_least=1)
    longest = max([1, *(len(tokens(text)) for text in texts)])
    for row, text in zip(codes(values, field(words, length=longest)), texts, strict=True):
        assert [words[code] for code in row if code] == tokens(text)


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
    assert fitted(schema, train).inputs[0].length == length


def test_the_vocabulary_is_that_of_the_part_it_is_given_and_nothing_else_changes() -> None:
    schema, part = problem(["free cash free", "see you", "see them see"])
    train = Part(tuple(values[:2] for values in part.inputs), part.target[:2])
    done = fitted(schema, train)
    assert done.inputs[0].categories == ("", "<unknown>", "free")  # "see" is twice in the third text alone
    assert done.inputs[1:] == schema.inputs[1:]
    assert done.target == schema.target
    assert Schema.model_validate(done.model_dump()) == done
