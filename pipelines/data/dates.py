"""Points in time as numbers and as texts."""

import numpy as np

DATE_UNIT = "days since 1970-01-01"  # the unit of a number that is a date


def format_time(time: np.datetime64) -> str:
    """A date, with the hour where there is one."""
    text = str(time.astype("datetime64[s]"))
    return text.removesuffix("T00:00:00").replace("T", " ")
