"""Clocks that are set back: which time zone shows the times that a series holds twice."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

ZONES = (  # one for each hour at which clocks are set back, and the days on which they are
    "Europe/Berlin",
    "Europe/London",
    "Europe/Athens",
    "America/New_York",
    "Australia/Sydney",
)
MIN_SHARE = 0.5  # share of the times that stand twice, from which clocks that were set back explain them


def find_time_zone(times: NDArray[np.datetime64]) -> str | None:
    """A zone whose clocks showed twice what stands twice in a file; None if that has another cause.

    Zones of the same rule, as Europe/Berlin and Europe/Paris, cannot be told apart, and need not be: the times between
    the rows are the same in each.

    Args:
        times: of every row (N,); NaT where there is none.
    """
    known, counts = np.unique(times[~np.isnat(times)], return_counts=True)
    repeated = [time.astype("datetime64[us]").astype(datetime) for time in known[counts > 1]]
    if not repeated:
        return None
    shares = {name: sum(_is_shown_twice(time, name) for time in repeated) / len(repeated) for name in ZONES}
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] >= MIN_SHARE else None


def _is_shown_twice(time: datetime, zone_name: str) -> bool:
    try:
        zone = ZoneInfo(zone_name)
    except ZoneInfoNotFoundError:  # this machine has no such file
        return False
    first, second = (time.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second
