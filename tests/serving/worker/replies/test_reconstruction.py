"""Reconstruction replies: scores, verdicts, and inputs as the network reconstructs them."""

import numpy as np
import pytest
from PIL import Image

from serving.worker.handler import Handler
from tests.support.handler_calls import decode_reply_image, predict
from tests.support.request_bodies import base64_object, encode_image
from tests.support.small_models import small_model_of


def test_an_image_is_reconstructed_as_an_image(handlers: dict[str, Handler]) -> None:
    image = small_model_of("photographs").golden["photograph"][0]
    encoded = base64_object(encode_image(Image.fromarray(image), "PNG"))
    reply = predict(handlers["photographs"], {"photograph": encoded})
    found, mode = decode_reply_image(reply["reconstruction"]["photograph"])
    assert mode == "RGB"
    assert (found == np.rint(image / 2)).all()
    assert reply["score"] == pytest.approx(image.mean() / 2)
    assert "anomalous" not in reply


@pytest.mark.parametrize(("flow", "anomalous"), [(1.99, False), (2, True), (-2.5, True), (None, False)])
def test_numbers_are_reconstructed_by_name_and_the_threshold_decides(
    handlers: dict[str, Handler], flow: float | None, anomalous: bool
) -> None:
    reply = predict(handlers["pumps"], {"flow": flow, "heat": 7})
    assert reply["anomalous"] is anomalous
    assert reply["score"] == pytest.approx(abs(flow or 0))
    assert reply["threshold"] == 2.0
    assert reply["reconstruction"] == {"flow": round(flow or 0), "heat": 7.0}
