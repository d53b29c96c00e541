"""Table fields: numbers, dates and categories from JSON and CSV, and names of columns."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.files.dates import days_since_epoch, parse_dates
from serving.server.golden_requests import number_to_json
from serving.worker.dates import iso_to_days
from serving.worker.handler import Handler
from serving.worker.requests.table_cells import parse_number
from serving.worker.signature import DAYS, Field
from tests.support.handler_calls import Request, predict, send

ROW = {"age": 29, "sex": "female", "alone": True, "born": "1900-01-01"}


def test_missing_cells_and_categories_of_every_spelling_are_read(handlers: dict[str, Handler]) -> None:
    missing = dict.fromkeys(ROW)
    assert predict(handlers["survival"], missing)["probabilities"]["yes"] == pytest.approx(0.5)  # sigmoid(-1 + 1)
    for value in (True, "true"):
        row = {**missing, "sex": "male", "alone": value}
        assert predict(handlers["survival"], row)["probabilities"]["yes"] == 0.5


def test_values_never_seen_in_training_are_accepted_with_a_note(handlers: dict[str, Handler]) -> None:
    row = {"age": 200, "sex": "Female", "alone": False, "born": "2024-05-01"}
    reply = predict(handlers["survival"], row)
    assert reply["notes"] == [
        "age: 200 lies outside what was seen in training, 0.5 to 80",
        'sex: the text "Female" was not seen in training and counts as missing',
        'born: the text "2024-05-01" lies outside what was seen in training, 1870-01-01 to 2000-12-31',
    ]
    assert "notes" not in predict(handlers["survival"], {**row, "age": 80, "sex": None, "born": None})


def test_csv_gets_the_replies_of_the_same_rows_as_json(handlers: dict[str, Handler]) -> None:
    body = (
        b"\xef\xbb\xbfborn,age,sex,alone\r\n1900-01-01,29,female,true\r\n,,,\r\n\r\n2000-01-01T12:00,1e1,male,false\r\n"
    )
    rows = [ROW, dict.fromkeys(ROW), {"age": 10, "sex": "male", "alone": False, "born": "2000-01-01T12:00"}]
    assert predict(handlers["survival"], body, "text/csv") == predict(handlers["survival"], {"instances": rows})


def test_columns_may_be_spelled_as_in_the_training_data(handlers: dict[str, Handler]) -> None:
    expected = predict(handlers["survival"], ROW)
    respelled = {"Age": 29, "SEX": "female", " alone ": True, "Born": "1900-01-01"}
    assert predict(handlers["survival"], respelled) == expected
    body = b"Born,Age,Sex,Alone\n1900-01-01,29,female,true\n"
    assert predict(handlers["survival"], body, "text/csv")["predictions"] == [expected]
    ((status, reply),) = send(handlers["survival"], Request(json.dumps({**ROW, "Age": 30}).encode()))
    assert (status, 'the unknown field "Age"' in reply["error"]) == (400, True)


def test_times_of_day_and_offsets_of_a_date_are_read(handlers: dict[str, Handler]) -> None:
    noon, moved = (
        predict(handlers["survival"], {**ROW, "born": text}) for text in ("1995-01-01T12:00", "1995-01-01T14:00+02:00")
    )
    assert noon == moved


@pytest.mark.parametrize(
    "text",
    ["1970-01-01", "1969-12-31", "2024-02-29", "2024-02-29T06:30", "2024-02-29T06:30:15.25", "2024-01-01T00:00+02:00"],
)
def test_a_date_is_the_number_that_training_stored(text: str) -> None:
    stored = days_since_epoch(parse_dates([text]).datetimes)[0]
    assert iso_to_days(text) == pytest.approx(stored, abs=1e-9)


@given(st.floats(-700_000, 2_900_000, width=32))
def test_a_stored_date_round_trips_through_its_text(days: float) -> None:
    field = Field("born", "number", "float32", (), unit=DAYS)
    stored = np.array(days, np.float32)
    found = parse_number(number_to_json(stored, field), field, "born")
    assert float(abs(found - stored)) <= max(1e-11, float(np.spacing(np.abs(stored))))  # 1e-11 days are a microsecond
