"""What stands in a file's cells, and what a cell's text means as a number or a moment."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.sources.files.csv_cells import read_csv
from pipelines.sources.files.parsing import MISSING_MARKS, parse_datetime, parse_number


def test_a_quoted_cell_holds_separators_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"x, ""y""\nz"\n\n2,plain\n')
    assert read_csv(path) == (("a", "b"), [["1", 'x, "y"\nz'], ["2", "plain"]], [2, 5])


def test_stray_quotes_in_a_tab_separated_file_are_letters(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text('ham\t"Hello\nham\tthe 5" pipe\nspam\t"quoted" and more\nham\tend"\n')
    rows = read_csv(path, header=False).rows
    assert [row[1] for row in rows] == ['"Hello', 'the 5" pipe', '"quoted" and more', 'end"']
    path.write_text('a\tb\n1\t"two\nlines"\n')
    assert read_csv(path).rows == [["1", "two\nlines"]]


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


@given(st.datetimes())
def test_a_date_is_parsed(value: datetime) -> None:
    assert parse_datetime(value.isoformat()) == np.datetime64(value, "us")
    assert parse_datetime(value.isoformat(" ", "minutes")) == np.datetime64(
        value.replace(second=0, microsecond=0), "us"
    )


@pytest.mark.parametrize("text", ["2020-02-30", "2020-13-01", "2020-01-01 25:00", "2020-01-01 13:00 PM", "20", "", "x"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_datetime(text) is None
