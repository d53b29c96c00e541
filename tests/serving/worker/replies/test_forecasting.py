"""Forecasting replies: quantiles, intervals and times."""

from serving.worker.handler import Handler
from tests.support.handler_calls import predict


def test_an_interval_is_widened_or_narrowed_by_its_calibration(handlers: dict[str, Handler]) -> None:
    """The same rule as the forecasting task's own: it stays outside the quantiles next to the outermost."""
    horizon = predict(handlers["weather"], {"window": [[5, 0]]})["horizon"]
    assert (horizon[0]["wind"]["low"], horizon[0]["wind"]["high"]) == (3.75, 6.25)  # 4 and 6, wider by 0.25
    assert (horizon[1]["wind"]["low"], horizon[1]["wind"]["high"]) == (5.0, 5.0)  # 3 and 7, narrower by at most 2
    assert "low" not in horizon[0]["rain"]


def test_times_follow_the_time_of_the_last_step(handlers: dict[str, Handler]) -> None:
    reply = predict(handlers["weather"], {"window": [[1, 2]], "time": "2024-02-28T22:00"})
    assert reply["times"] == ["2024-02-28T23:00:00", "2024-02-29T00:00:00", "2024-02-29T01:00:00"]
