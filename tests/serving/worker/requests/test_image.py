"""Image fields: JSON, PNG and JPEG of the same pixels, and damaged files."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from serving.worker.handler import Handler
from serving.worker.image_codec import decode_image
from serving.worker.signature import Field
from tests.support import small_model
from tests.support.handler_calls import Request, send
from tests.support.request_bodies import JPEG, JSON, PNG, base64_object, encode_image, image_body

Pixels = NDArray[np.uint8]


def encode(pixels: Pixels, kind: str = "PNG", mode: str = "L", **options: Any) -> bytes:
    return encode_image(Image.fromarray(pixels).convert(mode), kind, **options)


ONE_IMAGE: dict[str, Callable[[Pixels], Request]] = {
    "an image by its name": lambda digit: Request(image_body(digit.tolist())),
    "a bare image": lambda digit: Request(json.dumps(digit.tolist()).encode()),
    "whole numbers written as floats": lambda digit: Request(image_body(digit.astype(float).tolist())),
    "an image as base64 of a PNG": lambda digit: Request(image_body(base64_object(encode(digit)))),
    "a PNG": lambda digit: Request(encode(digit), PNG),
    "a PNG without a content type": lambda digit: Request(encode(digit), None),
    "a PNG in colour": lambda digit: Request(encode(digit, mode="RGB"), PNG),
    "a PNG with an opaque alpha channel": lambda digit: Request(encode(digit, mode="RGBA"), PNG),
    "a PNG of grey and alpha": lambda digit: Request(encode(digit, mode="LA"), PNG),
    "a content type in capitals": lambda digit: Request(image_body(digit.tolist()), "Application/JSON; charset=utf-8"),
}
THREE_IMAGES: dict[str, Callable[[Pixels], Any]] = {
    "instances": lambda digit: {"instances": [{"image": digit.tolist()}] * 3},
    "instances as base64": lambda digit: {"instances": [{"image": base64_object(encode(digit))}] * 3},
    "a bare list of images": lambda digit: [digit.tolist()] * 3,
}


@pytest.mark.parametrize("name", ONE_IMAGE)
def test_one_image_gets_one_reply(
    digits_handler: Handler, digit: Pixels, digit_reply: dict[str, Any], name: str
) -> None:
    assert send(digits_handler, ONE_IMAGE[name](digit)) == [(200, digit_reply)]


@pytest.mark.parametrize("name", THREE_IMAGES)
def test_many_images_get_a_list_of_replies(
    digits_handler: Handler, digit: Pixels, digit_reply: dict[str, Any], name: str
) -> None:
    request = Request(json.dumps(THREE_IMAGES[name](digit)).encode())
    assert send(digits_handler, request) == [(200, {"predictions": [digit_reply] * 3})]


def test_a_list_of_one_image_gets_a_list_of_one_reply(
    digits_handler: Handler, digit: Pixels, digit_reply: dict[str, Any]
) -> None:
    request = Request(json.dumps([digit.tolist()]).encode())
    assert send(digits_handler, request) == [(200, {"predictions": [digit_reply]})]


def test_a_jpeg_is_read_as_the_pixels_that_pillow_decodes(digits_handler: Handler, digit: Pixels) -> None:
    content = encode(digit, "JPEG", quality=95)
    with Image.open(io.BytesIO(content)) as opened:
        decoded = np.asarray(opened.convert("L"))
    as_jpeg, as_pixels = send(digits_handler, Request(content, JPEG), Request(image_body(decoded.tolist())))
    assert as_jpeg == as_pixels


def test_a_turned_image_is_turned_back_as_its_orientation_says(
    digits_handler: Handler, digit: Pixels, digit_reply: dict[str, Any]
) -> None:
    upright = Image.Exif()
    upright[0x0112] = 6  # EXIF 2.32: the 0th row is the right-hand side, so turn by 90 degrees clockwise
    turned = np.ascontiguousarray(np.rot90(digit))
    assert send(digits_handler, Request(encode(turned, exif=upright), PNG)) == [(200, digit_reply)]


def test_transparent_pixels_are_laid_over_black(digits_handler: Handler, digit: Pixels) -> None:
    layers = np.full((8, 8, 4), 255, np.uint8)
    layers[..., 3] = digit
    content = encode_image(Image.fromarray(layers), "PNG")
    as_png, as_pixels = send(digits_handler, Request(content, PNG), Request(image_body(digit.tolist())))
    assert as_png == as_pixels


def test_colour_becomes_grey_by_the_luma_of_itu_r_601(digits_handler: Handler) -> None:
    (field,) = digits_handler.signature.inputs
    content = encode_image(Image.new("RGB", (8, 8), (200, 100, 50)), "PNG")
    expected = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)  # Recommendation ITU-R BT.601-7, section 2.5.1
    assert np.unique(decode_image(content, field, "image")).tolist() == [expected]


def test_a_wide_field_takes_a_turned_image(digits_handler: Handler) -> None:
    (field,) = digits_handler.signature.inputs
    wide = Field(field.name, field.kind, field.dtype, (4, 8), field.range, field.decode_options)
    turn = Image.Exif()
    turn[0x0112] = 6
    pixels = np.arange(32, dtype=np.uint8).reshape(4, 8)
    content = encode(np.ascontiguousarray(np.rot90(pixels)), exif=turn)
    assert (decode_image(content, wide, "image") == pixels).all()


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_image_never_raises(digits_handler: Handler, data: st.DataObject) -> None:
    content = bytearray(encode(small_model.load_digit_images()[0][0], data.draw(st.sampled_from(["PNG", "JPEG"]))))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    ((status, _),) = send(digits_handler, Request(bytes(content), None))
    assert status in (200, 400, 415)


def test_base64_that_is_cut_off_is_an_error(digits_handler: Handler, digit: Pixels) -> None:
    content = base64.b64encode(encode(digit)).decode()
    ((status, _),) = send(digits_handler, Request(image_body({"b64": content[:-4]}), JSON))
    assert status == 400
