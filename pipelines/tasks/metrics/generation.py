"""Metrics of generation: how alike real and drawn images are as sets, in the features of an embedding.

Shapes: N points of either set, D features, R resamples (row i of both sets counts weights[r, i] times).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEIGHBOURS = 3  # how far around a point its set is taken to reach: to its third neighbour
MAX_COMPARED_POINTS = 2000  # points that every point is compared with, at most
BLOCK_POINTS = 2**12  # points that are compared at once


def pairwise_distances(left: Floats, right: Floats) -> Floats:
    """Euclidean distances between every point of two sets, (N, D), (M, D) -> (N, M)."""
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def energy_distance_per_point(real: Floats, drawn: Floats, weights: Floats | None = None) -> Floats:
    """Energy distance, split over the real points: their mean is 2 E|x - y| - E|x - x'| - E|y - y'|.

    It is 0 only if the two sets come from the same source. Szekely & Rizzo, "Energy statistics", Journal of
    Statistical Planning and Inference 143, 2013.

    Args:
        weights: how often each row of both sets counts, (N,); None for once.

    Returns:
        (N,), per real point.
    """
    real_ones, drawn_ones = real[:MAX_COMPARED_POINTS], drawn[:MAX_COMPARED_POINTS]
    counts = np.ones(len(real)) if weights is None else weights
    one, other = counts[: len(real_ones)], counts[: len(drawn_ones)]
    between = _mean_distances(real, drawn_ones, other)  # (N,)
    within = _mean_distances(real, real_ones, one)
    drawn_spread = other @ pairwise_distances(drawn_ones, drawn_ones) @ other / other.sum() ** 2
    return np.asarray(2 * between - within - drawn_spread)


def _mean_distances(points: Floats, others: Floats, weights: Floats) -> Floats:
    """From every point (N, D), the weighted mean of the distances to others (M, D), weights (M,): (N,)."""
    blocks = (points[start : start + BLOCK_POINTS] for start in range(0, len(points), BLOCK_POINTS))
    return np.concatenate([pairwise_distances(block, others) @ weights / weights.sum() for block in blocks])


def bootstrap_energy_distance(real: Floats, drawn: Floats, weights: Floats) -> Floats:
    """The energy distance under R resamples, (R, N) -> (R,)."""
    shares = weights / weights.sum(1, keepdims=True)  # (R, N)
    firsts = weights[:, :MAX_COMPARED_POINTS] / weights[:, :MAX_COMPARED_POINTS].sum(1, keepdims=True)
    between = ((shares @ pairwise_distances(real, drawn[:MAX_COMPARED_POINTS])) * firsts).sum(1)
    among_real = ((shares @ pairwise_distances(real, real[:MAX_COMPARED_POINTS])) * firsts).sum(1)
    among_drawn = (
        (firsts @ pairwise_distances(drawn[:MAX_COMPARED_POINTS], drawn[:MAX_COMPARED_POINTS])) * firsts
    ).sum(1)
    return np.asarray(2 * between - among_real - among_drawn)


def bootstrap_frechet_distance(real: Floats, drawn: Floats, weights: Floats) -> Floats:
    """The Frechet distance between normal distributions fitted to both sets, under R resamples: (R,).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge
    to a Local Nash Equilibrium", NIPS 2017, equation 6; here in another embedding.
    """
    values_per_resample = []
    for counts in weights:
        (mean_real, cov_real), (mean_drawn, cov_drawn) = (
            _mean_and_covariance(real, counts),
            _mean_and_covariance(drawn, counts),
        )
        values, vectors = np.linalg.eigh(cov_real)
        root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_drawn @ root), 0)).sum()
        gap = ((mean_real - mean_drawn) ** 2).sum()
        values_per_resample.append(gap + np.trace(cov_real) + np.trace(cov_drawn) - 2 * cross)
    return np.asarray(values_per_resample)


def _mean_and_covariance(points: Floats, counts: Floats) -> tuple[Floats, Floats]:
    share = counts / counts.sum()
    mean = share @ points
    centred = points - mean
    return mean, (centred * share[:, None]).T @ centred


def is_in_manifold(points: Floats, manifold_points: Floats) -> NDArray[np.bool_]:
    """Which points lie in the manifold of another set, (N,): nearer to one of its points than its third neighbour.

    Of drawn points by real ones it is the precision, of real points by drawn ones the recall. Kynkaanniemi et al.,
    "Improved Precision and Recall Metric for Assessing Generative Models", NeurIPS 2019, equation 1.
    """
    manifold_points = manifold_points[:MAX_COMPARED_POINTS]
    own = pairwise_distances(manifold_points, manifold_points)
    radii = np.sort(own, axis=1)[:, min(NEIGHBOURS, len(manifold_points) - 1)]  # column 0 is the point itself
    return np.asarray((pairwise_distances(points, manifold_points) <= radii).any(axis=1))


def nearest_neighbours(points: Floats, candidates: Floats) -> tuple[NDArray[np.int64], Floats]:
    """For each point, the number of the nearest of another set and its distance: (N,), (N,)."""
    apart = pairwise_distances(points, candidates)
    number = apart.argmin(axis=1)
    return number, apart[np.arange(len(points)), number]
