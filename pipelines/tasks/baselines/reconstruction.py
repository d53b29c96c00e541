"""Baselines of what reconstructs: constants, the input itself, and classical methods.

Each returns predictions (N, 1 + D): a score and the reconstruction.

Shapes: n rows of the train part, N rows of the part, D numbers of an example in the order they are stored.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.data.statistics import mean_and_std
from pipelines.tasks.metrics.image_similarity import mean_squared_error

Floats = NDArray[np.float64]

FILTER_SIGMAS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)  # pixels, of the Gaussian filter
MAX_FILTER_IMAGES = 500  # train images on which the filter's width is chosen
FOREST_SEED = 0  # of the isolation forest, whose trees are drawn


class BaselineInputs(NamedTuple):
    """Inputs of a baseline: images uint8 (H, W) or (H, W, C), or rows of numbers (D,), NaN where missing."""

    train_inputs: NDArray[Any]  # of the train rows that may be trained on, (n, ...)
    train_targets: NDArray[Any]  # of the same rows, (n, ...)
    part_inputs: NDArray[Any]  # inputs to reconstruct, (N, ...)

    @property
    def is_image(self) -> bool:
        return self.part_inputs.ndim > 2


def mean_target(baseline_inputs: BaselineInputs) -> NDArray[np.float32]:
    """The mean of the train targets, for every row."""
    if baseline_inputs.is_image:
        total = np.zeros(baseline_inputs.train_targets.shape[1:])
        for rows in chunks(baseline_inputs.train_targets):
            total += baseline_inputs.train_targets[rows].sum(axis=0, dtype=np.float64)
        mean_value = total / len(baseline_inputs.train_targets)
    else:
        mean_value = mean_and_std(baseline_inputs.train_targets)[0]
    return _prepend_score(baseline_inputs, np.broadcast_to(mean_value, baseline_inputs.part_inputs.shape))


def noisy_input(baseline_inputs: BaselineInputs) -> NDArray[np.float32]:
    """The noisy image as it is."""
    return _prepend_score(baseline_inputs, baseline_inputs.part_inputs)


def gaussian_filter(baseline_inputs: BaselineInputs) -> NDArray[np.float32]:
    """Gaussian filter of the noisy image, with the width that brings the train images closest to the clean ones."""
    rows = slice(MAX_FILTER_IMAGES)
    noisy, clean = np.asarray(baseline_inputs.train_inputs[rows]), np.asarray(baseline_inputs.train_targets[rows])
    errors = [mean_squared_error(_blur_images(noisy, sigma), clean).mean() for sigma in FILTER_SIGMAS]
    return _prepend_score(
        baseline_inputs, _blur_images(baseline_inputs.part_inputs, FILTER_SIGMAS[int(np.argmin(errors))])
    )


def isolation_forest(baseline_inputs: BaselineInputs) -> NDArray[np.float32]:
    """Isolation forest: the score says how few random cuts set a row apart; the reconstruction is the mean.

    Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008. https://doi.org/10.1109/ICDM.2008.17
    """
    from sklearn.ensemble import IsolationForest

    predictions = mean_target(baseline_inputs)
    centre = mean_and_std(baseline_inputs.train_targets.reshape(len(baseline_inputs.train_targets), -1))[0]
    train_rows, part_rows = (
        _fill_missing(values, centre) for values in (baseline_inputs.train_targets, baseline_inputs.part_inputs)
    )
    forest = IsolationForest(random_state=FOREST_SEED, n_jobs=1).fit(train_rows)
    predictions[:, 0] = -forest.score_samples(part_rows)
    return predictions


def _blur_images(images: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    from scipy import ndimage

    blurred: NDArray[np.float32] = np.empty(images.shape, dtype=np.float32)
    widths = (0, sigma, sigma, *(0,) * (images.ndim - 3))  # not across images or channels
    for rows in chunks(images):
        ndimage.gaussian_filter(images[rows].astype(np.float32), widths, output=blurred[rows])
    return blurred


def _fill_missing(values: NDArray[Any], centre: Floats) -> Floats:
    """Rows (n, D), with the centre where a number is missing."""
    rows = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    filled: Floats = np.where(np.isnan(rows), centre, rows)
    return filled


def _prepend_score(baseline_inputs: BaselineInputs, reconstructed: NDArray[Any]) -> NDArray[np.float32]:
    """Predictions (N, 1 + D), with the score that a network's reconstruction would get."""
    if baseline_inputs.is_image:
        scores = mean_squared_error(reconstructed, baseline_inputs.part_inputs)
    else:
        spread = mean_and_std(baseline_inputs.train_targets)[1]
        known = ~np.isnan(baseline_inputs.part_inputs)
        differences = np.where(known, (baseline_inputs.part_inputs - reconstructed) / spread, 0)
        scores = np.square(differences).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.concatenate([scores[:, None], reconstructed.reshape(len(reconstructed), -1)], axis=1).astype(np.float32)
