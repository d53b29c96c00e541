"""Text fields: the tokenization of training, and texts as requests hold them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.schema import Field as TrainingField
from pipelines.data.text import build_vocabulary, to_bytes, token_ids
from serving.server.golden_requests import UNKNOWN_MARKS, text_to_json
from serving.worker.handler import Handler
from serving.worker.requests.text import tokenize_text
from serving.worker.signature import Field
from tests.support import small_models
from tests.support.handler_calls import predict

WORDS = build_vocabulary(to_bytes(["Don't pay £9.50 _ in the straße, 東京 İstanbul \x00 ΑΣ!"] * 2, 1000))


def text_field(vocabulary: list[str] | tuple[str, ...], length: int) -> Field:
    return Field("text", "text", "int64", (length,), categories=tuple(vocabulary), length=length)


@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*WORDS, " ", "ẞ", "Don't", "\x00"])).map("".join),
    st.integers(1, 9),
)
def test_serving_tokenizes_text_as_training_does(text: str, length: int) -> None:
    field = TrainingField(name="text", kind="text", dtype="uint8", shape=(1,), categories=WORDS, length=length)
    expected = token_ids(to_bytes([text], 10**6), field)[0]
    assert tokenize_text(text, text_field(WORDS, length), "text").tolist() == expected.tolist()


@given(st.lists(st.integers(1, len(WORDS) - 1), max_size=7))
def test_token_ids_round_trip_through_text(ids: list[int]) -> None:
    field = text_field(WORDS, 7)
    array = np.array([*ids, *[0] * (7 - len(ids))])
    assert tokenize_text(text_to_json(array, field), field, "text").tolist() == array.tolist()


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
