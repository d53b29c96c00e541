"""Number conversion: JSON to float32 with checks, float32 to JSON with the fewest digits that give the same float32."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT32_MAX = float(np.finfo(np.float32).max)


def shortest_floats(values: NDArray[Any]) -> Any:
    """Convert float32 to the Python floats with the fewest digits, in nested lists of the shape; () gives one float."""
    texts = np.asarray(values, dtype=np.float32).reshape(-1).astype("U")
    numbers = [float(text) for text in texts]
    return numbers[0] if values.ndim == 0 else np.array(numbers, dtype=np.float64).reshape(values.shape).tolist()


def fits_float32(value: Any) -> bool:
    """Tell whether a JSON value is a number that float32 can hold, or null; true is not a number."""
    if value is None:
        return True
    if type(value) not in (int, float):
        return False
    return (
        (-FLOAT32_MAX <= value <= FLOAT32_MAX)
        if isinstance(value, int)
        else math.isfinite(value) and abs(value) <= FLOAT32_MAX
    )


def parse_floats(values: Sequence[Any], error_at: Callable[[int], Exception]) -> NDArray[Any]:
    """Parse numbers and nulls as float32, null as NaN: (N,).

    Raises:
        Exception: what `error_at` returns for the place of the first value that is neither.
    """
    for place, value in enumerate(values):
        if not fits_float32(value):
            raise error_at(place)
    return np.array([math.nan if value is None else value for value in values], dtype=np.float32)


def format_number(number: float) -> str:
    """Format a number for a message: 3 rather than 3.0, at most six digits."""
    return f"{number:.6g}"
