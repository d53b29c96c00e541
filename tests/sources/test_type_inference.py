"""Millions of texts are looked through by pattern before they are parsed one by one, to the same result."""

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.sources.files.dates import parse_dates
from pipelines.sources.files.parsing import parse_number
from pipelines.sources.table.columns import CodedColumn
from pipelines.sources.table.type_inference import MAX_STRAY_SHARE, distinct_dates, infer_decimal_mark, infer_type

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d %H:%M", "%d.%m.%Y", "%d/%m/%Y", "%m-%d-%Y %I:%M %p", "%Y-%m")
DATE_TEXTS = st.builds(lambda date, form: date.strftime(form), st.datetimes(), st.sampled_from(DATE_FORMATS))


def _column_of(texts: list[str]) -> CodedColumn:
    return CodedColumn("column", np.arange(len(texts)), pa.array(texts, pa.string()), {})


@given(st.lists(DATE_TEXTS | st.text("0123456789-/.: T", max_size=12), unique=True))
@example(["1/2/2020", "13.1.2020", "1.5", "1-2-2020 13:00", "2020-1"])
def test_a_column_of_dates_is_read_as_its_texts_are(texts: list[str]) -> None:
    expected, read = parse_dates(texts), distinct_dates(_column_of(texts))
    np.testing.assert_array_equal(read.datetimes, expected.datetimes)
    assert read.ambiguous_text == expected.ambiguous_text


def test_a_number_that_is_written_in_two_ways_repeats() -> None:
    assert infer_type(_column_of(["1", "2", "4"])._replace(name="id"), ".").type == "id"
    assert infer_type(_column_of(["1", "1.0", "4"])._replace(name="id"), ".").type == "number"
    assert infer_type(_column_of(["1", "1.0", "3"]), ".").type == "number", "as long as a count of the rows"


@given(st.lists(st.text("019.,", min_size=1, max_size=7) | st.floats().map(repr), min_size=1, max_size=40, unique=True))
@example(["0.5", "1.234"])
@example(["1.234", "2.345", "-0.5"])
@example(["1,234", "0,5"])
@example(["1.234"])
def test_the_decimal_mark_is_that_which_reads_most_cells(texts: list[str]) -> None:
    marked = [text for text in texts if set(text) & {".", ","}]
    readable = {mark: [parse_number(text, mark) is not None for text in marked] for mark in (".", ",")}
    able = {mark: sum(read) for mark, read in readable.items()}
    enough = {mark for mark in able if marked and able[mark] >= len(marked) * (1 - MAX_STRAY_SHARE)}
    is_ambiguous = len(enough) == 2 and readable["."] == readable[","]
    expected = "," if "," in enough and not is_ambiguous and (len(enough) == 1 or able[","] >= able["."]) else "."
    assert infer_decimal_mark([_column_of(texts)]) == (expected, {"column": min(marked)} if is_ambiguous else {})
