"""Temperature scaling: one number that all logits are divided by, so that stated probabilities match hit rates.

A network that has learned its training examples too well is too sure of new ones, and its log loss pays for it; a
readout solved by least squares may be too timid. Neither changes which class is the most probable one.

The temperature is the one with the smallest log loss on validation plus a penalty on its logarithm: a normal prior
around 1 with a standard deviation of a quarter, worth a handful of examples. Without it, fifty validation rows that
all happen to be right would have it be 0, and the first mistake cost infinitely much. The penalty is 0 at 1, so the log
loss on validation is never larger with the temperature than without.

Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks", ICML 2017. https://arxiv.org/abs/1706.04599
NOTE[DIFF] the penalty; the paper's sets have thousands of rows.

Shapes: N rows, K classes, P pixels.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LOG_TEMPERATURE_SPREAD = 0.25  # standard deviation of the prior on the logarithm of the temperature
MAX_LOG_TEMPERATURE = 3.0  # temperatures from 1/20 to 20 are tried
SEARCH_STEPS = 40  # of the golden section search; they narrow the interval to 3e-8
MIN_GAIN = 1e-6  # of the log loss, relative, below which the temperature stays 1
MAX_PIXELS = 200_000  # pixels that a temperature is chosen by, spread evenly over the images


def fit_temperature(logits: NDArray[Any], codes: Integers, examples: int | None = None) -> float:
    """The temperature for logits (N, K) of rows whose true classes are `codes` (N,); 1 if none is better.

    Args:
        examples: how many independent examples the rows are worth, for the penalty; None: N.
    """
    scores = np.asarray(logits, dtype=np.float64)
    if not len(scores) or not np.isfinite(scores).all():
        return 1.0
    centred = scores - scores.max(axis=1, keepdims=True)  # exponentials that cannot overflow
    weight = len(scores) if examples is None else examples

    def mean_log_loss(log_temperature: float) -> float:
        scaled = centred * math.exp(-log_temperature)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(codes)), codes]).mean())

    def objective(log_temperature: float) -> float:
        return mean_log_loss(log_temperature) + (log_temperature / LOG_TEMPERATURE_SPREAD) ** 2 / (2 * weight)

    best = _golden_section(objective, -MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE)
    temperature = float(f"{math.exp(best):.6g}")
    before = mean_log_loss(0.0)
    return temperature if mean_log_loss(math.log(temperature)) < before * (1 - MIN_GAIN) else 1.0


def fit_pixel_temperature(logits: NDArray[Any], codes: NDArray[Any]) -> float:
    """The temperature for pixels: logits (N, K, H, W), classes (N, H, W). The pixels of an image count as one row."""
    images, classes, height, width = logits.shape
    per_image = max(1, MAX_PIXELS // max(images, 1))
    places = np.unique(np.linspace(0, height * width - 1, min(height * width, per_image)).astype(np.int64))
    chosen = np.asarray(logits).reshape(images, classes, -1)[:, :, places]
    rows = np.moveaxis(chosen, 1, 2).reshape(-1, classes)  # (N P, K)
    return fit_temperature(rows, codes.reshape(images, -1)[:, places].ravel().astype(np.int64), images)


def _golden_section(objective: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest, by golden section search (Kiefer 1953)."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = objective(left), objective(right)
    for _ in range(SEARCH_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = objective(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = objective(right)
    return (low + high) / 2
