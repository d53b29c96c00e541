"""Generation replies: samples and seeds."""

from typing import Any

import numpy as np
import pytest

from serving.worker.handler import Handler
from tests.support import small_models
from tests.support.handler_calls import decode_reply_image, predict


def test_samples_are_drawn_from_the_seed_by_the_documented_rule(handlers: dict[str, Handler]) -> None:
    reply = predict(handlers["drawn"], {"number": 3, "seed": 7})
    noise = np.random.Generator(np.random.PCG64(7)).standard_normal((3, 8), dtype=np.float32)
    expected = np.clip(np.rint(small_models.predict("drawn", {"noise": noise})), 0, 255)
    assert [decode_reply_image(sample)[0].tolist() for sample in reply["samples"]] == expected.tolist()
    assert reply["seed"] == 7


@pytest.mark.parametrize("document", [{}, {"seed": 0}, {"number": 1}, {"noise": {"number": 1}}])
def test_default_is_one_sample_from_seed_0(handlers: dict[str, Handler], document: dict[str, Any]) -> None:
    assert predict(handlers["drawn"], document) == predict(handlers["drawn"], {"number": 1, "seed": 0})


def test_instances_of_a_generator_each_have_their_own_number(handlers: dict[str, Handler]) -> None:
    rows: list[dict[str, Any]] = [{"seed": 1, "number": 2}, {"noise": [0.0] * 8}, {"seed": 2}]
    found = predict(handlers["drawn"], {"instances": rows})["predictions"]
    assert [len(reply["samples"]) for reply in found] == [2, 1, 1]
    assert [reply.get("seed") for reply in found] == [1, None, 2]
    assert (decode_reply_image(found[1]["samples"][0])[0] == 128).all()
    assert found[0] == predict(handlers["drawn"], rows[0])
