"""Texts, times and numbers by the rules that serving shares with training, and replies as lines for a person."""

import base64
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data import schema as schemas
from pipelines.data import text as training_text
from pipelines.sources.files import dates
from serving import archive
from serving.client import summary
from serving.server import golden_check
from serving.worker import dates as serving_dates
from serving.worker import numbers
from serving.worker.request_error import RequestError
from serving.worker.requests import sequence as steps
from serving.worker.requests import text as texts
from serving.worker.requests.table_cells import number_to_json, parse_number
from serving.worker.signature import DAYS, Field
from tests.support import hostile_requests, small_models

WORDS = training_text.build_vocabulary(
    training_text.to_bytes(["Don't pay £9.50 _ in the straße, 東京 İstanbul \x00 ΑΣ!"] * 2, 1000)
)


def text_field(vocabulary, length):
    return Field("text", "text", "int64", (length,), categories=tuple(vocabulary), length=length)


@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*WORDS, " ", "ẞ", "Don't", "\x00"])).map("".join),
    st.integers(1, 9),
)
def test_serving_tokenizes_text_as_training_does(said, length):
    field = schemas.Field(name="text", kind="text", dtype="uint8", shape=(1,), categories=WORDS, length=length)
    stored = training_text.to_bytes([said], 10**6)
    assert (
        texts.tokenize_text(said, text_field(WORDS, length), "text").tolist()
        == training_text.token_ids(stored, field)[0].tolist()
    )


@given(st.lists(st.integers(1, len(WORDS) - 1), max_size=7))
def test_token_ids_round_trip_through_text(codes):
    field = text_field(WORDS, 7)
    array = np.array([*codes, *[0] * (7 - len(codes))])
    assert texts.tokenize_text(texts.detokenize_text(array, field), field, "text").tolist() == array.tolist()


def test_a_mark_in_the_vocabulary_does_not_stand_for_an_unknown_word():
    field = text_field(["", "<unknown>", texts.UNKNOWN_MARKS[0]], 3)
    assert texts.detokenize_text(np.array([1, 2, 0]), field) == f"{texts.UNKNOWN_MARKS[1]} {texts.UNKNOWN_MARKS[0]}"


@pytest.mark.parametrize(
    "said",
    ["1970-01-01", "1969-12-31", "2024-02-29", "2024-02-29T06:30", "2024-02-29T06:30:15.25", "2024-01-01T00:00+02:00"],
)
def test_a_date_is_the_number_that_training_stored(said):
    stored = dates.days_since_epoch(dates.parse_dates([said]).datetimes)[0]
    assert serving_dates.iso_to_days(said) == pytest.approx(stored, abs=1e-9)


@given(st.floats(-700_000, 2_900_000, width=32))
def test_a_stored_date_can_be_written_as_text_that_is_read_as_the_same(days):
    field = Field("born", "number", "float32", (), unit=DAYS)
    stored = np.array(days, np.float32)
    written = number_to_json(stored, field)
    assert abs(parse_number(written, field, "born") - stored) <= max(1e-11, np.spacing(np.abs(stored)))  # microseconds


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
def test_times_follow_in_the_steps_of_the_calendar(start, step, expected):
    assert serving_dates.forecast_times(serving_dates.parse_timestamp(start, "time"), step, 2, "time") == expected


@pytest.mark.parametrize("step", ["", "moon", "1.5 h", "1 fortnight"])
def test_without_a_known_step_a_time_is_refused(step):
    with pytest.raises(RequestError, match="does not know the time between its steps"):
        serving_dates.forecast_times(serving_dates.parse_timestamp("2024-01-01", "time"), step, 1, "time")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_written_with_the_fewest_digits_that_read_back(value):
    stored = np.array(value, np.float32)
    assert np.float32(numbers.shortest_floats(stored)) == stored
    assert len(repr(numbers.shortest_floats(stored))) <= len(repr(float(stored)))


def test_one_variable_may_be_a_flat_list():
    field = Field("window", "steps", "float32", (4, 1), columns=("sun",))
    expected = [[math.nan], [1], [math.nan], [3]]
    for value in ([1, None, 3], [[1], [None], [3]], {"sun": [1, None, 3]}):
        assert np.array_equal(
            steps.parse_sequence(value, field, "window"), np.array(expected, np.float32), equal_nan=True
        )


PICTURE = {"b64": base64.b64encode(hostile_requests.blank_png()).decode()}
READABLE = {
    "two classes": (
        {"label": "yes", "probability": 0.7, "probabilities": {"no": 0.3, "yes": 0.7}, "threshold": 0.6},
        "yes (70.0%; then no 30.0%; threshold 60.0%)",
    ),
    "a class below the largest": (
        {"label": "no", "probability": 0.4, "probabilities": {"no": 0.4, "yes": 0.6}}, "no (40.0%; then yes 60.0%)",
    ),
    "a value": ({"value": 1234.5678}, "1235"),
    "an interval": (
        {"value": 2.0, "unit": "m", "low": 1.0, "high": 3.0, "coverage": 0.9}, "2 m (1 to 3 in 90% of cases)",
    ),
    "a date": (
        {"value": "2000-01-01", "low": "1999-12-31", "high": "2000-01-02"}, "2000-01-01 (1999-12-31 to 2000-01-02)",
    ),
    "a forecast": (
        {"horizon": [{"step": 1, "wind": {"0.1": 1, "0.5": 2, "0.9": 3, "low": 0.5, "high": 4}, "sun": {"0.5": 7}}]},
        "step 1: wind 2 (0.5 to 4), sun 7",
    ),
    "a forecast with times": (
        {"horizon": [{"step": 1, "sun": {"0.1": 1, "0.5": 2, "0.9": 3}}], "times": ["1962"]}, "1962: sun 2 (1 to 3)",
    ),
    "a mask": (
        {"mask": PICTURE, "size": [8, 6], "area": {"ground": 0.75, "cell": 0.25}},
        "ground 75.0%, cell 25.0% of 6 x 8 pixels",
    ),
    "an anomaly": (
        {"score": 3.0, "threshold": 2.0, "anomalous": True, "reconstruction": {}}, "anomalous (score 3, threshold 2)",
    ),
    "a reconstruction": ({"score": 0.125, "reconstruction": {"image": PICTURE}}, "score 0.125"),
    "samples": ({"samples": [PICTURE] * 2, "seed": 3}, "2 samples from seed 3"),
    "notes": ({"value": 1.0, "notes": ["age: odd", "sex: odd"]}, "1 [age: odd; sex: odd]"),
}  # fmt: skip


@pytest.mark.parametrize("name", READABLE)
def test_a_reply_is_one_line_for_a_person(name):
    reply, line = READABLE[name]
    assert summary.format_reply("it", reply) == f"it: {line}"


def test_the_pictures_of_a_reply_become_files(tmp_path):
    reply = {"samples": [PICTURE] * 2, "reconstruction": {"my/image": PICTURE}, "seed": 3}
    written = summary.write_images(tmp_path / "new", "drawn", reply)
    names = ["drawn-samples-0.png", "drawn-samples-1.png", "drawn-reconstruction-my_image.png"]
    assert [path.name for path in written] == names
    assert all(path.read_bytes() == hostile_requests.blank_png() for path in written)


def test_the_curl_line_of_a_text_is_a_text(tmp_path):
    package = archive.read_archive(small_models.build_model_archive(tmp_path, "spam"))
    assert json.loads(json.dumps(golden_check.golden_instances(package)))[0] == {"text": "you have won ! !"}


def test_golden_inputs_that_are_large_go_in_several_requests():
    row = {"image": [0] * 1_000_000}  # three million characters of JSON
    assert [len(some) for some in golden_check._split_requests([row, row, {"image": 1}, row])] == [1, 2, 1]
    assert [len(some) for some in golden_check._split_requests([{"image": 1}] * 130)] == [64, 64, 2]
