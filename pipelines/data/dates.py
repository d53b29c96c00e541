"""Points in time as texts."""

from pathlib import Path
from typing import Literal, NamedTuple
import numpy as np
from numpy.typing import NDArray
from pipelines.runtime.user_error import UserError


def format_time(time: np.datetime64) -> str:
    """A date, with the hour where there is one."""
    text = str(time.astype("datetime64[s]"))
    return text.removesuffix("T00:00:00").replace("T", " ")
