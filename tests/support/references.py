"""Some rows of what predictions are scored against."""

from typing import Any

import numpy as np


def rows_of(reference: Any, rows: np.ndarray | slice) -> Any:
    """The same NamedTuple with some rows of each of its arrays, also repeated."""
    return type(reference)(*(values[rows] for values in reference))
