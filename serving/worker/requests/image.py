"""An image in a request: encoded bytes, base64 of them, or nested lists of whole numbers."""

import base64
import binascii
import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker import image_codec as pictures
from serving.worker.numbers import plain
from serving.worker.request_error import Refusal, shown
from serving.worker.signature import Field

LISTED = 4096  # pixels that are still written as lists rather than as a PNG


def image(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Read an image from encoded bytes, `{"b64": "<encoded bytes>"}` or nested lists of whole numbers."""
    match value:
        case bytes() | bytearray():
            return pictures.decode(bytes(value), field, where)
        case dict():
            return pictures.decode(_base64(value, where), field, where)
        case _:
            return _pixels(value, field, where)


def image_written(array: NDArray[Any], field: Field) -> Any:
    """The JSON that `image` reads as these pixels: lists of a small one, base64 of a PNG of a large one.

    What is partly transparent is always written as lists, because a PNG's transparency is laid over black.
    """
    if math.prod(field.shape) <= LISTED or field.shape[2:] == (4,):
        return array.tolist()
    return {"b64": base64.b64encode(pictures.png(array)).decode()}


def _base64(value: dict[str, Any], where: str) -> bytes:
    if list(value) != ["b64"]:
        raise Refusal(400, f'{where}: expected nested lists of pixels or {{"b64": "..."}}, found {shown(value)}')
    text = value["b64"]
    if not isinstance(text, str):
        raise Refusal(400, f"{where}.b64: expected a picture as base64 text, found {shown(text)}")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, f"{where}.b64: expected base64 text, found {shown(text)} ({error})") from error


def _pixels(value: Any, field: Field, where: str) -> NDArray[Any]:
    flat = _flat(value, field.shape, field.shape, where)
    low, high = field.range or (0, 255)
    if set(map(type, flat)) != {int} or min(flat) < low or max(flat) > high:
        flat = [_whole(number, place, field, where) for place, number in enumerate(flat)]
    return np.array(flat, dtype=field.dtype).reshape(field.shape)


def _flat(value: Any, shape: tuple[int, ...], whole: tuple[int, ...], where: str) -> list[Any]:
    """Flatten nested lists whose lengths are exactly `shape`."""
    if not isinstance(value, list) or len(value) != shape[0]:
        sizes = " x ".join(map(str, whole))
        raise Refusal(400, f"{where}: expected a list of {shape[0]} (an image is {sizes}), found {shown(value)}")
    if len(shape) == 1:
        return value
    rows = (_flat(row, shape[1:], whole, f"{where}[{place}]") for place, row in enumerate(value))
    return list(chain.from_iterable(rows))


def _whole(number: Any, place: int, field: Field, where: str) -> int:
    """Accept 3 and 3.0, which JSON does not tell apart; refuse true, 3.5, text and what is out of range."""
    low, high = field.range or (0, 255)
    if type(number) in (int, float) and low <= number <= high and number == int(number):
        return int(number)
    position = "".join(f"[{index}]" for index in np.unravel_index(place, field.shape))
    raise Refusal(
        400, f"{where}{position}: expected a whole number from {plain(low)} to {plain(high)}, found {shown(number)}"
    )
