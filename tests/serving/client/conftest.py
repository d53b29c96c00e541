"""An image file of a digit."""

from pathlib import Path

import pytest
from PIL import Image

from tests.support import small_model


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    path = tmp_path / "digit.png"
    Image.fromarray(small_model.load_digit_images()[0][5]).save(path)
    return path
