"""Tokenizers: words, characters and subwords."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.tokenizers import (
    MAX_RUN_CHARACTERS,
    TOKENIZERS,
    fit_characters,
    fit_subwords,
    fit_words,
    tokenize,
)

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


def encode(tokens: str, vocabulary: Sequence[str], text: str) -> list[str]:
    """The tokens of a text, "?" for those that the vocabulary lacks."""
    names = ["", "?", *vocabulary]
    ids = {token: number for number, token in enumerate(["", "<unknown>", *vocabulary])}
    return [names[number] for number in TOKENIZERS[tokens].encoder(ids)(text)]


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


@given(TEXTS)
def test_tokens_hold_everything_but_white_space(text: str) -> None:
    assert "".join(tokenize(text)) == "".join(text.lower().split())


def test_words_are_listed_the_commonest_first_and_equals_by_alphabet() -> None:
    texts = ["b a c", "C b a", "b once"]
    assert fit_words(texts) == ["b", "a", "c"]
    assert fit_words(texts, max_words=1) == ["b"]
    assert fit_words(texts, min_count=1) == ["b", "a", "c", "once"]


def test_characters_are_kept_as_they_are_written() -> None:
    assert fit_characters(["Aa  a\n", "\tAb "]) == [" ", "A", "a"]
    assert encode("characters", ["A", "a", " "], " Aa\n\n b") == ["A", "a", " ", "?"]


def test_subwords_are_the_commonest_neighbours_joined() -> None:
    # the example of Sennrich et al. 2016: "es" and "est" occur 9 times, then come 7 of "low" and 6 of "new"
    texts = ["low " * 5 + "lower " * 2, "newest " * 6 + "widest " * 3]
    vocabulary = fit_subwords(texts, max_subwords=19)
    assert [token for token in vocabulary if len(token) > 1] == ["es", "est", " l", " lo", " low", " n", " ne", " new"]
    assert encode("subwords", vocabulary, "lowest newer") == [" low", "est", " new", "e", "r"]


def test_the_middle_of_a_name_is_told_from_its_beginning() -> None:
    vocabulary = fit_subwords(["csv", "read_csv", "to_csv"] * 3)
    assert encode("subwords", vocabulary, "csv read_csv") == [" csv", " read", "_", "csv"]


def test_a_subword_that_was_never_seen_is_cut_into_what_was() -> None:
    vocabulary = fit_subwords(["reading reader", "reader seeing"] * 5)
    assert "".join(encode("subwords", vocabulary, "seer")) == " seer"
    assert encode("subwords", vocabulary, "seeß")[-1] == "?"
    assert encode("words", fit_words(["reading reader", "reader seeing"] * 5), "seer") == ["?"]


@given(st.lists(TEXTS, max_size=6), st.randoms())
def test_the_order_of_texts_changes_no_vocabulary(texts: list[str], random: random.Random) -> None:
    shuffled = [*texts, *texts]
    random.shuffle(shuffled)
    for tokenizer in TOKENIZERS.values():
        assert tokenizer.fit(shuffled) == tokenizer.fit([*texts, *texts])


@given(st.lists(st.text("ab ", max_size=12), min_size=1, max_size=8))
def test_subwords_are_cut_as_they_were_while_they_were_fitted(texts: list[str]) -> None:
    """Every subword is joined of two that come before it, so that each can be reached."""
    vocabulary = fit_subwords(texts)
    for place, token in enumerate(vocabulary):
        parts = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        assert len(token) == 1 or any({*pair} <= {*vocabulary[:place]} for pair in parts)


def test_a_run_without_end_is_cut() -> None:
    vocabulary = fit_subwords(["a" * 10_000])
    assert max(map(len, vocabulary)) <= MAX_RUN_CHARACTERS
    assert "".join(encode("subwords", vocabulary, "a" * 10_000)) == "?" + "a" * 10_000
