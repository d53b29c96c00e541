"""What a cell's text means as a number or a point in time."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.sources.files.parsing import MISSING_MARKS, parse_datetime, parse_number, parse_numbers


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([".", ","]))
@example(1234567.5, ",")
def test_a_number_is_read_as_it_was_written(value: float, decimal: str) -> None:
    assert parse_number(repr(value).replace(".", decimal), decimal) == value
    if abs(value) < 1e15:
        grouped = f"{value:,.3f}"
        if decimal == ",":
            grouped = grouped.translate({ord("."): ",", ord(","): "."})
        assert parse_number(grouped, decimal) == float(f"{value:.3f}")


@given(st.text())
@example("1_000")
@example("0x1F")
@example("١٢")
@example("1,23")
@example("1,2345")
def test_what_python_reads_as_a_number_is_not_always_one(text: str) -> None:
    read = parse_number(text)
    if text.strip() in MISSING_MARKS:
        assert np.isnan(read)
    elif read is not None:
        assert text.strip().isascii() or set(text) & set(" \u00a0\u202f’−")
        assert any(letter in "0123456789" for letter in text) or "inf" in text.lower()


@given(st.lists(st.text("0123456789+-.,eE ") | st.floats().map(repr)), st.sampled_from([".", ","]))
@example(["5.", ".5", "+5", "1e400", "-0", "007", "1,234.5", "inf", "nan", " 3"], ".")
def test_a_column_of_numbers_is_read_as_its_cells_are(texts: list[str], decimal: str) -> None:
    expected = [parse_number(text, decimal) for text in texts]
    np.testing.assert_array_equal(
        parse_numbers(pa.array(texts, pa.string()), decimal),
        np.array([np.nan if number is None else number for number in expected]),
    )


@given(st.datetimes())
def test_a_date_is_parsed(value: datetime) -> None:
    assert parse_datetime(value.isoformat()) == np.datetime64(value, "us")
    assert parse_datetime(value.isoformat(" ", "minutes")) == np.datetime64(
        value.replace(second=0, microsecond=0), "us"
    )


@pytest.mark.parametrize("text", ["2020-02-30", "2020-13-01", "2020-01-01 25:00", "2020-01-01 13:00 PM", "20", "", "x"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_datetime(text) is None
