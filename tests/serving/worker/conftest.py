"""The digits of small_model.py: a handler, an image, and the reply that it must get."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.worker.handler import Handler
from tests.support import small_model
from tests.support.handler_calls import Context, unpack


@pytest.fixture(scope="session")
def unpacked_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked archive of the digits."""
    folder = tmp_path_factory.mktemp("digits")
    return unpack(small_model.build_model_archive(folder), folder / "unpacked")


@pytest.fixture(scope="session")
def digits_handler(unpacked_digits: Path) -> Handler:
    handler = Handler()
    handler.initialize(Context(unpacked_digits))
    return handler


@pytest.fixture(scope="session")
def digit() -> NDArray[np.uint8]:
    """One image, (8, 8)."""
    image: NDArray[np.uint8] = small_model.load_digit_images()[0][3]
    return image


@pytest.fixture(scope="session")
def digit_reply(digit: NDArray[np.uint8]) -> dict[str, Any]:
    """The reply to `digit`, from ONNX Runtime alone."""
    probabilities = small_model.predict(digit[None])[0]
    best = int(probabilities.argmax())
    return {
        "label": str(best),
        "probability": pytest.approx(float(probabilities[best]), abs=1e-6),
        "probabilities": pytest.approx({str(k): float(p) for k, p in enumerate(probabilities)}, abs=1e-6),
    }
