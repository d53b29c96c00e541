"""Outputs of the graph -> the reply to one example, and the comparison of two replies; one row per task.

What each task answers (float32 numbers, (R, ...) with R = 1 but for several samples of a generator):

    classification   {"label", "probability", "probabilities": {label: p}, ("threshold")}
    regression       {"value", ("unit"), ("low", "high", "coverage")}
    forecasting      {"horizon": [{"step": 1, variable: {"0.1": ..., "0.5": ..., ("low", "high")}}, ...],
                      ("unit"), ("coverage"), ("times")}
    segmentation     {"mask": {"b64": PNG of class numbers}, "size": [H, W], "area": {class: share}}
    reconstruction, denoising
                     {"score", "reconstruction": {field: picture or numbers}}
    anomaly_detection
                     {"score", "threshold", "anomalous", "reconstruction": {field: picture or numbers}}
    generation       {"samples": [{"b64": PNG}, ...], ("seed")}

A reply has "notes", a list of sentences, when a value in the request was unusual.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.worker.replies import classification, forecasting, generation, reconstruction, regression, segmentation
from serving.worker.replies.compare import first_difference
from serving.worker.request_error import RequestError
from serving.worker.signature import Signature

Document = Mapping[str, Any]


class ReplyFormat(NamedTuple):
    """How a task answers one example."""

    build: Callable[[NDArray[Any], Signature, Mapping[str, Any]], dict[str, Any]]
    """The graph's answer (R, ...), and what the request said besides its fields -> the reply."""
    difference: Callable[[Document, Document, Signature, NDArray[Any]], str | None]
    """Where a reply is not what a golden output gives, by the scale of an answer; None where they agree."""
    extra_parsers: Callable[[Signature], Mapping[str, Callable[[Any, str], Any]]]
    """What a request may say beside the fields, and how it is read."""


def _default_difference(expected: Document, found: Document, signature: Signature, scale: NDArray[Any]) -> str | None:
    return first_difference(expected, found, signature.tolerance * float(scale.max()))


def _no_extra_parsers(signature: Signature) -> dict[str, Callable[[Any, str], Any]]:
    return {}


# A further task is a few functions in a file of its own and one row here.
RECONSTRUCTION_FORMAT = ReplyFormat(
    reconstruction.build_reconstruction_reply, reconstruction.reconstruction_difference, _no_extra_parsers
)
REPLY_FORMATS: dict[str, ReplyFormat] = {
    "classification": ReplyFormat(
        classification.build_classification_reply, classification.classification_difference, _no_extra_parsers
    ),
    "regression": ReplyFormat(regression.build_regression_reply, regression.regression_difference, _no_extra_parsers),
    "forecasting": ReplyFormat(
        forecasting.build_forecast_reply, forecasting.forecast_difference, forecasting.forecast_extra_parsers
    ),
    "segmentation": ReplyFormat(
        segmentation.build_segmentation_reply, segmentation.segmentation_difference, _no_extra_parsers
    ),
    "reconstruction": RECONSTRUCTION_FORMAT,
    "denoising": RECONSTRUCTION_FORMAT,
    "anomaly_detection": RECONSTRUCTION_FORMAT,
    "generation": ReplyFormat(generation.build_generation_reply, _default_difference, _no_extra_parsers),
}


def build_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any], notes: list[str]
) -> dict[str, Any]:
    """Write the reply to one example, answers (R, ...).

    Raises:
        Refusal: 500, because the graph answered something that is no number, which JSON cannot say.
    """
    if not np.isfinite(predictions).all():
        raise RequestError(500, "the model's answer to this input is no number (it left the range of float32)")
    reply = REPLY_FORMATS[signature.task].build(predictions, signature, extras)
    return {**reply, "notes": notes} if notes else reply
