"""Tables: what each column is, how it is stored, and what every form of file gives."""

import codecs
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.datasets import load_wine

from pipelines.sources.table.load import TableSettings, load_table
from pipelines.sources.table.schema import field_names
from tests.support.hostile_tables import (
    DATES,
    NUMBERS,
    ROW_COUNT,
    SENTENCES,
    WORDS,
    csv_with_column,
    format_csv,
)
from tests.support.table_reading import column, field, finding, table


class TableReading(NamedTuple):
    cells: list[Any]
    kind: str
    first: object  # what is stored for the first row, or what it is called


TYPES = {
    "numbers": TableReading(NUMBERS, "number", -3.0),
    "numbers with some missing": TableReading(["", "NA", *NUMBERS[2:]], "number", np.nan),
    "exponents": TableReading([f"{n:.2e}" for n in NUMBERS], "number", -3.0),
    "a typographic minus": TableReading([str(n).replace("-", "−") for n in NUMBERS], "number", -3.0),
    "thousands set apart by spaces": TableReading([f"{n} 00{n % 10}.5" for n in range(1, 41)], "number", 1001.5),
    "years": TableReading(list(range(1980, 2020)), "number", 1980.0),
    "words": TableReading(WORDS, "category", "red"),
    "words with spaces around them": TableReading([f"  {word} " for word in WORDS], "category", "red"),
    "true and false": TableReading(["TRUE", "False"] * 20, "category", "true"),
    "yes and no and nothing": TableReading(["Yes", "no", "", "?"] * 10, "category", "yes"),
    "codes with zeros in front": TableReading([["00420", "10117", "0815"][place % 3] for place in range(ROW_COUNT)],
                                      "category", "00420"),
    "sentences": TableReading(SENTENCES, "text", b"message 0 holds quite a few words"),
    "ISO dates": TableReading(DATES, "number", 18255.0),  # days since 1970: date -d 2019-12-25 +%s, / 86400
    "ISO times in a zone": TableReading([f"{day}T14:00:00+02:00" for day in DATES], "number", 18255.5),
    "dates with dots": TableReading([f"{day:%d.%m.%Y}" for day in DATES], "number", 18255.0),
    "dates with the month first": TableReading([f"{day:%m/%d/%Y}" for day in DATES], "number", 18255.0),
    "dates with the day first": TableReading([f"{day:%d/%m/%Y}" for day in DATES], "number", 18255.0),
    "American times": TableReading([f"{day:%m/%d/%Y} 6:00 PM" for day in DATES], "number", 18255.75),
    "months": TableReading([f"{year}-0{month}" for year in range(1749, 1789) for month in (1,)], "number", -80718.0),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_a_column_is_what_its_cells_say(name: str, tmp_path: Path) -> None:
    cells, kind, first = TYPES[name]
    data = table(tmp_path, csv_with_column(cells), separator=",")
    reading, values = field(data, "x"), column(data, "x")
    assert reading.kind == kind
    assert (str(values.dtype), values.shape[1:]) == (reading.dtype, reading.shape)
    found: object = values[0]
    if kind == "category":
        assert list(reading.categories) == sorted(reading.categories)
        found = reading.categories[values[0]]
    elif kind == "text":
        found = values[0].tobytes().rstrip(b"\0")
    np.testing.assert_equal(found, first)


@pytest.mark.parametrize("name", TYPES)
def test_what_a_column_is_does_not_depend_on_the_order_of_the_rows(name: str, tmp_path: Path) -> None:
    header, *lines = csv_with_column(TYPES[name].cells).splitlines()
    straight = table(tmp_path, "\n".join([header, *lines]), separator=",")
    turned = table(tmp_path, "\n".join([header, *lines[::-1]]), separator=",")
    assert turned.schema == straight.schema
    for one, other in zip(straight.part.inputs, turned.part.inputs, strict=True):
        np.testing.assert_array_equal(one, other[::-1])


STATED = {
    "numbers as categories": (["10", "2", "1.0", "1"] * 10, "category", "category", ("1", "2", "10")),
    "numbers as yes and no": (["1", "0"] * 20, "boolean", "category", ("0", "1")),
    "codes as numbers": (["007", "010"] * 20, "number", "number", ()),
    "words as texts": (WORDS, "text", "text", ()),
    "names that hardly repeat as texts": ([f"Mr {n}" for n in range(ROW_COUNT)], "text", "text", ()),
    "a counter as a number": (list(range(ROW_COUNT)), "number", "number", ()),
}


@pytest.mark.parametrize("name", STATED)
def test_a_stated_type_outranks_the_guess(name: str, tmp_path: Path) -> None:
    cells, stated, kind, categories = STATED[name]
    reading = field(table(tmp_path, csv_with_column(cells), types={"x": stated}), "x")
    assert (reading.kind, reading.categories) == (kind, categories)


@pytest.mark.parametrize(
    ("cells", "stated", "kind", "categories"),
    [
        (["b", "a"] * 20, {}, "category", ("a", "b")),
        (["no", "yes"] * 20, {}, "category", ("no", "yes")),
        (list(range(10)) * 4, {}, "category", tuple("0123456789")),
        (list(range(11)) * 4, {}, "number", ()),
        ([0.5, 1.5] * 20, {}, "number", ()),
        ([0, 1] * 20, {"types": {"y": "number"}}, "number", ()),
        (list(range(11)) * 4, {"types": {"y": "category"}}, "category", tuple(map(str, range(11)))),
        (list(range(40)), {}, "number", ()),
    ],
)
def test_a_target_is_a_category_if_it_is_words_or_few_whole_numbers(
    cells: list[Any], stated: Any, kind: str, categories: tuple[str, ...], tmp_path: Path
) -> None:
    data = table(tmp_path, format_csv({"x": [n * 0.3 for n in range(len(cells))], "y": cells}), **stated)
    assert (data.schema.target.kind, data.schema.target.categories) == (kind, categories)
    if not stated and categories[:1] == ("0",):
        assert any("`types: {y: number}`" in note for note in data.notes)


FORMS: dict[str, tuple[Any, str]] = {
    "commas": (lambda text: text, "t.csv"),
    "semicolons": (lambda text: text.replace(",", ";"), "t.csv"),
    "tabs": (lambda text: text.replace(",", "\t"), "t.tsv"),
    "tabs in a CSV": (lambda text: text.replace(",", "\t"), "t.csv"),
    "pipes": (lambda text: text.replace(",", "|"), "t.txt"),
    "a UTF-8 mark": (lambda text: codecs.BOM_UTF8 + text.encode(), "t.csv"),
    "UTF-16": (lambda text: text.encode("utf-16"), "t.csv"),
    "UTF-16 of the other order": (lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"), "t.csv"),
    "Windows line ends": (lambda text: text.replace("\n", "\r\n"), "t.csv"),
    "old Macintosh line ends": (lambda text: text.replace("\n", "\r"), "t.csv"),
    "no line end at the end": (lambda text: text.rstrip("\n"), "t.csv"),
    "blank lines": (lambda text: "\n" + text.replace("\n", "\n\n"), "t.csv"),
    "everything in quotes": (
        lambda text: "\n".join('"' + line.replace(",", '","') + '"' for line in text.splitlines()), "t.csv",
    ),
    "Excel's first line": (lambda text: "sep=;\n" + text.replace(",", ";"), "t.csv"),
    "decimal commas": (lambda text: text.replace(",", ";").replace(".", ","), "t.csv"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_the_same_table_is_read_from_every_form_of_file(name: str, tmp_path: Path) -> None:
    text = csv_with_column(["größer", "kleiner"] * 20)
    written, file = FORMS[name]
    plain, other = table(tmp_path, text), table(tmp_path, written(text), file)
    assert other.schema == plain.schema.model_copy(update={"title": other.schema.title, "origin": other.schema.origin})
    for one, same in zip(plain.part.inputs, other.part.inputs, strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_parquet_file_is_read_as_it_is_typed(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3, 5] * 10, dtype="Int64"),
            "float": [0.5, np.nan, 2.5, 9.5] * 10,
            "flag": [True, False, True, True] * 10,
            "code": ["1", "2", "3", "4"] * 10,
            "level": pd.Categorical(["low", "high", None, "low"] * 10),
            "when": pd.to_datetime(["2020-01-01", "2020-01-02T12:00", None, "2020-01-04"] * 10, format="ISO8601"),
            "list": [[1, 2]] * 40,
            "y": [1, 2, 3, 1] * 10,
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    data = load_table(TableSettings(kind="table", path=str(tmp_path / "t.parquet"), target="y"))
    assert {one.name: one.categories or one.kind for one in data.schema.inputs} == {
        "whole": "number",
        "float": "number",
        "flag": ("false", "true"),
        "code": ("1", "2", "3", "4"),  # a text in the file, though it looks like a number
        "level": ("high", "low"),
        "when": "number",
    }
    np.testing.assert_array_equal(column(data, "whole")[:4], np.float32([1, np.nan, 3, 5]))
    np.testing.assert_array_equal(column(data, "when")[:4], np.float32([18262, 18263.5, np.nan, 18265]))
    assert column(data, "level")[:4].tolist() == [1, 0, -1, 1]
    assert data.schema.target.categories == ("1", "2", "3")
    assert "list (it holds list<element: int64>" in finding(data, "set_aside_columns").sentence


def test_a_real_table_comes_back_number_by_number(tmp_path: Path) -> None:
    wine = load_wine(as_frame=True)
    wine.frame.to_csv(tmp_path / "wine.csv")  # with the index as a column without a name, as pandas does
    data = load_table(
        TableSettings(kind="table", path=str(tmp_path / "wine.csv"), target="target", unit={"ash": "g/l"})
    )
    np.testing.assert_array_equal(np.stack(data.part.inputs, axis=1), wine.data.to_numpy(dtype=np.float32))
    np.testing.assert_array_equal(data.part.target, wine.target)
    assert field(data, "ash").unit == "g/l"
    assert field(data, "od280_od315_of_diluted_wines").range == (np.float32(1.27), 4.0)
    assert "column_1 (it counts the rows, from 0 to 177)" in finding(data, "set_aside_columns").sentence
    assert any("od280/od315_of_diluted_wines is od280_od315_of_diluted_wines" in note for note in data.notes)


def test_keys_are_kept_beside_the_inputs_in_their_own_type(tmp_path: Path) -> None:
    rows = [(place // 4, f"farm {place // 8}", day) for place, day in enumerate(DATES)]
    text = csv_with_column(NUMBERS, person=[r[0] for r in rows], farm=[r[1] for r in rows], day=[r[2] for r in rows])
    data = table(tmp_path, text, keys=["person", "farm", "day"])
    assert [one.name for one in data.schema.inputs] == ["x", "z"]
    assert {name: values.dtype.kind for name, values in data.keys.items()} == {"person": "i", "farm": "U", "day": "M"}
    assert data.keys["day"][0] == np.datetime64("2019-12-25")
    assert data.keys["farm"][9] == "farm 1"
    both = table(tmp_path, text, keys=["person"], inputs=["person", "x"])
    assert [one.name for one in both.schema.inputs] == ["x", "person"]


def test_rows_without_a_target_are_left_out_of_every_array(tmp_path: Path) -> None:
    endings = ["", "a", "b", "a"] * 10
    data = table(tmp_path, format_csv({"x": NUMBERS, "who": WORDS, "y": endings}), keys=["who"], inputs=["x"])
    assert column(data, "x").tolist() == [n for n, ending in zip(NUMBERS, endings, strict=True) if ending]
    assert len(data.part.target) == len(data.keys["who"]) == 30
    assert finding(data, "rows_without_target").concerns == 10


@given(st.lists(st.text(), min_size=1, max_size=6))
@example(["A b", "a_b", "a b", "日本", "Größe (cm)"])
@example(["Value", "Probabilities"])
def test_field_names_are_safe_and_each_once(columns: list[str]) -> None:
    names = field_names(columns)
    assert len(set(names)) == len(columns)
    assert not {"value", "probabilities", "quantiles", "reconstruction", "samples"} & set(names), "a graph's answer"
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") and name for name in names)
