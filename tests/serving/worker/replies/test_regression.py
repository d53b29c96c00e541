"""Regression replies: values with units and intervals, dates, and outputs that are no numbers."""

import json
from dataclasses import replace

import numpy as np

from serving.worker.handler import Handler
from serving.worker.replies.regression import build_regression_reply
from serving.worker.signature import DAYS
from tests.support.handler_calls import Request, predict, send


def test_a_value_comes_with_its_unit_and_interval(handlers: dict[str, Handler]) -> None:
    expected = {"value": 2250.0, "unit": "euros", "low": 2129.5, "high": 2370.5, "coverage": 0.9}
    assert predict(handlers["prices"], {"rooms": 2.5}) == expected
    assert predict(handlers["prices"], [2.5, 2.5]) == {"predictions": [expected] * 2}


def test_a_value_that_is_a_date_is_written_as_one(handlers: dict[str, Handler]) -> None:
    signature = handlers["prices"].signature
    dated = replace(signature, target=replace(signature.target, unit=DAYS), calibration={"radius": 1.0})
    reply = build_regression_reply(np.array([[10957.4]], np.float32), dated, {})  # 2000-01-01 is 10,957
    assert reply == {"value": "2000-01-01", "low": "1999-12-31", "high": "2000-01-02"}


def test_an_output_that_is_no_number_is_an_error_of_that_request_alone(handlers: dict[str, Handler]) -> None:
    good, bad = (Request(json.dumps({"rooms": rooms}).encode()) for rooms in (3, 3e38))
    found = send(handlers["prices"], good, bad, good)
    assert [status for status, _ in found] == [200, 500, 200]
    assert "no number" in found[1][1]["error"]
    assert found[0] == found[2]
