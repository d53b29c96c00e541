"""Image similarity metrics, (N,) for N pairs of images.

Shapes: N pairs, H height, W width, C channels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks

Floats = NDArray[np.float64]

PIXEL_RANGE = 255.0  # grey levels from black to white
MIN_SQUARED_ERROR = 1e-10  # smallest squared error that PSNR sees: no image is better than 100 dB
SSIM_WINDOW, SSIM_SIGMA = 11, 1.5  # pixels; of the windows in which SSIM compares
K1, K2 = 0.01, 0.03  # keep SSIM finite where an image is black, or flat


def mean_squared_error(one: NDArray[Any], other: NDArray[Any]) -> Floats:
    """Mean squared error, as a share of the full range: 0 for the same image, 1 for black and white."""
    errors = np.empty(len(one))
    for rows in chunks(one):
        differences = (np.asarray(one[rows], dtype=np.float64) - other[rows]) / PIXEL_RANGE
        errors[rows] = np.square(differences).reshape(len(differences), -1).mean(axis=1)
    return errors


def psnr(errors: Floats) -> Floats:
    """Peak signal-to-noise ratio in decibels, from `mean_squared_error`: 10 log10(1 / error), 100 at most."""
    ratio: Floats = -10 * np.log10(np.maximum(errors, MIN_SQUARED_ERROR))
    return ratio


def ssim(one: NDArray[Any], other: NDArray[Any]) -> Floats:
    """Structural similarity: 1 for the same image, near 0 for images that have nothing in common.

    Mean, spread and agreement of the two are compared in small round windows that lie wholly inside the image, and
    averaged over windows and channels. The window is 11 pixels wide, or as wide as fits a smaller image.

    Args:
        one: 0 to 255, (N, H, W) or (N, H, W, C).
        other: likewise.

    Source: Wang, Bovik, Sheikh & Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
    Similarity", IEEE Trans. Image Processing 13(4), 2004, section III.B. https://doi.org/10.1109/TIP.2003.819861
    """
    height, width = one.shape[1:3]
    window = gaussian_window(min(SSIM_WINDOW, (min(height, width) - 1) // 2 * 2 + 1))
    first, second = (K1 * PIXEL_RANGE) ** 2, (K2 * PIXEL_RANGE) ** 2
    means = np.empty(len(one))
    for rows in chunks(one):
        x, y = (np.asarray(images[rows], dtype=np.float64) for images in (one, other))
        mean_x, mean_y = _window_means(x, window), _window_means(y, window)
        spread_x = _window_means(x * x, window) - mean_x**2
        spread_y = _window_means(y * y, window) - mean_y**2
        agreement = _window_means(x * y, window) - mean_x * mean_y
        alike = (2 * mean_x * mean_y + first) * (2 * agreement + second)
        alike /= (mean_x**2 + mean_y**2 + first) * (spread_x + spread_y + second)
        means[rows] = alike.reshape(len(x), -1).mean(axis=1)
    return means


def gaussian_window(size: int) -> Floats:
    """Gaussian weights over `size` pixels, an odd number, that add up to 1."""
    places = np.arange(size) - size // 2
    bell = np.exp(-0.5 * (places / SSIM_SIGMA) ** 2)
    normalised: Floats = bell / bell.sum()
    return normalised


def _window_means(images: Floats, window: Floats) -> Floats:
    """Weighted means in every window that lies inside: (N, H, W[, C]) -> (N, H', W'[, C])."""
    for axis in (1, 2):
        left = images.shape[axis] - len(window) + 1
        images = sum(
            (weight * images.take(range(start, start + left), axis=axis) for start, weight in enumerate(window)),
            start=np.zeros(()),
        )
    return images
