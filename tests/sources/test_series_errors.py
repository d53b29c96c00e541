"""Files that are no regular series, and the sentence about each."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.runtime.user_error import UserError
from pipelines.sources.series.load import SeriesSettings
from tests.support.series_files import HOURS, months, read, written


def shifted(row: int, time: str) -> list[str]:
    return [*HOURS[:row], time, *HOURS[row + 1 :]]


SPARSE = [f"2020-01-01 00:{3 * n * n // 60:02d}:{3 * n * n % 60:02d}" for n in range(34)]


LATE = [*months("2000-01", 9), "2000-10-02", *months("2000-11", 40)]


FAR = [*HOURS[:40], *[time.replace("2020", "2999") for time in HOURS[:20]]]


NO_LOAD = {row: f"{time},,1" for row, time in enumerate(HOURS)}


BY_TURNS = {row: f"{time},1," if row < 30 else f"{time},,1" for row, time in enumerate(HOURS)}


HOSTILE = {  # the file, more settings, and what the sentence must say
    "a row off the step": (
        {"times": shifted(20, "2020-01-01 20:17")},
        {},
        r"line 22: .*2020-01-01 20:17.*is 2020-01-01 19:00:00, line 21.* 1 h",
    ),
    "a first row off the step": (
        {"times": shifted(0, "2020-01-01 00:10")},
        {},
        r"line 2: .*the time after it is 2020-01-01 01:00:00, line 3",
    ),
    "times without any step": ({"times": SPARSE}, {}, r"line \d+: the steps of a series must be equal"),
    "a month that begins late": ({"times": LATE}, {}, r"line 11: .*2000-10-02.*step of 1 month"),
    "no time": ({"times": shifted(5, "")}, {}, "line 7: when is empty"),
    "a time that is none": ({"times": shifted(5, "yesterday")}, {}, "line 7: when is no date or time: 'yesterday'"),
    "a day that is none": ({"times": shifted(5, "2020-02-30")}, {}, "line 7: when is no date"),
    "a word among numbers": ({"cells": {5: f"{HOURS[5]},five,1"}}, {}, "line 7: load must be a number, found 'five'"),
    "a decimal comma": ({"cells": {5: f'{HOURS[5]},"5,5",1'}}, {}, "line 7: load must be a number, found '5,5'"),
    "an infinite value": ({"cells": {5: f"{HOURS[5]},inf,1"}}, {}, "line 7: load is too large"),
    "an enormous value": ({"cells": {5: f"{HOURS[5]},1e99,1"}}, {}, "line 7: load is too large"),
    "an empty variable": ({"cells": NO_LOAD}, {"gaps": "previous"}, "load has no value at all"),
    "variables that never meet": ({"cells": BY_TURNS}, {"gaps": "previous"}, "values at different times"),
    "a missing value": ({"cells": {5: f"{HOURS[5]},,1"}}, {}, "load has no value for 1 step of 1 h from .* 05:00:00"),
    "years of nothing": (
        {"times": FAR},
        {"gaps": "interpolate"},
        r"no row for 858\d* steps of 1 h from 2020-01-02 16:00.*longest_gap: 3",
    ),
    "one time alone": ({"times": [HOURS[0]] * 60}, {"repeats": "mean"}, "1 different times are too few"),
    "too few rows": ({"times": HOURS[:11]}, {}, "load: 11 steps are too few: .* need 12"),
    "no such time column": ({}, {"time": "date"}, "time names 'date', but the columns are when, load, heat"),
    "no such target": ({}, {"targets": ["cold"]}, "targets names 'cold', but the columns are"),
    "no such input": ({}, {"inputs": ["cold"]}, "inputs names 'cold', but the columns are"),
    "a row that is cut off": ({"cells": {59: HOURS[59]}}, {}, "line 61: found 1 cell, but line 1 has 3"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_is_no_regular_series_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    file, more, words = HOSTILE[case]
    with pytest.raises(UserError, match=words):
        read(written(tmp_path, **({"times": HOURS} | file)), **more)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"when\n2020-01-01\n2020-01-02\n", "no column to foretell"),
        (b"when,load\n", "nothing below it"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not utf-8"),
        (b"PK\x03\x04", "workbook"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "load.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.csv: there is no such file"):
        read(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"window": 0}, "greater than or equal to 1"),
        ({"horizon": 0}, "greater than or equal to 1"),
        ({"stride": 0}, "greater than or equal to 1"),
        ({"gaps": "guess"}, "'refuse', 'interpolate' or 'previous'"),
        ({"repeats": "last"}, "'refuse', 'first' or 'mean'"),
        ({"targets": ["when"]}, "targets must not name 'when', which is the column of times"),
        ({"inputs": ["a", "a"]}, "inputs names a column twice"),
        ({"windw": 3}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SeriesSettings.model_validate({"kind": "series", "path": "a.csv", "time": "when"} | wrong)


def test_settings_can_be_hashed() -> None:
    settings = SeriesSettings.model_validate({"kind": "series", "path": "a", "time": "t", "targets": ["b"]})
    assert hash(settings) == hash(settings.model_copy())
