"""Sequence fields: by step or by variable, whole or shorter, with missing values."""

import json
import math
from typing import Any

import numpy as np
import pytest

from pipelines.sources.series import words
from serving.worker.handler import Handler
from serving.worker.request_error import RequestError
from serving.worker.requests import sequence
from serving.worker.requests.sequence import parse_sequence
from serving.worker.signature import Field
from tests.support import small_models
from tests.support.handler_calls import Request, predict, send


def test_a_window_without_any_value_gets_a_note(handlers: dict[str, Handler]) -> None:
    ((_, reply),) = send(handlers["weather"], Request(json.dumps({"window": [[None, None]] * 6}).encode()))
    assert "window: every value is missing" in reply.get("notes", reply.get("error"))


def test_a_window_may_be_steps_or_variables_and_shorter_than_whole(handlers: dict[str, Handler]) -> None:
    steps: list[list[float | None]] = [[1, 10], [2, 20], [None, 30]]
    by_variable = {"wind": [1, 2, None], "rain": [10, 20, 30]}
    replies = [
        predict(handlers["weather"], {"window": steps}),
        predict(handlers["weather"], {"window": by_variable}),
        predict(handlers["weather"], steps),
        *predict(handlers["weather"], [steps])["predictions"],
    ]
    assert all(reply == replies[0] for reply in replies)
    whole = np.full((1, 6, 2), np.nan, np.float32)
    whole[0, 3:] = np.array(steps, np.float32)
    quantiles = small_models.predict("weather", {"window": whole})[0]
    assert replies[0]["horizon"][2] == {
        "step": 3,
        "wind": {"0.1": quantiles[2, 0, 0], "0.5": quantiles[2, 0, 1], "0.9": quantiles[2, 0, 2]},
        "rain": {"0.1": 27.0, "0.5": 30.0, "0.9": 33.0},
    }
    assert replies[0]["unit"] == "mm"
    assert "times" not in replies[0]


@pytest.mark.parametrize("value", [[1, None, 3], [[1], [None], [3]], {"sun": [1, None, 3]}])
def test_one_variable_may_be_a_flat_list(value: Any) -> None:
    field = Field("window", "steps", "float32", (4, 1), columns=("sun",))
    expected = np.array([[math.nan], [1], [math.nan], [3]], np.float32)
    assert np.array_equal(parse_sequence(value, field, "window"), expected, equal_nan=True)


WINDS = Field("window", "steps", "float32", (3, 3), columns=("load", "wind=NW", "wind=SE"))


def test_a_column_of_words_may_be_sent_as_words_and_an_unknown_word_is_none_of_them() -> None:
    found = parse_sequence({"load": [1, 2, 3], "wind": ["SE", None, "storm"]}, WINDS, "window")
    expected = np.array([[1, 0, 1], [2, math.nan, math.nan], [3, 0, 0]], np.float32)
    np.testing.assert_array_equal(found, expected)
    by_number = {"load": [1], "wind=NW": [0], "wind=SE": [1]}
    np.testing.assert_array_equal(parse_sequence(by_number, WINDS, "window")[2], expected[0])


def test_a_word_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(RequestError, match=r"window\.wind\[1\]: expected a word or null, found 3"):
        parse_sequence({"load": [1, 2], "wind": ["SE", 3]}, WINDS, "window")


def test_training_and_serving_name_the_variable_of_a_word_alike() -> None:
    assert sequence.WORD_SIGN == words.WORD_SIGN
