"""Text fields: the tokenization of training, and texts as requests hold them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data import tokenizers as training_tokenizers
from pipelines.data.parts import Part
from pipelines.data.schema import Field as TrainingField
from pipelines.data.schema import Schema, Tokens
from pipelines.data.text import fit_vocabulary, to_bytes, token_ids
from pipelines.data.tokenizers import TOKENIZERS
from serving.server.golden_requests import UNKNOWN_MARKS, text_to_json
from serving.worker.handler import Handler
from serving.worker.requests import tokenizers
from serving.worker.requests.text import text_notes, tokenize_text
from serving.worker.signature import Field
from tests.support import small_models
from tests.support.handler_calls import predict

SAMPLE = "Don't pay £9.50 _ in the straße, 東京 İstanbul \x00 ΑΣ! the them there read_csv to_csv"


def fitted_field(tokens: Tokens) -> TrainingField:
    """A text's field with the vocabulary of SAMPLE."""
    values = to_bytes([SAMPLE] * 2, 1000)
    field = TrainingField(name="text", kind="text", dtype="uint8", shape=values.shape[1:])
    schema = Schema(inputs=(field,), target=field, title="", origin="", licence="")
    return fit_vocabulary(schema, Part((values,), np.zeros(2)), tokens).inputs[0]


FITTED = {tokens: fitted_field(tokens) for tokens in TOKENIZERS}


def text_field(vocabulary: list[str] | tuple[str, ...], length: int, tokens: str = "words") -> Field:
    return Field("text", "text", "int64", (length,), categories=tuple(vocabulary), length=length, tokens=tokens)


TEXTS = st.text(max_size=60) | st.lists(st.sampled_from([*SAMPLE.split(), " ", "ẞ", "\x00", "  ", "a" * 40])).map(
    "".join
)


@pytest.mark.parametrize("tokens", TOKENIZERS)
@given(text=TEXTS, length=st.integers(1, 40))
def test_serving_tokenizes_text_as_training_does(tokens: Tokens, text: str, length: int) -> None:
    field = FITTED[tokens].model_copy(update={"length": length})
    expected = token_ids(to_bytes([text], 10**6), field)[0]
    served = text_field(field.categories, length, tokens)
    assert tokenize_text(text, served, "text").tolist() == expected.tolist()


def test_serving_and_training_have_the_same_tokenizers_and_patterns() -> None:
    assert list(tokenizers.TOKENIZERS) == list(TOKENIZERS)
    for name in ("WORD_PATTERN", "RUN_PATTERN", "MAX_RUN_CHARACTERS", "UNKNOWN_ID"):
        assert getattr(tokenizers, name) == getattr(training_tokenizers, name)


@pytest.mark.parametrize("tokens", TOKENIZERS)
@given(text=TEXTS, length=st.integers(4, 40))  # no vocabulary has fewer
def test_token_ids_round_trip_through_text(tokens: Tokens, text: str, length: int) -> None:
    field = text_field(FITTED[tokens].categories, length, tokens)
    ids = tokenize_text(text, field, "text")
    assert tokenize_text(text_to_json(ids, field), field, "text").tolist() == ids.tolist()


@pytest.mark.parametrize(
    ("tokens", "note"),
    [
        ("words", "text: only the first 3 of 7 words are read"),
        ("characters", "text: only the first 3 of 22 characters are read"),
        ("subwords", "text: only the first 3 of"),
    ],
)
def test_a_note_counts_what_a_text_is_cut_into(tokens: Tokens, note: str) -> None:
    field = text_field(FITTED[tokens].categories, 3, tokens)
    text = "pay to_csv in the them"
    (found,) = text_notes(text, tokenize_text(text, field, "text"), field, "text")
    assert found.startswith(note)


def test_a_mark_in_the_vocabulary_does_not_stand_for_an_unknown_word() -> None:
    field = text_field(["", "<unknown>", UNKNOWN_MARKS[0]], 3)
    assert text_to_json(np.array([1, 2, 0]), field) == f"{UNKNOWN_MARKS[1]} {UNKNOWN_MARKS[0]}"


def test_a_text_may_be_the_body_a_field_or_bare(handlers: dict[str, Handler]) -> None:
    text = "You HAVE won!!"
    replies = [
        predict(handlers["spam"], text.encode(), "text/plain"),
        predict(handlers["spam"], {"text": text}),
        *predict(handlers["spam"], [text])["predictions"],
        *predict(handlers["spam"], {"instances": [{"text": text}]})["predictions"],
    ]
    assert all(reply == replies[0] for reply in replies)


def test_a_text_reaches_the_graph_as_its_token_ids(handlers: dict[str, Handler]) -> None:
    ids = {"text": np.array([[2, 3, 4, 5, 5]])}  # you have won ! !
    expected = small_models.predict("spam", ids)[0]
    found = predict(handlers["spam"], {"text": " You\tHAVE won!! and more"})
    assert list(found["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert found["notes"] == ["text: only the first 5 of 7 words are read"]


@pytest.mark.parametrize("text", ["", " \n", "\x00", "zebra quagga"])
def test_a_text_without_a_known_word_gets_a_note(handlers: dict[str, Handler], text: str) -> None:
    assert predict(handlers["spam"], {"text": text})["notes"] == ["text: none of its words was seen in training"]
