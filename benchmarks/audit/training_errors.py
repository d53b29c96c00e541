"""Ways to add the variance between trainings to that over rows, on equal contenders with normal trainings and rows.

    python -m benchmarks.audit.training_errors     the table of docs/decisions/0027-seeds-in-the-verdict.md

Two contenders of M trainings on N rows. What a training gives is its own quality plus noise on every row; only means
and variances matter, so that these are drawn instead of the rows.

Shapes: S repeats.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import t

from benchmarks.audit.simulated import Floats

REPEATS = 100_000
ROW_SPREAD = 0.1  # of how differently two trainings do on a row
ALPHA = 0.05
CASES = ((3, 200, 0.0), (3, 200, 0.007), (3, 200, 0.02), (3, 10_000, 0.002), (2, 200, 0.02), (5, 200, 0.02))


class Found(NamedTuple):
    """What a comparison of two contenders sees; (S,), or (2, S) of both."""

    difference: Floats
    row_variance: Floats  # of the difference, from the rows
    training_variances: Floats  # of both means, from their trainings
    seeds: int
    rows: int


def draw_comparisons(seeds: int, rows: int, spread: float, repeats: int, generator: np.random.Generator) -> Found:
    """Equal contenders whose trainings have this standard deviation."""
    of_training = spread**2 + ROW_SPREAD**2 / rows  # the variance of the mean goal of a training
    return Found(
        generator.normal(0, np.sqrt(2 * of_training / seeds), repeats),
        2 * ROW_SPREAD**2 / seeds / rows * generator.chisquare(rows - 1, repeats) / (rows - 1),
        of_training / seeds * generator.chisquare(seeds - 1, (2, repeats)) / (seeds - 1),
        seeds,
        rows,
    )


def share_by_satterthwaite(found: Found, taken_off: float) -> float:
    """Share called different when so much of the variance over rows is taken off that between trainings."""
    noise = ROW_SPREAD**2 / found.rows / found.seeds
    variances = np.maximum(found.training_variances - taken_off * noise, 0)
    total = found.row_variance + variances.sum(axis=0)
    uncertain = found.row_variance**2 / (found.rows - 1) + (variances**2).sum(axis=0) / (found.seeds - 1)
    p_values = 2 * t.sf(np.abs(found.difference) / np.sqrt(total), total**2 / uncertain)
    return float(np.mean(p_values < ALPHA))


def share_by_rows(found: Found) -> float:
    """Share called different by the rows alone."""
    p_values = 2 * t.sf(np.abs(found.difference) / np.sqrt(found.row_variance), found.rows - 1)
    return float(np.mean(p_values < ALPHA))


def share_by_mover(found: Found) -> float:
    """Share called different when the squares of the intervals' halves are added up.

    Zou & Donner, "Construction of Confidence Limits About Effect Measures", Statistics in Medicine 27(10), 2008.
    """
    quantiles = t.ppf(1 - ALPHA / 2, found.rows - 1), t.ppf(1 - ALPHA / 2, found.seeds - 1)
    half = quantiles[0] ** 2 * found.row_variance + quantiles[1] ** 2 * found.training_variances.sum(axis=0)
    return float(np.mean(found.difference**2 > half))


def format_table(repeats: int = REPEATS, seed: int = 0) -> str:
    lines = ["seeds   rows  sd of trainings  rows alone  as chosen  taken off  half of it  MOVER"]
    for seeds, rows, spread in CASES:
        found = draw_comparisons(seeds, rows, spread, repeats, np.random.default_rng(seed))
        by_freedom = (share_by_satterthwaite(found, taken_off) for taken_off in (0, 1, 0.5))
        shares = [share_by_rows(found), *by_freedom, share_by_mover(found)]
        lines.append(f"{seeds:>5} {rows:>6,} {spread:>16g}" + "".join(f"{share:>11.1%}" for share in shares))
    return "\n".join(lines)


if __name__ == "__main__":
    print(format_table())
