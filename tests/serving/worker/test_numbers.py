"""Number conversion: float32 to JSON."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.worker.numbers import shortest_floats


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_written_with_the_fewest_digits_that_read_back(value: float) -> None:
    stored = np.array(value, np.float32)
    assert np.float32(shortest_floats(stored)) == stored
    assert len(repr(shortest_floats(stored))) <= len(repr(float(stored)))
