"""The tables of a forecasting's report."""

import csv
from pathlib import Path

import pytest

from pipelines.reporting.views.forecasting import write_view
from tests.support.evaluation_data import forecast


def horizon_table(folder: Path, rows: int, horizon: int) -> list[dict[str, str]]:
    write_view(folder, forecast(rows, horizon, "quantile"))
    with (folder / "tables" / "horizon.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_error_of_a_step_has_an_interval_where_enough_forecasts_are_apart(tmp_path: Path) -> None:
    (step,) = horizon_table(tmp_path, 70, 1)
    assert 0 <= float(step["mase_low"]) < float(step["mase"]) < float(step["mase_high"])
    assert float(step["interval_width"]) > 0


@pytest.mark.parametrize(("rows", "horizon"), [(59, 1), (70, 4)], ids=["too few", "sharing steps"])
def test_otherwise_it_has_none(tmp_path: Path, rows: int, horizon: int) -> None:
    steps = horizon_table(tmp_path, rows, horizon)
    assert [step["step"] for step in steps] == [str(number) for number in range(1, horizon + 1)]
    assert {(step["mase_low"], step["mase_high"]) for step in steps} == {("", "")}
