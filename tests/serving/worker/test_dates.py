"""Date conversion: the times of a forecast's steps."""

import pytest

from serving.worker.dates import forecast_times, parse_timestamp
from serving.worker.request_error import RequestError


@pytest.mark.parametrize(
    ("start", "step", "expected"),
    [
        ("2024-01-31", "1 month", ["2024-02-29", "2024-03-31"]),
        ("2023-02-28", "1 month", ["2023-03-31", "2023-04-30"]),
        ("2024-01-30", "1 month", ["2024-02-29", "2024-03-30"]),
        ("2024-11-15", "1 month", ["2024-12-15", "2025-01-15"]),
        ("2024-11", "3 months", ["2025-02", "2025-05"]),
        ("1961", "1 year", ["1962", "1963"]),
        ("2024-02-29", "1 year", ["2025-02-28", "2026-02-28"]),
        ("2024-12-30", "1 day", ["2024-12-31", "2025-01-01"]),
        ("2024-12-30", "2 weeks", ["2025-01-13", "2025-01-27"]),
        ("2024-12-31", "15 min", ["2024-12-31T00:15:00", "2024-12-31T00:30:00"]),
        ("2024-12-31T23:00", "1h", ["2025-01-01T00:00:00", "2025-01-01T01:00:00"]),
        ("2024-12-31T23:00+01:00", "30 s", ["2024-12-31T23:00:30+01:00", "2024-12-31T23:01:00+01:00"]),
        ("2024-12-31T23:00", "500 ms", ["2024-12-31T23:00:00.500000", "2024-12-31T23:00:01"]),
    ],
)
def test_times_follow_in_the_steps_of_the_calendar(start: str, step: str, expected: list[str]) -> None:
    assert forecast_times(parse_timestamp(start, "time"), step, 2, "time") == expected


@pytest.mark.parametrize("step", ["", "moon", "1.5 h", "1 fortnight"])
def test_a_time_is_an_error_when_the_length_of_a_step_is_not_known(step: str) -> None:
    with pytest.raises(RequestError, match="does not know the time between its steps"):
        forecast_times(parse_timestamp("2024-01-01", "time"), step, 1, "time")
