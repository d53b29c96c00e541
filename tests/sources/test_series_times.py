"""Times of a series in several columns, on clocks that are set back, and columns of words beside the numbers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.runtime.user_error import UserError
from pipelines.sources.series.load import SeriesSettings
from tests.support.series_files import read

START = datetime(2024, 10, 26, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def write(folder: Path, header: str, rows: list[str]) -> Path:
    path = folder / "load.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def hours(count: int = 48) -> list[datetime]:
    return [START + timedelta(hours=hour) for hour in range(count)]


@pytest.mark.parametrize(
    ("header", "form", "time"),
    [
        ("year,month,day,hour,load", "%Y,%m,%d,%H", ["year", "month", "day", "hour"]),
        ("hour,load,day,month,year", "%H,{load},%d,%m,%Y", ["year", "month", "day", "hour"]),
        ("date,clock,load", "%Y-%m-%d,%H:%M", ["date", "clock"]),
        ("y,mo,d,h,mi,s,load", "%Y,%m,%d,%H,%M,%S", ["y", "mo", "d", "h", "mi", "s"]),
    ],
)
def test_a_time_may_stand_in_several_columns(header: str, form: str, time: list[str], tmp_path: Path) -> None:
    rows = []
    for place, when in enumerate(hours()):
        text = when.strftime(form)
        rows.append(text.replace("{load}", str(place)) if "{load}" in text else f"{text},{place}")
    data = read(write(tmp_path, header, rows), time=time)
    assert data.keys["time"][0] == np.datetime64("2024-10-26T06:00:00")
    assert data.schema.inputs[0].columns == ("load",)
    assert data.schema.inputs[0].step == "1 h"


def test_a_year_and_a_month_are_a_time_and_24_hours_are_the_next_day(tmp_path: Path) -> None:
    months = [f"{2000 + month // 12},{month % 12 + 1},{month}" for month in range(40)]
    assert read(write(tmp_path, "year,month,load", months), time=["year", "month"]).schema.inputs[0].step == "1 month"
    late = [f"2024,1,{1 + hour // 24},{hour % 24 + 1},{hour}" for hour in range(48)]
    data = read(write(tmp_path, "year,month,day,hour,load", late), time=["year", "month", "day", "hour"])
    assert data.keys["time"][17] == np.datetime64("2024-01-02T00:00:00")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "2024,13,1,0,7",
            "line 3: month must be a month, a whole number from 1 to 12, found '13'; time names the columns",
        ),
        ("2024,2,30,0,7", "line 3: there is no day 30 in 2024-02"),
        ("2024,2,1,0.5,7", "line 3: hour must be a hour, a whole number from 0 to 24, found '0.5'"),
        (",2,1,0,7", "line 3: year must be a year"),
    ],
)
def test_columns_that_make_no_time_are_refused_in_a_sentence(row: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, "year,month,day,hour,load", ["2024,1,1,0,7", row, "2024,1,1,2,7"])
    with pytest.raises(UserError, match=words):
        read(path, time=["year", "month", "day", "hour"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"time": []}, "time must name one column"), ({"time": ["a", "a"]}, "several that differ"),
     ({"time": ["a", "b"], "targets": ["b"]}, "targets must not name 'b', which is the column of times")],
)  # fmt: skip
def test_impossible_columns_of_times_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SeriesSettings.model_validate({"kind": "series", "path": "a.csv"} | wrong)


def test_an_hour_that_a_clock_shows_twice_is_refused_and_read_by_its_time_zone(tmp_path: Path) -> None:
    rows = [f"{when.astimezone(BERLIN):%Y-%m-%d %H:%M},{place}" for place, when in enumerate(hours())]
    path = write(tmp_path, "when,load", rows)
    with pytest.raises(UserError, match=r"where clocks were set back, state time_zone, such as Europe/Berlin"):
        read(path)
    data = read(path, time_zone="Europe/Berlin")
    assert [str(time)[:13] for time in data.keys["time"][[0, -1]]] == ["2024-10-26T06", "2024-10-27T22"]
    assert data.part.inputs[0][:, 0, 0].tolist() == list(range(len(data.part.target)))  # no hour lost, none double
    assert any("Europe/Berlin" in note for note in data.notes)
    assert len(read(path, repeats="first", gaps="interpolate").part.target) == len(data.part.target) - 1


def test_a_time_that_no_clock_showed_and_an_unknown_zone_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "when,load", [f"2024-03-31 {hour:02}:00,{hour}" for hour in range(24)])
    with pytest.raises(UserError, match=r"line 4: clocks in Europe/Berlin never showed 2024-03-31T02:00:00"):
        read(path, time_zone="Europe/Berlin")
    for unknown in ("Europe/Ulm", "../x", ""):
        with pytest.raises(UserError, match="is not known here; write it as Europe/Berlin"):
            read(path, time_zone=unknown)


def test_each_word_of_a_column_is_a_variable_and_none_is_forecast(tmp_path: Path) -> None:
    winds = ["NW", "SE", "cv"]
    rows = [f"{when:%Y-%m-%d %H:%M},{place},{winds[place % 3]}" for place, when in enumerate(hours())]
    path = write(tmp_path, "when,load,wind", rows)
    data = read(path)
    assert data.schema.inputs[0].columns == ("load", "wind=NW", "wind=SE", "wind=cv")
    assert data.schema.target.columns == ("load",)
    np.testing.assert_array_equal(data.part.inputs[0][0, :, 1:], np.eye(3)[[0, 1, 2, 0, 1, 2]])
    assert any("wind=NW, wind=SE, wind=cv" in note for note in data.notes)
    assert read(path, inputs=["load"]).schema.inputs[0].columns == ("load",)
    with pytest.raises(UserError, match="targets names 'wind', which holds words; only numbers are forecast"):
        read(path, targets=["wind"])
    with pytest.raises(UserError, match="there is no column of numbers to foretell"):
        read(path, inputs=["wind"])


def test_a_missing_or_repeated_word_is_the_one_before_and_never_a_mean(tmp_path: Path) -> None:
    rows = [f"{when:%Y-%m-%d %H:%M},{place},{'ab'[place % 2]}" for place, when in enumerate(hours())]
    rows[4] = rows[4][:-1]
    rows.insert(10, rows[9][:-1] + "a")
    path = write(tmp_path, "when,load,wind", rows)
    with pytest.raises(UserError, match="wind=a has no value for 1 step"):
        read(path, repeats="mean")
    for gaps in ("interpolate", "previous"):
        data = read(path, repeats="mean", gaps=gaps)
        assert set(np.unique(data.part.inputs[0][:, :, 1:])) == {0.0, 1.0}
        assert data.part.inputs[0][0, 4, 1:].tolist() == [0, 1]  # as at step 3


def test_a_column_of_too_many_words_is_refused_with_what_to_do(tmp_path: Path) -> None:
    rows = [f"{when:%Y-%m-%d %H:%M},{place},w{place}" for place, when in enumerate(hours(60))]
    with pytest.raises(UserError, match=r"wind holds 60 different words .* naming the others under `inputs`"):
        read(write(tmp_path, "when,load,wind", rows))
