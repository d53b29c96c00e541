"""Golden requests: a model's golden inputs as the JSON that its worker parses back to the same arrays."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.archive import Package
from serving.worker.dates import days_to_iso
from serving.worker.image_codec import encode_base64, encode_png
from serving.worker.integrity import split_golden
from serving.worker.numbers import shortest_floats
from serving.worker.recording import NO_SAMPLE, encode_wav
from serving.worker.requests.tokenizers import UNKNOWN_ID
from serving.worker.signature import DAYS, Field

MAX_LISTED_PIXELS = 4096  # numbers of an image that is still written as lists rather than as a PNG
UNKNOWN_MARKS = "\u25a1\u25a0\u25c7\u25c6\u25cb\u25cf"  # signs that stand for a token that is not in the vocabulary


def golden_instances(package: Package) -> list[dict[str, Any]]:
    """The golden inputs, one JSON object with the model's fields per example."""
    inputs, _ = split_golden(package.golden, package.signature)
    count = len(next(iter(inputs.values())))
    return [
        {field.name: field_to_json(inputs[field.name][row], field) for field in package.signature.inputs}
        for row in range(count)
    ]


def field_to_json(array: NDArray[Any], field: Field) -> Any:
    """Write one example's array of a field as JSON."""
    return FIELD_WRITERS[field.kind](array, field)


def image_to_json(array: NDArray[Any], field: Field) -> Any:
    """Write pixels as lists when they are few, else as base64 of a PNG.

    A partly transparent image is always written as lists: the worker lays a PNG's transparency over black.
    """
    if math.prod(field.shape) <= MAX_LISTED_PIXELS or field.shape[2:] == (4,):
        return array.tolist()
    return encode_base64(encode_png(array))


def number_to_json(array: NDArray[Any], field: Field) -> Any:
    """Write a float32 () as a number, as ISO text where the field is a date, or as null where it is NaN."""
    if np.isnan(array):
        return None
    return days_to_iso(float(array)) if field.unit == DAYS else shortest_floats(array)


def category_to_json(array: NDArray[Any], field: Field) -> Any:
    """Write a category's code () as its text, or as null where it is -1."""
    return None if array < 0 else field.categories[int(array)]


def text_to_json(array: NDArray[Any], field: Field) -> str:
    """Write token ids (T,) as their tokens in order; a sign that the vocabulary lacks stands for each unknown one."""
    unknown_mark = next(sign for sign in UNKNOWN_MARKS if sign not in field.codes)
    separator = " " if field.tokens == "words" else ""  # the others hold the spaces themselves
    joined = separator.join(
        unknown_mark if code == UNKNOWN_ID else field.categories[code] for code in array.tolist() if code
    )
    return f"{joined} " if joined.endswith("\0") else joined  # zeros at the very end are padding


def sequence_to_json(array: NDArray[Any], field: Field) -> list[list[float | None]]:
    """Write steps (T, F) as lists, NaN as null; leading steps without any value are left out, except the last step."""
    present = np.flatnonzero(~np.isnan(array).all(axis=1))
    first = int(present[0]) if len(present) else len(array) - 1
    rows: list[list[float]] = shortest_floats(array[first:])
    return [[None if math.isnan(number) else number for number in row] for row in rows]


def recording_to_json(array: NDArray[Any], field: Field) -> Any:
    """Write samples (S,) as base64 of a WAV at the field's rate, without what a shorter recording begins with."""
    samples = array[int(np.argmax(array != NO_SAMPLE)) :]
    return encode_base64(encode_wav(samples, field.decode_options["rate"]))


def noise_to_json(array: NDArray[Any], field: Field) -> Any:
    """Write a latent vector (Z,) as a list of numbers."""
    return shortest_floats(array)


# By the kind of field, as FIELD_FORMATS of the worker.
FIELD_WRITERS: dict[str, Callable[[NDArray[Any], Field], Any]] = {
    "image": image_to_json,
    "number": number_to_json,
    "category": category_to_json,
    "text": text_to_json,
    "steps": sequence_to_json,
    "audio": recording_to_json,
    "noise": noise_to_json,
}
