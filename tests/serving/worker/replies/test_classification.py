"""Classification replies: labels, probabilities and thresholds."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.worker.handler import Handler
from serving.worker.replies.classification import build_classification_reply
from serving.worker.signature import Field, Signature
from tests.support.handler_calls import predict

TEN_CLASSES = Signature(
    name="digits", version="1.0", task="classification", inputs=(), outputs=(),
    labels=tuple(str(digit) for digit in range(10)), tolerance=1e-5, target=Field("", "category", "int64", ()),
    calibration={}, levels=(),
)  # fmt: skip


def test_of_two_classes_the_threshold_decides(handlers: dict[str, Handler]) -> None:
    row = {"age": 0, "sex": "female", "alone": False, "born": None}
    for born, label in (("2080-07-17", "no"), ("2081-08-31", "yes")):  # around 40,547 days: sigmoid(0.4055) is 0.6
        reply = predict(handlers["survival"], {**row, "born": born})
        assert reply["label"] == label
        assert reply["threshold"] == 0.6
        assert reply["probability"] == reply["probabilities"][label]
        assert sum(reply["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(("threshold", "label"), [(0.6000000238418579, "yes"), (0.6000000238418581, "no")])
def test_a_probability_equal_to_the_threshold_is_positive(
    handlers: dict[str, Handler], threshold: float, label: str
) -> None:
    """0.6000000238418579 is exactly the float32 next to 0.6."""
    signature = replace(handlers["survival"].signature, calibration={"threshold": threshold, "positive": 1.0})
    probabilities = np.array([[0.4, 0.6]], np.float32)
    assert build_classification_reply(probabilities, signature, {})["label"] == label


@given(st.lists(st.floats(0, 1, width=32), min_size=10, max_size=10))
def test_probabilities_are_written_as_the_same_floats(row: list[float]) -> None:
    probabilities = np.array([row], np.float32)
    reply = json.loads(json.dumps(build_classification_reply(probabilities, TEN_CLASSES, {})))
    found = np.array([list(reply["probabilities"].values())], np.float32)
    assert (found == probabilities).all()
    assert reply["label"] == str(probabilities.argmax())
