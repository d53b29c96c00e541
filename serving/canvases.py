"""Replies that are pictures: a mask, what a network made of its input, and samples of a generator."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving import moments, pictures
from serving.numerals import shortest
from serving.sameness import PIXELS, difference, mask_difference, without
from serving.signature import DAYS, Field, Signature


def write_mask(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give each pixel the most probable class of (1, K, H, W): a PNG of class numbers, and the classes' shares."""
    mask = answers[0].argmax(axis=0).astype(np.uint8)
    counts = np.bincount(mask.reshape(-1), minlength=len(signature.labels))
    return {
        "mask": _b64(pictures.mask_png(mask)),
        "size": list(mask.shape),
        "area": {label: float(count / mask.size) for label, count in zip(signature.labels, counts, strict=True)},
    }


def mask_reply_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare the masks pixel by pixel; the shares may differ by as much."""
    if said := difference(without(expected, "mask", "area"), without(found, "mask", "area"), 0.0):
        return said
    slack = max(1 / math.prod(expected["size"]), PIXELS)
    return mask_difference(expected["mask"], found["mask"]) or difference(expected["area"], found["area"], slack)


def write_reconstruction(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give the anomaly score, the verdict if there is a threshold, and the input as the network sees it: (1, 1 + D).

    The reconstruction is by field: a picture, a number in its unit, lists of steps.
    """
    reply: dict[str, Any] = {"score": shortest(answers[0, 0])}
    if "threshold" in signature.decision:
        reply["threshold"] = shortest(np.asarray(signature.decision["threshold"]))
        reply["anomalous"] = _anomalous(answers[0, 0], signature)
    parts = _parts(answers[0, 1:], signature.inputs)
    reply["reconstruction"] = {field.name: _restored(parts[field.name], field) for field in signature.inputs}
    return reply


def _anomalous(score: Any, signature: Signature) -> bool:
    """An example is anomalous from the threshold on, the threshold included; `score` is a float32."""
    return float(score) >= signature.decision["threshold"]


def _parts(values: NDArray[Any], fields: tuple[Field, ...]) -> dict[str, NDArray[Any]]:
    """Take the flat reconstruction (D,) apart, in the order of the inputs."""
    ends = np.cumsum([math.prod(field.shape) for field in fields])
    assert ends[-1] == len(values), f"{len(values)} numbers for {[field.name for field in fields]}"
    pieces = np.split(values, ends[:-1])
    return {field.name: piece.reshape(field.shape) for field, piece in zip(fields, pieces, strict=True)}


def _restored(values: NDArray[Any], field: Field) -> Any:
    if field.kind == "image":
        return picture(values)
    return moments.iso(float(values), whole=True) if field.unit == DAYS else shortest(values)


def reconstruction_difference(
    expected: Mapping[str, Any], found: Mapping[str, Any], signature: Signature, scale: NDArray[Any]
) -> str | None:
    """Compare scores and reconstructions by their scale (1 + D,), and whether the verdict follows from the score."""
    others = ("score", "reconstruction", "anomalous")
    said = difference(without(expected, *others), without(found, *others), 0.0)
    said = said or difference(expected["score"], found["score"], signature.tolerance * float(scale[0]), "score")
    if said:
        return said
    if "anomalous" in expected and found.get("anomalous") != _anomalous(np.float32(found["score"]), signature):
        return f"the reply says anomalous: {found.get('anomalous')}, which does not follow from its score"
    for field in signature.inputs:
        one, other = (reply["reconstruction"].get(field.name) for reply in (expected, found))
        slack = signature.tolerance * float(_parts(scale[1:], signature.inputs)[field.name].max())
        same = field.unit == DAYS and isinstance(other, str) and abs(moments.days(one) - moments.days(other)) <= 1
        if said := None if same else difference(one, other, slack, f"reconstruction.{field.name}"):
            return said
    return None


def write_samples(answers: NDArray[Any], signature: Signature, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give the samples (R, H, W) or (R, H, W, C) as PNGs, and the seed they were drawn from if there was one."""
    return {"samples": [picture(sample) for sample in answers], **said}


def picture(levels: NDArray[Any]) -> dict[str, str]:
    """Grey levels or colours around 0 to 255, (H, W) or (H, W, C), rounded and clipped, as base64 of a PNG."""
    return _b64(pictures.png(np.clip(np.rint(levels), 0, 255).astype(np.uint8)))


def _b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}
