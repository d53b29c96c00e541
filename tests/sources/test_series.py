"""Time series: windows, steps, gaps and repeated times."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.series.load import cut_windows
from pipelines.splitting.split import SplitSettings, split_rows
from tests.support.series_files import HOURS, months, read, written

SECOND = np.timedelta64(1, "s")


def series(steps: int, variables: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Values that tell where they are from, 10 * step + variable, each hour."""
    values = 10 * np.arange(steps, dtype=np.float32)[:, None] + np.arange(variables, dtype=np.float32)
    return values, np.datetime64("2020-01-01", "s") + np.arange(steps) * 3600 * SECOND


def cut(values: np.ndarray, times: np.ndarray, *, window: int, horizon: int, **more: object) -> Dataset:
    names = tuple("abcdefg"[: values.shape[1]])
    said = {"targets": names, "step": "1 h", "title": "Hours", "origin": "made here", "licence": "none"}
    return cut_windows(values, times, names, window=window, horizon=horizon, **(said | more))


@given(steps=st.integers(20, 60), window=st.integers(1, 8), horizon=st.integers(1, 4), stride=st.integers(1, 5))
def test_every_window_is_followed_by_its_future(steps: int, window: int, horizon: int, stride: int) -> None:
    values, times = series(steps)
    data = cut(values, times, window=window, horizon=horizon, targets=("b",), stride=stride)
    origin = data.keys["origin"]
    assert origin.tolist() == list(range(window, steps - horizon + 1, stride))
    assert len(data.part.inputs[0]) == len(data.part.target) == len(origin)
    for seen, future, first in zip(data.part.inputs[0], data.part.target, origin, strict=True):
        np.testing.assert_array_equal(seen, values[first - window : first])
        np.testing.assert_array_equal(future, values[first : first + horizon, 1:])
    np.testing.assert_array_equal(data.keys["time"], times[origin])
    assert data.schema.inputs[0].shape == data.part.inputs[0].shape[1:]
    assert data.schema.target.shape == data.part.target.shape[1:]


def test_windows_are_views_and_take_no_memory() -> None:
    values, times = series(17_420, 7)
    data = cut(values, times, window=96, horizon=24)
    for array in (data.part.inputs[0], data.part.target):
        assert np.shares_memory(array, values)
    assert data.part.inputs[0].shape == (17_301, 96, 7)


def test_a_series_too_short_for_a_window_in_each_part_is_refused() -> None:
    values, times = series(13)
    with pytest.raises(UserError, match=r"Hours: 13 steps are too few: a window of 5 steps and 3 steps .* need 14"):
        cut(values, times, window=5, horizon=3)
    data = cut(*series(14), window=5, horizon=3)
    assert [len(rows) for rows in split_rows(data, SplitSettings(by="time"), seed=0).values()] == [1, 1, 1]


@given(steps=st.integers(60, 200), horizon=st.integers(1, 6), embargo=st.integers(0, 5), stride=st.integers(1, 3))
def test_parts_in_time_share_no_step_that_is_foretold(steps: int, horizon: int, embargo: int, stride: int) -> None:
    data = cut(*series(steps), window=4, horizon=horizon, stride=stride)
    rows = split_rows(data, SplitSettings(by="time", embargo=embargo), seed=0)  # 60 steps are enough
    origin = data.keys["origin"]
    forecast = {
        name: np.concatenate([np.arange(first, first + horizon) for first in origin[part]])
        for name, part in rows.items()
    }
    assert forecast["train"].max() < forecast["valid"].min()
    assert forecast["valid"].max() < forecast["test"].min()
    for name in ("valid", "test"):
        assert len(set(forecast[name].tolist())) == len(forecast[name])  # rolling origins: no step twice
        assert np.all(np.diff(origin[rows[name]]) < horizon + stride)  # and none passed over without need
    assert forecast["valid"].min() - forecast["train"].max() > embargo


def sentence(data: Dataset, check: str) -> str:
    return next(finding.sentence for finding in data.findings if finding.check == check)


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    data = read(written(tmp_path, HOURS), unit="MW", targets=["heat"])
    assert data.schema.inputs[0].columns == ("load", "heat")
    assert data.schema.target.columns == ("heat",)
    assert (data.schema.target.unit, data.schema.target.step) == ("MW", "1 h")
    assert data.part.inputs[0][0, :, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert data.part.target[0, :, 0].tolist() == [3, 3.5]
    assert data.keys["time"][0] == np.datetime64("2020-01-01T06:00:00")
    assert data.keys["time"].dtype == "datetime64[s]"
    assert "60 steps of 1 h from 2020-01-01 to 2020-01-03 11:00:00: none is missing." in sentence(data, "gaps")


@pytest.mark.parametrize(
    ("more", "shown", "forecast"),
    [
        ({}, ("load", "heat"), ("load", "heat")),
        ({"targets": ["load"]}, ("load", "heat"), ("load",)),
        ({"inputs": ["heat"]}, ("heat",), ("heat",)),
        ({"targets": ["load"], "inputs": ["heat"]}, ("load", "heat"), ("load",)),
    ],
)
def test_targets_are_always_shown(
    tmp_path: Path, more: dict[str, object], shown: tuple[str, ...], forecast: tuple[str, ...]
) -> None:
    data = read(written(tmp_path, HOURS), **more)
    assert (data.schema.inputs[0].columns, data.schema.target.columns) == (shown, forecast)


@pytest.mark.parametrize(
    ("times", "step"),
    [
        (HOURS, "1 h"),
        ([f"2020-01-01 {m // 60:02d}:{m % 60:02d}" for m in range(0, 900, 15)], "15 min"),
        ([f"2020-01-01T00:00:{second:02d}Z" for second in range(60)], "1 s"),
        ([str(np.datetime64("2019-12-30") + day) for day in range(60)], "1 day"),
        ([str(np.datetime64("2019-12-30") + 7 * day) for day in range(60)], "1 week"),
        ([str(np.datetime64("2019-12-30") + 30 * day) for day in range(60)], "30 days"),
        (months("1749-01", 60), "1 month"),
        (months("2001-02", 60, every=3), "3 months"),
        ([f"{month}-28" for month in months("2001-02", 60)], "1 month"),
        ([str(np.datetime64(month, "M") + 1 - np.timedelta64(1, "D")) for month in months("2001-02", 60)], "1 month"),
        ([str(year) for year in range(1900, 1960)], "1 year"),
        ([f"{year}-07-01" for year in range(1700, 2300, 10)], "10 years"),
    ],
)
def test_steps_of_the_clock_and_of_the_calendar_are_found(tmp_path: Path, times: list[str], step: str) -> None:
    times = [str(np.datetime64(time, "D")) if len(time) == 10 else time for time in times]
    data = read(written(tmp_path, times))
    assert data.schema.target.step == step
    whole = np.array([time.rstrip("Z").replace(" ", "T") for time in times], dtype="datetime64[s]")
    np.testing.assert_array_equal(data.keys["time"], whole[6:-1])


def test_the_last_days_of_months_are_regular_whatever_month_comes_first(tmp_path: Path) -> None:
    for first in ("2001-01", "2001-02", "2004-02", "2001-04"):
        ends = [np.datetime64(month, "M").astype("datetime64[M]") + 1 for month in months(first, 60)]
        times = [str(end.astype("datetime64[D]") - 1) for end in ends]
        data = read(written(tmp_path, times))
        assert data.schema.target.step == "1 month"
        assert data.keys["time"][0] == np.datetime64(times[6], "s")


def test_rows_out_of_order_are_sorted_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, HOURS)
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows[30:], *rows[:30]]))
    data = read(path)
    np.testing.assert_array_equal(data.part.inputs[0], read(written(tmp_path, HOURS)).part.inputs[0])
    assert "1 row came earlier than the row before (first in line 32)" in sentence(data, "order_of_time")


@pytest.mark.parametrize(("repeats", "value"), [("first", 10), ("mean", 15)])
def test_a_time_that_stands_twice_is_treated_as_stated(tmp_path: Path, repeats: str, value: float) -> None:
    times = [*HOURS[:11], HOURS[10], *HOURS[11:]]
    path = written(tmp_path, times, cells={11: f"{HOURS[10]},20,"})
    with pytest.raises(
        UserError, match=r"lines 12 and 13 are both of 2020-01-01T10:00.* 1 row in all .* repeats: first"
    ):
        read(path)
    data = read(path, repeats=repeats)
    assert data.part.inputs[0][10, 0, 0] == value
    assert data.part.inputs[0][10, 0, 1] == 5  # the missing one does not count in a mean
    assert "1 row with a time that stood there before" in sentence(data, "repeated_times")


@pytest.mark.parametrize(("gaps", "filled"), [("interpolate", [11, 12]), ("previous", [10, 10])])
def test_a_gap_is_filled_as_stated_and_said(tmp_path: Path, gaps: str, filled: list[float]) -> None:
    path = written(tmp_path, [*HOURS[:11], *HOURS[13:]], cells={20: f"{HOURS[22]},,1"})
    rows = path.read_text().splitlines()
    path.write_text("\n".join(row.replace(",11,", ",13,").replace(",10,", ",10,") for row in rows))
    with pytest.raises(
        UserError, match=r"no row for 2 steps of 1 h from 2020-01-01 11:00.*gaps: interpolate or gaps: prev"
    ):
        read(path)
    with pytest.raises(UserError, match=r"no row for 2 steps .*, more than longest_gap: 1"):
        read(path, gaps=gaps, longest_gap=1)
    data = read(path, gaps=gaps, longest_gap=2)
    assert data.part.inputs[0][11, :2, 0].tolist() == filled
    assert "5 values in 3 gaps, the longest of 2 steps, were missing" in sentence(data, "gaps")


def test_windows_with_a_gap_filled_from_the_future_are_in_no_part(tmp_path: Path) -> None:
    path = written(tmp_path, HOURS, cells={row: f"{HOURS[row]},,{row}" for row in (20, 21)})
    for gaps, knowing in (("interpolate", [21, 22]), ("previous", [])):
        data = read(path, gaps=gaps)
        knows = data.keys["known"] >= data.keys["origin"]
        assert data.keys["origin"][knows].tolist() == knowing  # 20 and 21 were drawn towards 22
        for by in ("time", "random"):
            rows = split_rows(data, SplitSettings(by=by), seed=0)
            assert not set(np.flatnonzero(knows)) & set(np.concatenate(list(rows.values())))


def test_steps_at_the_ends_without_a_value_are_left_out_and_said(tmp_path: Path) -> None:
    cells = {0: f"{HOURS[0]},,0", 1: f"{HOURS[1]},,0", 59: f"{HOURS[59]},59,"}
    path = written(tmp_path, HOURS, cells=cells)
    with pytest.raises(UserError, match="load has no value for 2 steps of 1 h from 2020-01-01; fill"):
        read(path)
    data = read(path, gaps="previous")
    assert data.part.inputs[0][0, 0].tolist() == [2, 1]
    assert data.keys["time"][0] == np.datetime64("2020-01-01T08:00:00")
    assert "3 steps at the ends were left out" in sentence(data, "gaps")


def test_a_constant_run_of_readings_is_reported(tmp_path: Path) -> None:
    still = {row: f"{HOURS[row]},{row},7.25" for row in range(20, 32)}
    notices = sentence(read(written(tmp_path, HOURS, cells=still)), "stuck")
    assert "exactly the same for 10 steps or more, for 12 steps" in notices
    assert "heat for 12" in notices
    assert all(finding.check != "stuck" for finding in read(written(tmp_path, HOURS)).findings)


def test_a_window_shorter_than_a_season_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, HOURS)
    assert "A season lasts 24 steps, but a window shows 6" in sentence(read(path, season=24), "season")
    assert all(finding.check != "season" for finding in read(path, season=6).findings)
