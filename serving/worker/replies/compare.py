"""Is an answered reply the reply that golden outputs would have got?

Every function returns None, or a few words about the first place where they differ.
"""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.worker import image_codec

GREY_LEVEL_TOLERANCE = 1  # a picture's rounding may fall on either side
MASK_PIXEL_TOLERANCE = 0.001  # share of a mask's pixels that may be undecided between two classes; at least one may


def first_difference(expected: Any, found: Any, tolerance: float, where: str = "the reply") -> str | None:
    """Compare two JSON values: numbers up to `slack`, pictures within one grey level, the rest exactly.

    What a reply notes about unusual values follows from the request, which is not known here: it is passed over.
    """
    match expected, found:
        case {"b64": str() as one}, {"b64": str() as other}:
            return _image_difference(one, other, where)
        case dict(), dict():
            return _object_difference(expected, found, tolerance, where)
        case list(), list() if len(expected) == len(found):
            pairs = enumerate(zip(expected, found, strict=True))
            mismatches = (first_difference(one, other, tolerance, f"{where}[{place}]") for place, (one, other) in pairs)
            return next((mismatch for mismatch in mismatches if mismatch), None)
        case ((int() | float()), (int() | float())) if not isinstance(expected, bool) and not isinstance(found, bool):
            if abs(expected - found) <= tolerance:
                return None
    if expected == found and isinstance(expected, bool) == isinstance(found, bool):
        return None
    return f"{where} is {_short_repr(found)} and must be {_short_repr(expected)}"


def without_keys(reply: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name not in keys}


def mask_difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """Compare two masks pixel by pixel; a share of `PIXELS` may differ."""
    one, other = (image_codec.decode_png(base64.b64decode(picture["b64"])) for picture in (expected, found))
    if one.shape != other.shape:
        return f"the mask's shape is {other.shape} and must be {one.shape}"
    differing = int((one != other).sum())
    return (
        None
        if differing <= max(1, MASK_PIXEL_TOLERANCE * one.size)
        else f"{differing} of the mask's {one.size} pixels differ"
    )


def _object_difference(expected: dict[str, Any], found: dict[str, Any], tolerance: float, where: str) -> str | None:
    one, other = without_keys(expected, "notes"), without_keys(found, "notes")
    if one.keys() != other.keys():
        return f"{where} has {sorted(other)} and must have {sorted(one)}"
    mismatches = (first_difference(one[name], other[name], tolerance, f"{where}.{name}") for name in one)
    return next((mismatch for mismatch in mismatches if mismatch), None)


def _image_difference(expected: str, found: str, where: str) -> str | None:
    one, other = (image_codec.decode_png(base64.b64decode(text)).astype(int) for text in (expected, found))
    if one.shape != other.shape:
        return f"{where}: the picture's shape is {other.shape} and must be {one.shape}"
    worst = int(np.abs(one - other).max(initial=0))
    return None if worst <= GREY_LEVEL_TOLERANCE else f"{where}: a pixel is {worst} grey levels away"


def _short_repr(value: Any) -> str:
    text = f"{value:.7g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:60] + "..."
