"""Reply comparison: a reply over HTTP against the one that a golden output gives, up to the signature's tolerance.

Every function returns None where the two agree, or a few words about the first difference. `scale` is what a
difference of the graph's outputs is measured against, in the shape of one example's output.
"""

import base64
import math
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.worker.dates import iso_to_days
from serving.worker.numbers import shortest_floats
from serving.worker.replies.classification import predicted_class
from serving.worker.replies.forecasting import variable_names
from serving.worker.replies.reconstruction import is_anomalous, split_by_field
from serving.worker.signature import DAYS, Field, Signature

GREY_LEVEL_TOLERANCE = 1  # grey levels: a pixel next to a half may be rounded either way
MASK_PIXEL_TOLERANCE = 0.001  # share of a mask's pixels that may fall in another class; at least one pixel may
DATE_TOLERANCE = 1  # days: a date next to midnight may be rounded either way
MAX_VALUE_CHARACTERS = 60  # characters of a value that a message repeats

Reply = Mapping[str, Any]


def classification_difference(expected: Reply, found: Reply, signature: Signature, scale: NDArray[Any]) -> str | None:
    """Compare the probabilities, and the label with the reply's own probabilities: two may be equally probable."""
    derived = ("label", "probability")
    tolerance = signature.tolerance * float(scale.max())
    if mismatch := first_difference(_without(expected, *derived), _without(found, *derived), tolerance):
        return mismatch
    probabilities = np.array([found["probabilities"][label] for label in signature.labels], dtype=np.float32)
    predicted = predicted_class(probabilities, signature)
    return first_difference(
        [signature.labels[predicted], shortest_floats(probabilities[predicted])],
        [found["label"], found["probability"]],
        0.0,
    )


def regression_difference(expected: Reply, found: Reply, signature: Signature, scale: NDArray[Any]) -> str | None:
    """Compare the values and intervals; dates up to one day."""
    dates = {"value", "low", "high"} & expected.keys() & found.keys() if signature.target.unit == DAYS else set()
    for name in sorted(dates):
        if not _same_date(expected[name], found[name]):
            return f"{name} is {found[name]} and must be {expected[name]}"
    tolerance = signature.tolerance * float(scale.max())
    return first_difference(_without(expected, *dates), _without(found, *dates), tolerance)


def forecast_difference(expected: Reply, found: Reply, signature: Signature, scale: NDArray[Any]) -> str | None:
    """Compare the forecasts, each variable by its own scale: (H steps, F variables, Q quantiles)."""
    if len(found.get("horizon", ())) != len(expected["horizon"]):
        return f"horizon has {len(found.get('horizon', ()))} steps and must have {len(expected['horizon'])}"
    for place, name in enumerate(variable_names(signature)):
        tolerance = signature.tolerance * float(scale[:, place].max())
        one, other = ([step.get(name) for step in reply["horizon"]] for reply in (expected, found))
        if mismatch := first_difference(one, other, tolerance, name):
            return mismatch
    return first_difference(_without(expected, "horizon"), _without(found, "horizon"), 0.0)


def segmentation_difference(expected: Reply, found: Reply, signature: Signature, scale: NDArray[Any]) -> str | None:
    """Compare the masks pixel by pixel, and the areas by the same tolerance."""
    if mismatch := first_difference(_without(expected, "mask", "area"), _without(found, "mask", "area"), 0.0):
        return mismatch
    tolerance = max(1 / math.prod(expected["size"]), MASK_PIXEL_TOLERANCE)
    return _mask_difference(expected["mask"], found["mask"]) or first_difference(
        expected["area"], found["area"], tolerance
    )


def reconstruction_difference(expected: Reply, found: Reply, signature: Signature, scale: NDArray[Any]) -> str | None:
    """Compare scores and reconstructions by their scale (1 + D,), and the verdict with the reply's own score."""
    compared_apart = ("score", "reconstruction", "anomalous")
    mismatch = first_difference(_without(expected, *compared_apart), _without(found, *compared_apart), 0.0)
    mismatch = mismatch or first_difference(
        expected["score"], found["score"], signature.tolerance * float(scale[0]), "score"
    )
    if mismatch:
        return mismatch
    if "anomalous" in expected and found.get("anomalous") != is_anomalous(np.float32(found["score"]), signature):
        return f"anomalous is {found.get('anomalous')}, which does not follow from the score {found['score']}"
    scales = split_by_field(scale[1:], signature.inputs)
    for field in signature.inputs:
        one, other = (reply["reconstruction"].get(field.name) for reply in (expected, found))
        if mismatch := _field_difference(one, other, signature.tolerance * float(scales[field.name].max()), field):
            return mismatch
    return None


def _field_difference(expected: Any, found: Any, tolerance: float, field: Field) -> str | None:
    if field.unit == DAYS and isinstance(found, str) and _same_date(expected, found):
        return None
    return first_difference(expected, found, tolerance, f"reconstruction.{field.name}")


def generation_difference(expected: Reply, found: Reply, signature: Signature, scale: NDArray[Any]) -> str | None:
    """Compare the samples pixel by pixel."""
    return first_difference(expected, found, signature.tolerance * float(scale.max()))


# A further task is a function above and one row here.
REPLY_COMPARISONS: dict[str, Callable[[Reply, Reply, Signature, NDArray[Any]], str | None]] = {
    "classification": classification_difference,
    "regression": regression_difference,
    "forecasting": forecast_difference,
    "segmentation": segmentation_difference,
    "reconstruction": reconstruction_difference,
    "denoising": reconstruction_difference,
    "anomaly_detection": reconstruction_difference,
    "generation": generation_difference,
}


def reply_difference(expected: Reply, found: Reply, signature: Signature, scale: NDArray[Any]) -> str | None:
    """Compare two replies as the signature's task demands."""
    return REPLY_COMPARISONS[signature.task](expected, found, signature, scale)


def first_difference(expected: Any, found: Any, tolerance: float, where: str = "the reply") -> str | None:
    """Compare two JSON values: numbers up to `tolerance`, images within one grey level, the rest exactly.

    A reply's notes are left out: they follow from the request, which is not known here.
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


def _object_difference(expected: dict[str, Any], found: dict[str, Any], tolerance: float, where: str) -> str | None:
    one, other = _without(expected, "notes"), _without(found, "notes")
    if one.keys() != other.keys():
        return f"{where} has the keys {sorted(other)} and must have {sorted(one)}"
    mismatches = (first_difference(one[name], other[name], tolerance, f"{where}.{name}") for name in one)
    return next((mismatch for mismatch in mismatches if mismatch), None)


def _image_difference(expected: str, found: str, where: str) -> str | None:
    one, other = (_decode_png(text).astype(int) for text in (expected, found))
    if one.shape != other.shape:
        return f"{where} is an image of shape {other.shape} and must be {one.shape}"
    worst = int(np.abs(one - other).max(initial=0))
    return None if worst <= GREY_LEVEL_TOLERANCE else f"{where}: a pixel differs by {worst} grey levels"


def _mask_difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    one, other = (_decode_png(mask["b64"]) for mask in (expected, found))
    if one.shape != other.shape:
        return f"the mask has the shape {other.shape} and must have {one.shape}"
    differing = int((one != other).sum())
    if differing <= max(1, MASK_PIXEL_TOLERANCE * one.size):
        return None
    return f"{differing} of the mask's {one.size} pixels differ"


def _decode_png(text: str) -> NDArray[Any]:
    """Decode base64 of a PNG: (H, W) or (H, W, C), or the class numbers of a mask."""
    with Image.open(BytesIO(base64.b64decode(text)), formats=["PNG"]) as image:
        return np.asarray(image)


def _same_date(expected: str, found: str) -> bool:
    return abs(iso_to_days(expected) - iso_to_days(found)) <= DATE_TOLERANCE


def _without(reply: Reply, *keys: str) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name not in keys}


def _short_repr(value: Any) -> str:
    text = f"{value:.7g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + "..."
