"""Shares of some rows or of an area, with intervals: of a class among those it was given to, of pixels that are right.

Shapes: N rows, G units.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import Dependence
from pipelines.evaluation.intervals import (
    LEVEL,
    UNDEFINED,
    Interval,
    clopper_pearson,
    estimate_means,
    share_interval,
)
from pipelines.evaluation.units import MIN_CLUSTERS, Floats, Units, explain_too_few, find_units


def share_of_units(values: Floats, units: Units, level: float = LEVEL) -> Interval:
    """The exact interval of the mean of rows that are 0 or 1, (N,)."""
    if len(units.sizes) == len(values):
        return clopper_pearson(float(values.sum()), len(values), level)
    mean, error, freedom = (float(each[0]) for each in estimate_means(units.sum_rows(values[:, None]), units.sizes))
    return share_interval(mean, error, len(values), freedom, level)


def share_of_rows(hits: NDArray[np.bool_], among: NDArray[np.bool_], dependence: Dependence) -> Interval:
    """The interval of the share of hits among some of the rows, (N,) each; undefined where those are too few to tell.

    Of a class whose members come from few groups nothing is claimed, though there be groups enough in all.
    """
    units = _units_of(among, dependence)
    return UNDEFINED if units is None else share_of_units(hits[among].astype(np.float64), units)


def share_of_areas(parts: Floats, wholes: Floats, dependence: Dependence) -> Interval:
    """The interval of what parts have of wholes in all, pixels of every row (N,) each; undefined as above."""
    among = wholes > 0  # NaN is not
    units = _units_of(among, dependence)
    if units is None or len(units.sizes) < 2 or np.isnan(wholes).any():
        return UNDEFINED
    areas = units.sum_rows(np.stack([parts[among], wholes[among]], axis=1))
    share, error, freedom = (float(each[0]) for each in estimate_means(areas[:, :1], areas[:, 1]))
    return share_interval(share, error, float(wholes.sum()), freedom)


def _units_of(among: NDArray[np.bool_], dependence: Dependence) -> Units | None:
    """The units of some rows; None where they are too few to tell."""
    if explain_too_few(dependence, len(among)) or dependence.kind == "series":
        return None
    units = find_units(dependence, len(among)).of_some_rows(among)
    if dependence.kind == "clusters" and (not among.any() or units.effective_number < MIN_CLUSTERS):
        return None
    return units
