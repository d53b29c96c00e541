"""Image fields: encoded bytes, base64 of them, or nested lists of whole numbers."""

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.image_codec import decode_image
from serving.worker.numbers import format_number
from serving.worker.request_error import RequestError, describe_value
from serving.worker.requests.base64_value import decode_base64
from serving.worker.signature import Field


def parse_image(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Parse an image from encoded bytes, `{"b64": "<encoded bytes>"}` or nested lists of whole numbers: uint8."""
    match value:
        case bytes() | bytearray():
            return decode_image(bytes(value), field, where)
        case dict():
            return decode_image(decode_base64(value, where, "a picture", "nested lists of pixels"), field, where)
        case _:
            return _parse_pixels(value, field, where)


def _parse_pixels(value: Any, field: Field, where: str) -> NDArray[Any]:
    flat = _flatten(value, field.shape, field.shape, where)
    low, high = field.range or (0, 255)
    if set(map(type, flat)) != {int} or min(flat) < low or max(flat) > high:
        flat = [_parse_integer(number, place, field, where) for place, number in enumerate(flat)]
    return np.array(flat, dtype=field.dtype).reshape(field.shape)


def _flatten(value: Any, shape: tuple[int, ...], full_shape: tuple[int, ...], where: str) -> list[Any]:
    """Flatten nested lists whose lengths are exactly `shape`."""
    if not isinstance(value, list) or len(value) != shape[0]:
        sizes = " x ".join(map(str, full_shape))
        raise RequestError(
            400, f"{where}: expected a list of {shape[0]} (an image is {sizes}), found {describe_value(value)}"
        )
    if len(shape) == 1:
        return value
    rows = (_flatten(row, shape[1:], full_shape, f"{where}[{place}]") for place, row in enumerate(value))
    return list(chain.from_iterable(rows))


def _parse_integer(number: Any, place: int, field: Field, where: str) -> int:
    """Accept 3 and 3.0, which JSON does not tell apart; refuse true, 3.5, text and what is out of range."""
    low, high = field.range or (0, 255)
    if type(number) in (int, float) and low <= number <= high and number == int(number):
        return int(number)
    position = "".join(f"[{index}]" for index in np.unravel_index(place, field.shape))
    raise RequestError(
        400,
        f"{where}{position}: expected a whole number from {format_number(low)} to {format_number(high)}, found "
        f"{describe_value(number)}",
    )
