"""Reply formats by task: outputs of the graph to the JSON reply to one example.

What each task answers (float32 numbers, (R, ...) with R = 1 except for several samples of a generator):

    classification   {"label", "probability", "probabilities": {label: p}, ("threshold")}
    regression       {"value", ("unit"), ("low", "high", "coverage")}
    forecasting      {"horizon": [{"step": 1, variable: {"0.1": ..., "0.5": ..., ("low", "high")}}, ...],
                      ("unit"), ("coverage"), ("times")}
    segmentation     {"mask": {"b64": PNG of class numbers}, "size": [H, W], "area": {class: share}}
    reconstruction, denoising
                     {"score", "reconstruction": {field: image or numbers}}
    anomaly_detection
                     {"score", "threshold", "anomalous", "reconstruction": {field: image or numbers}}
    generation       {"samples": [{"b64": PNG}, ...], ("seed")}

A reply has "notes", a list of sentences, when a value in the request was unusual.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.worker.replies.classification import build_classification_reply
from serving.worker.replies.forecasting import build_forecast_reply, forecast_extra_parsers
from serving.worker.replies.generation import build_generation_reply
from serving.worker.replies.reconstruction import build_reconstruction_reply
from serving.worker.replies.regression import build_regression_reply
from serving.worker.replies.segmentation import build_segmentation_reply
from serving.worker.request_error import RequestError
from serving.worker.signature import Signature


def _no_extra_parsers(signature: Signature) -> dict[str, Callable[[Any, str], Any]]:
    return {}


class ReplyFormat(NamedTuple):
    """How a task replies to one example."""

    build: Callable[[NDArray[Any], Signature, Mapping[str, Any]], dict[str, Any]]
    """Outputs of the graph (R, ...) and the request's extra values -> the reply."""
    extra_parsers: Callable[[Signature], Mapping[str, Callable[[Any, str], Any]]] = _no_extra_parsers
    """Keys that a request may have beside the fields, and the parser of each."""


# A further task is a function in a file of its own, one row here and one in serving/server/reply_comparison.py.
REPLY_FORMATS: dict[str, ReplyFormat] = {
    "classification": ReplyFormat(build_classification_reply),
    "regression": ReplyFormat(build_regression_reply),
    "forecasting": ReplyFormat(build_forecast_reply, forecast_extra_parsers),
    "segmentation": ReplyFormat(build_segmentation_reply),
    "reconstruction": ReplyFormat(build_reconstruction_reply),
    "denoising": ReplyFormat(build_reconstruction_reply),
    "anomaly_detection": ReplyFormat(build_reconstruction_reply),
    "generation": ReplyFormat(build_generation_reply),
}


def build_reply(
    predictions: NDArray[Any], signature: Signature, extras: Mapping[str, Any], notes: list[str]
) -> dict[str, Any]:
    """Build the reply to one example from the graph's outputs (R, ...).

    Raises:
        RequestError: 500, because an output is NaN or infinite, which JSON cannot hold.
    """
    if not np.isfinite(predictions).all():
        raise RequestError(500, "the model's answer to this input is no number (it left the range of float32)")
    reply = REPLY_FORMATS[signature.task].build(predictions, signature, extras)
    return {**reply, "notes": notes} if notes else reply
