"""Photographs of any size: the pixels that the endpoint reads are those that training would have read."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.data.schema import Field as SchemaField
from pipelines.exporting.signature import _input_entry
from pipelines.sources.images import decode as training
from serving.worker import image_codec
from serving.worker.image_codec import decode_image
from serving.worker.request_error import RequestError
from serving.worker.signature import Field

LEVELS = np.random.default_rng(0).integers(0, 256, (90, 130, 4), dtype=np.uint8)
COLOURS = Image.fromarray(LEVELS[..., :3])
TURNED = Image.Exif()
TURNED[0x0112] = 6


def content(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


PHOTOGRAPHS = {
    "a PNG in colour": content(COLOURS),
    "a PNG of grey": content(COLOURS.convert("L")),
    "a PNG with transparent pixels": content(Image.fromarray(LEVELS)),
    "a PNG of grey and alpha": content(Image.fromarray(LEVELS).convert("LA")),
    "a PNG with a palette": content(COLOURS.convert("P")),
    "a PNG of 16 bits": content(Image.fromarray(LEVELS[..., 0].astype(np.uint16) * 250)),
    "a PNG of one bit": content(COLOURS.convert("1")),
    "a turned PNG": content(COLOURS, exif=TURNED),
    "a JPEG": content(COLOURS, "JPEG", quality=90),
    "a turned JPEG": content(COLOURS, "JPEG", exif=TURNED),
    "a JPEG of four inks": content(COLOURS.convert("CMYK"), "JPEG"),
    "a large JPEG": content(COLOURS.resize((1300, 900)), "JPEG"),
    "a small PNG": content(COLOURS.resize((5, 3))),
    "a PNG of one row": content(COLOURS.crop((0, 0, 130, 1))),
    "a PNG of the very size": content(COLOURS.resize((24, 32))),
}


def field(fit: str, grey: bool) -> Field:
    shape = (32, 24) if grey else (32, 24, 3)
    entry = _input_entry(SchemaField(name="image", kind="image", dtype="uint8", shape=shape, range=(0, 255), fit=fit))
    return Field("image", "image", "uint8", shape, (0, 255), entry["decode"] or {})


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("fit", training.FIT_METHODS)
@pytest.mark.parametrize("grey", [True, False])
def test_a_photograph_has_the_pixels_that_training_reads(name: str, fit: str, grey: bool, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(PHOTOGRAPHS[name])
    expected = training.decode_image(tmp_path / "photo", (32, 24), grey, fit).pixels
    np.testing.assert_array_equal(decode_image(PHOTOGRAPHS[name], field(fit, grey), "image"), expected)


def test_a_photograph_that_is_too_large_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_codec, "MAX_PIXELS", 1000)
    with pytest.raises(RequestError, match="image: expected a picture of at most 1000 pixels, found 130 wide and 90"):
        decode_image(PHOTOGRAPHS["a JPEG"], field("contain", grey=True), "image")


def test_a_field_of_one_size_takes_no_other() -> None:
    with pytest.raises(RequestError, match="expected a picture 24 pixels wide and 32 high, found 130 wide and 90 high"):
        decode_image(PHOTOGRAPHS["a JPEG"], field("", grey=True), "image")


def test_frames_and_damaged_photographs_are_refused() -> None:
    moving = content(COLOURS, save_all=True, append_images=[COLOURS.rotate(90)])
    with pytest.raises(RequestError, match="expected one still picture, found 2 frames"):
        decode_image(moving, field("crop", grey=False), "image")
    whole = PHOTOGRAPHS["a large JPEG"]
    with pytest.raises(RequestError, match=r"damaged|cut off"):
        decode_image(whole[:400] + b"\xff\xd9", field("crop", grey=False), "image")
