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


def energy_distance_rows(real: Floats, drawn: Floats) -> Floats:
    """Energy distance of the sources of two sets, 2 E|x - y| - E|x - x'| - E|y - y'|, row by row, (N,).

    The mean is the U-statistic, in which no point is compared with itself: on average it is what sets without end would
    give, 0 if both are from the same source, so that it can be below 0. Each row adds the influences of its real
    and of its drawn point, so that the variance of the rows, divided by N, is that of the distance: both sets could
    have been others.

    Szekely & Rizzo, "Energy statistics", Journal of Statistical Planning and Inference 143, 2013; for the influences
    Hoeffding, "A Class of Statistics with Asymptotically Normal Distribution", 1948.

    Args:
        real: (N, D); all are compared with the first MAX_COMPARED_POINTS of either set.
        drawn: (N, D).
    """
    compared = min(len(real), MAX_COMPARED_POINTS)
    drawn_ones = drawn[:compared]
    to_drawn, from_drawn = _mean_distances(real, drawn_ones), _mean_distances(drawn_ones, real)
    among_real, of_real = _mean_distances_within(real, compared)
    among_drawn, of_drawn = _mean_distances_within(drawn, compared)
    distance = 2 * to_drawn.mean() - among_real.mean() - among_drawn.mean()
    influence = _centre(2 * to_drawn - among_real) - _centre(among_drawn)
    influence[:compared] += (_centre(2 * from_drawn - of_drawn) - _centre(of_real)) * (len(real) / compared)
    return np.asarray(distance + influence)


def _centre(values: Floats) -> Floats:
    centred: Floats = values - values.mean()
    return centred


def _mean_distances(points: Floats, others: Floats) -> Floats:
    """From every point (N, D), the mean of the distances to others (M, D): (N,)."""
    blocks = (points[start : start + BLOCK_POINTS] for start in range(0, len(points), BLOCK_POINTS))
    return np.concatenate([pairwise_distances(block, others).mean(axis=1) for block in blocks])


def _mean_distances_within(points: Floats, compared: int) -> tuple[Floats, Floats]:
    """From every point, the mean distance to the first `compared`, without itself, (N,); from these, to all, (M,).

    Both have the same mean.
    """
    own = np.arange(len(points)) < compared
    total = _mean_distances(points, points[:compared]) * compared  # a point is 0 away from itself
    to_first = total / np.maximum(compared - own, 1)
    weights = 1 / np.maximum(compared - own, 1) / len(points)  # of each point's pairs in the mean
    blocks = (slice(start, start + BLOCK_POINTS) for start in range(0, len(points), BLOCK_POINTS))
    to_all = sum(weights[rows] @ pairwise_distances(points[rows], points[:compared]) for rows in blocks) * compared
    return to_first, np.asarray(to_all)


def weighted_energy_distance(real: Floats, drawn: Floats, weights: Floats) -> Floats:
    """The mean of `energy_distance_rows` under R weights of the rows of both sets, (R, N) -> (R,)."""
    compared = min(len(real), MAX_COMPARED_POINTS)
    firsts = weights[:, :compared]
    between = ((weights @ pairwise_distances(real, drawn[:compared])) * firsts).sum(1) / firsts.sum(1)
    among = np.zeros(len(weights))
    for points in (real, drawn):
        distances = pairwise_distances(points, points[:compared])
        others = np.maximum(firsts.sum(1) - 1, 1)  # of a point among the first, which is not compared with itself
        among += ((weights[:, :compared] @ distances[:compared]) * firsts).sum(1) / others
        among += ((weights[:, compared:] @ distances[compared:]) * firsts).sum(1) / firsts.sum(1)
    return np.asarray((2 * between - among) / weights.sum(1))


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


def nearer_to_train(drawn: Floats, unseen: Floats, train: Floats) -> Floats:
    """How often a drawn point is nearer to train points than to as many unseen ones, from 0 to 1 each, (N,).

    The train points are taken in lots as large as the unseen set. Their mean is 0.5 where both sets are alike to what
    draws, and more where it repeats what it was trained on; that a drawing is blurred counts for neither.

    Platzer & Reutterer, "Holdout-Based Empirical Assessment of Mixed-Type Synthetic Data", Frontiers in Big Data 4,
    2021.

    Args:
        drawn: (N, D).
        unseen: real points that nothing was fitted to, (M, D).
        train: (n, D).
    """
    lot_points = min(len(unseen), len(train))
    lots = len(train) // lot_points
    apart = nearest_neighbours(drawn, unseen[:lot_points])[1]
    nearer = np.zeros(len(drawn))
    for lot in range(lots):
        to_train = nearest_neighbours(drawn, train[lot::lots][:lot_points])[1]
        nearer += (to_train < apart) + 0.5 * (to_train == apart)
    return nearer / lots
