"""Significance: Fisher's paired randomisation test, with Holm's correction for the number of comparisons.

Both contenders have predictions for the same rows. If they were equally good, then which of the two got the better
score on a row would be random. So the signs of the differences are flipped at random, ten thousand times, and the
p-value is the share of flips that give a difference at least as large as the observed one (which is counted among
them, so that p is never 0). On accuracy this is the randomised form of McNemar's test, which Dietterich ("Approximate
Statistical Tests for Comparing Supervised Classification Learning Algorithms", Neural Computation 10(7), 1998)
recommends for models that were trained once.

Fisher, "The Design of Experiments", 1935, section 21. Phipson & Smyth, "Permutation P-values Should Never Be
Zero", 2010. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.

Shapes: N rows, C comparisons, R random assignments of signs.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.bootstrap import Interval, percentile_interval, resample_counts

ALPHA = 0.05  # below it, a difference is called a difference
SIGN_FLIPS = 9_999  # and the observed assignment is the ten thousandth
MAX_BLOCK_CELLS = 8_000_000  # signs drawn at once
RELATIVE_TOLERANCE = 1e-9  # relative; two sums of the same numbers in another order count as equal

Floats = NDArray[np.float64]


class Comparison(NamedTuple):
    """A contender's mean goal minus the control's, on the same rows."""

    difference: float
    interval: Interval
    p_value: float  # after Holm's correction for the number of comparisons

    @property
    def is_tied(self) -> bool:
        return self.p_value >= ALPHA


def compare_with_control(control: Floats, others: list[Floats], seed: int, resamples: int = 1000) -> list[Comparison]:
    """Compare each of `others` with the control; all are goals per example, (N,), of the same rows."""
    if not others:
        return []
    differences = np.stack([other - control for other in others], axis=1)  # (N, C)
    adjusted_p = holm(sign_flip_test(differences, seed))
    means = np.concatenate([block @ differences for block in resample_counts(len(control), seed, resamples)]) / len(
        control
    )
    return [
        Comparison(float(differences[:, c].mean()), percentile_interval(means[:, c], 0.95), float(adjusted_p[c]))
        for c in range(len(others))
    ]


def sign_flip_test(differences: Floats, seed: int, flips: int = SIGN_FLIPS) -> Floats:
    """Two-sided p-values (C,) of the hypotheses that the differences (N, C) are symmetric about 0."""
    generator = np.random.default_rng(seed)
    rows = len(differences)
    observed = np.abs(differences.sum(axis=0)) * (1 - RELATIVE_TOLERANCE)
    exceedances = np.ones(differences.shape[1])
    block = max(1, MAX_BLOCK_CELLS // rows)
    for start in range(0, flips, block):
        size = min(block, flips - start)
        bits = np.unpackbits(np.frombuffer(generator.bytes(size * -(-rows // 8)), np.uint8).reshape(size, -1), axis=1)
        signs = bits[:, :rows] * 2.0 - 1.0  # (R, N)
        exceedances += (np.abs(signs @ differences) >= observed).sum(axis=0)
    return exceedances / (flips + 1)


def holm(p_values: Floats) -> Floats:
    """Holm's correction: p-values raised so that the family-wise error rate is held.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted
