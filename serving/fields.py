"""A value in a request -> the array the graph reads; one decoder per kind of field."""

import base64
import binascii
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving import pictures
from serving.refusal import Refusal, names, shown
from serving.signature import Field


def image(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Read an image from encoded bytes, `{"b64": "<encoded bytes>"}` or nested lists of whole numbers."""
    match value:
        case bytes() | bytearray():
            return pictures.decode(bytes(value), field, where)
        case dict():
            return pictures.decode(_base64(value, where), field, where)
        case _:
            return _pixels(value, field, where)


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
    low, high = field.range
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
    low, high = field.range
    if type(number) in (int, float) and low <= number <= high and number == int(number):
        return int(number)
    position = "".join(f"[{index}]" for index in np.unravel_index(place, field.shape))
    raise Refusal(400, f"{where}{position}: expected a whole number from {low:g} to {high:g}, found {shown(number)}")


# A further kind of field is one function above and one row here.
DECODERS: dict[str, Callable[[Any, Field, str], NDArray[Any]]] = {
    "image": image,
}


def example(value: Any, fields: tuple[Field, ...], where: str) -> dict[str, NDArray[Any]]:
    """Read one example from an object that has exactly the signature's fields.

    Raises:
        Refusal: a field is missing, unknown or wrong; the sentence begins with its place in the request.
    """
    expected = [field.name for field in fields]
    if not isinstance(value, dict):
        raise Refusal(400, f"{where}: expected an object with {names(expected)}, found {shown(value)}")
    if missing := [name for name in expected if name not in value]:
        raise Refusal(400, f"{where}: the field {names(missing)} is missing, found {shown(value)}")
    if unknown := [name for name in value if name not in expected]:
        raise Refusal(400, f"{where}: expected only {names(expected)}, found the unknown field {names(unknown)}")
    prefix = "" if where == "request" else f"{where}."
    return {field.name: DECODERS[field.kind](value[field.name], field, prefix + field.name) for field in fields}
