"""Sampling units: what is drawn again, or flipped in sign, as a whole: a row, a cluster of rows, a block of rows.

Shapes: N rows, G units, K columns, R resamples.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import Dependence

Floats = NDArray[np.float64]

MIN_CLUSTERS = 10  # as many of equal size, below which nothing is claimed (docs/decisions/0018-intervals-and-tests.md)
MIN_ORIGINS = 60  # forecasts of one series, below which nothing is claimed
MAX_UNITS = 4_000  # units of a comparison; more rows are first added up at random, in blocks of equal size
MAX_BLOCK_CELLS = 4_000_000  # of a (resamples, units) table of counts held at once: 32 MB


class Units(NamedTuple):
    """Which unit every row belongs to."""

    of_row: NDArray[np.int64]  # (N,): 0 .. G - 1
    sizes: Floats  # (G,): rows

    @property
    def effective_number(self) -> float:
        """How many units of equal size say as much."""
        return float(self.sizes.sum() ** 2 / (self.sizes**2).sum())

    def of_some_rows(self, mask: NDArray[np.bool_]) -> "Units":
        """The units of the rows of a mask, numbered anew."""
        names, of_row = np.unique(self.of_row[mask], return_inverse=True)
        return Units(of_row, np.bincount(of_row, minlength=len(names)).astype(np.float64))

    def sum_rows(self, values: Floats) -> Floats:
        """The sum of the rows of every unit, (N, K) -> (G, K)."""
        if len(self.sizes) == len(self.of_row):
            return values[np.argsort(self.of_row, kind="stable")]
        columns = [np.bincount(self.of_row, column, minlength=len(self.sizes)) for column in values.T]
        return np.stack(columns, axis=1)


def explain_too_few(dependence: Dependence, rows: int) -> str:
    """Why nothing can be claimed about other rows than these, as a sentence; empty if it can."""
    if dependence.kind == "overlapping":
        return (
            "the windows of these rows overlap, so that they repeat each other's errors; only a split by: time keeps "
            "windows apart"
        )
    if dependence.kind == "series" and rows < MIN_ORIGINS:
        return f"{rows} forecasts of one series are too few to tell; {MIN_ORIGINS} are needed"
    if dependence.kind == "clusters":
        units = find_units(dependence, rows)
        if units.effective_number < MIN_CLUSTERS:
            return (
                f"the rows are of {len(units.sizes)} groups, which count as {units.effective_number:.1f} of equal "
                f"size: too few to tell; {MIN_CLUSTERS} are needed"
            )
    return ""


def find_units(dependence: Dependence, rows: int) -> Units:
    """Every cluster is a unit; a row that is alone is one, too."""
    of_row = dependence.units if dependence.kind == "clusters" and dependence.units is not None else np.arange(rows)
    return Units(of_row, np.bincount(of_row).astype(np.float64))


def merge_units(units: Units, seed: int, most: int = MAX_UNITS) -> Units:
    """At most so many units, each of them units added up at random: means and their errors stay what they are."""
    count = len(units.sizes)
    if count <= most:
        return units
    block_of_unit = np.random.default_rng(seed).permutation(count) % most
    of_row = block_of_unit[units.of_row]
    return Units(of_row, np.bincount(of_row).astype(np.float64))


def resample_counts(units: int, seed: int, resamples: int, most: int | None = None) -> Iterator[NDArray[np.int64]]:
    """Yield how often each unit is drawn in each resample, a (some resamples, G) block at a time.

    The draws depend on the number of units and the seed alone, so that all contenders are scored on the same resamples.

    Args:
        most: resamples in a block; None: as many as fit.
    """
    generator = np.random.default_rng(seed)
    block = min(max(1, MAX_BLOCK_CELLS // units), most or resamples)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = generator.integers(0, units, size=(size, units))
        drawn += np.arange(size)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)


def sign_blocks(units: int, seed: int, flips: int, cells: int = 8_000_000) -> Iterator[NDArray[Any]]:
    """Yield signs of -1 and 1, a (some flips, G) block at a time."""
    generator = np.random.default_rng(seed)
    block = max(1, cells // units)
    for start in range(0, flips, block):
        size = min(block, flips - start)
        bits = np.unpackbits(np.frombuffer(generator.bytes(size * -(-units // 8)), np.uint8).reshape(size, -1), axis=1)
        yield bits[:, :units] * 2.0 - 1.0
