"""What reconstructions have to beat: answers that hardly look, and what was done before networks.

Shapes: n rows of the train part, N rows asked, D numbers of an example in the order they are stored.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.data.statistics import moments
from pipelines.tasks.metrics.image_similarity import squared_error

Floats = NDArray[np.float64]

SIGMAS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)  # pixels, of the Gaussian filter
ENOUGH = 500  # train images on which the filter's width is chosen
SEED = 0  # of the isolation forest, whose trees are drawn


class Shown(NamedTuple):
    """What a baseline may look at: images uint8 (H, W) or (H, W, C), or rows of numbers (D,), NaN where missing."""

    inputs: NDArray[Any]  # of the train rows that may be learned from, (n, ...)
    targets: NDArray[Any]  # of the same rows, (n, ...)
    asked: NDArray[Any]  # inputs to reconstruct, (N, ...)

    @property
    def image(self) -> bool:
        return self.asked.ndim > 2


def mean(shown: Shown) -> NDArray[np.float32]:
    """The mean of the train targets, whatever is asked."""
    if shown.image:
        total = np.zeros(shown.targets.shape[1:])
        for rows in chunks(shown.targets):
            total += shown.targets[rows].sum(axis=0, dtype=np.float64)
        always = total / len(shown.targets)
    else:
        always = moments(shown.targets)[0]
    return _scored(shown, np.broadcast_to(always, shown.asked.shape))


def unchanged(shown: Shown) -> NDArray[np.float32]:
    """The noisy image as it is."""
    return _scored(shown, shown.asked)


def gaussian_filter(shown: Shown) -> NDArray[np.float32]:
    """The noisy image blurred by the width that brings the noisy train images closest to the clean ones."""
    few = slice(ENOUGH)
    noisy, clean = np.asarray(shown.inputs[few]), np.asarray(shown.targets[few])
    errors = [squared_error(_blurred(noisy, sigma), clean).mean() for sigma in SIGMAS]
    return _scored(shown, _blurred(shown.asked, SIGMAS[int(np.argmin(errors))]))


def isolation_forest(shown: Shown) -> NDArray[np.float32]:
    """The mean as reconstruction; the score says how few random cuts set a row apart from the train rows.

    Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008. https://doi.org/10.1109/ICDM.2008.17
    """
    from sklearn.ensemble import IsolationForest

    replies = mean(shown)
    centre = moments(shown.targets.reshape(len(shown.targets), -1))[0]
    known, asked = (_filled(values, centre) for values in (shown.targets, shown.asked))
    forest = IsolationForest(random_state=SEED, n_jobs=1).fit(known)
    replies[:, 0] = -forest.score_samples(asked)
    return replies


def _blurred(images: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    from scipy import ndimage

    blurred: NDArray[np.float32] = np.empty(images.shape, dtype=np.float32)
    widths = (0, sigma, sigma, *(0,) * (images.ndim - 3))  # not across images or channels
    for rows in chunks(images):
        ndimage.gaussian_filter(images[rows].astype(np.float32), widths, output=blurred[rows])
    return blurred


def _filled(values: NDArray[Any], centre: Floats) -> Floats:
    """Rows (n, D), with the centre where a number is missing."""
    rows = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    filled: Floats = np.where(np.isnan(rows), centre, rows)
    return filled


def _scored(shown: Shown, restored: NDArray[Any]) -> NDArray[np.float32]:
    """Replies (N, 1 + D), with the score that a network's reconstruction would get."""
    if shown.image:
        scores = squared_error(restored, shown.asked)
    else:
        spread = moments(shown.targets)[1]
        known = ~np.isnan(shown.asked)
        strayed = np.where(known, (shown.asked - restored) / spread, 0)
        scores = np.square(strayed).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.concatenate([scores[:, None], restored.reshape(len(restored), -1)], axis=1).astype(np.float32)


BASELINES: dict[str, dict[str, Callable[[Shown], NDArray[np.float32]]]] = {
    "compression": {"mean (baseline)": mean},
    "denoising": {
        "noisy as it is (baseline)": unchanged,
        "gaussian filter (baseline)": gaussian_filter,
    },
    "anomalies": {
        "mean (baseline)": mean,
        "isolation forest (baseline)": isolation_forest,
    },
}
