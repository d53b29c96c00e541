"""Sequence fields: by step or by variable, whole or shorter, with missing values."""

import json
import math
from typing import Any

import numpy as np
import pytest

from serving.worker.handler import Handler
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
