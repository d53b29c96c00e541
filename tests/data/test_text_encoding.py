"""Texts as bytes, and as the numbers of their tokens."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema, Tokens, read_schema, write_schema
from pipelines.data.text import fit_vocabulary, from_bytes, to_bytes, token_ids
from pipelines.data.tokenizers import TOKENIZERS, collapse_white_space, tokenize

SIGNS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
TEXTS = st.text(SIGNS)


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


def test_token_ids_are_vocabulary_positions_with_1_unknown_and_0_padding() -> None:
    words = ("", "<unknown>", "win", "cash")
    found = token_ids(to_bytes(["Win cash now", "cash", "", "win win win win win"], 100), field(words, length=4))
    assert found.dtype == np.int64
    assert found.tolist() == [[2, 3, 1, 0], [3, 0, 0, 0], [0, 0, 0, 0], [2, 2, 2, 2]]


@pytest.mark.parametrize("tokens", TOKENIZERS)
@given(texts=st.lists(st.text(SIGNS, max_size=60), min_size=1, max_size=5))
def test_codes_turn_back_into_the_text_that_they_stand_for(texts: list[str], tokens: Tokens) -> None:
    schema, train = problem([*texts, *texts])  # every token is there twice
    fitted = fit_vocabulary(schema, train, tokens).inputs[0]
    for row, text in zip(token_ids(train.inputs[0], fitted), texts, strict=False):
        found = [fitted.categories[code] for code in row if code]
        if tokens == "words":
            assert found == tokenize(text)
        else:
            assert "".join(found).removeprefix(" ") == collapse_white_space(text)


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


@pytest.mark.parametrize("tokens", TOKENIZERS)
def test_a_schema_says_what_its_tokens_are_unless_they_are_words(tokens: Tokens, tmp_path: Path) -> None:
    fitted = fit_vocabulary(*problem(["free cash", "see you"] * 2), tokens)
    write_schema(tmp_path / "schema.json", fitted)
    assert read_schema(tmp_path / "schema.json") == fitted
    assert ('"tokens"' in (tmp_path / "schema.json").read_text()) == (tokens != "words")
