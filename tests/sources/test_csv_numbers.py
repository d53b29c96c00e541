"""Columns of plain numbers: parsed a block at a time to what every cell means by itself, or not at all."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.runtime.user_error import UserError
from pipelines.sources.files import csv_numbers, csv_table
from pipelines.sources.files.csv_cells import CsvFormat
from pipelines.sources.files.csv_numbers import NumberParser
from pipelines.sources.files.csv_table import read_csv
from pipelines.sources.files.decimal_marks import vote_decimal_mark
from pipelines.sources.files.parsing import MAX_FLOAT32, MISSING_MARKS, parse_number
from pipelines.sources.table.load import TableSettings, load_table
from pipelines.sources.table.roles import MAX_NUMERIC_CLASSES
from pipelines.sources.table.type_inference import ColumnType
from tests.support.table_reading import column, finding, table

PLAIN_CELLS = st.floats(-MAX_FLOAT32, MAX_FLOAT32).map(repr) | st.integers(-99, 99_999).map(str)
ODD_CELLS = st.sampled_from(
    [
        "",
        "NA",
        "nan",
        "-",
        "-999",
        " 5",
        "+5",
        "-007",
        "007",
        "007.5",
        "00",
        "1e400",
        "1e39",
        "1e-400",
        "inf",
        "x",
        "1,000",
        "1,5",
        "5.",
        ".5",
        "1_0",
        "0x1A",
        "1.50",
        "−5",
        "٣",
    ]
)
CELLS = st.lists(PLAIN_CELLS | st.from_regex(r"-?[1-9]\.[0-9]{3}", fullmatch=True), min_size=20, max_size=60)


def text_array(cells: list[str]) -> pa.StringArray:
    return pa.array(cells, pa.string())


def is_plain(cell: str) -> bool:
    number = None if cell != cell.strip() else parse_number(cell)
    grouped = set(cell) & set(", '\u2212\u2019\u00a0\u202f")
    return (
        number is not None
        and abs(number) <= MAX_FLOAT32
        and not grouped
        and not (cell.startswith("0") and cell[1:2].isdigit())
    )


@given(
    st.lists(st.lists(PLAIN_CELLS | ODD_CELLS | st.text("0123456789+-.,eE ", min_size=1), max_size=4), max_size=4),
    st.sampled_from([MISSING_MARKS, frozenset({"", "-999"}), frozenset({""})]),
)
@example([["1.234"], ["2.345", "1.999"]], MISSING_MARKS)
@example([["1.234"], ["2"], ["0.5"]], MISSING_MARKS)
@example([["1", "2"], ["-999", "NA"]], frozenset({"-999", "NA"}))
@example([["0", "0.5", "-0", "0e1"], [""]], MISSING_MARKS)
def test_blocks_are_parsed_to_what_each_cell_means(blocks: list[list[str]], missing: frozenset[str]) -> None:
    parser = NumberParser(missing)
    parsed = [number for block in blocks for number in parser.parse(text_array(block)).to_pylist()]
    cells = [cell for block in blocks for cell in block]
    filled = [cell for cell in cells if cell not in missing]
    assert parser.is_plain == all(is_plain(cell) for cell in filled)
    if parser.is_plain:
        assert [repr(one) for one in parsed] == [
            "None" if cell in missing else repr(parse_number(cell)) for cell in cells
        ]
        assert dict(parser.missing_counts) == {cell: cells.count(cell) for cell in cells if cell in missing}
        assert parser.decimal_vote == vote_decimal_mark(text_array(filled))


@given(
    cells=CELLS,
    odd=st.lists(st.tuples(ODD_CELLS, st.integers(0, 59)), max_size=3),
    name=st.sampled_from(["id", "column_1", ""]),
    kind=st.sampled_from([None, None, "number", "id", "category", "text"]),
    missing=st.sampled_from([None, ("-999",), ("1.50", "NA")]),
    decimal=st.sampled_from([None, None, ","]),
)
@example(["0.5", *(f"{n}.5" for n in range(40))], [("007", 30)], "x", None, None, None)
@example([f"{n}.125" for n in range(1, 41)], [("1,5", 30)], "x", None, None, None)
@example([str(n) for n in range(30)], [], "x", None, None, None)
@example(
    [str(n) for n in range(30)], [("1", 7)], "x", None, None, None
)  # as long as a count of the rows, which it is not
@example([str(n * 3) for n in range(30)], [("21", 20)], "id", None, None, None)
def test_a_data_set_is_the_same_whether_its_numbers_were_texts_or_not(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[str],
    odd: list[tuple[str, int]],
    name: str,
    kind: ColumnType | None,
    missing: tuple[str, ...] | None,
    decimal: str | None,
) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    mixed = list(cells)
    for cell, row in odd:
        mixed[row % len(cells)] = cell
    rows = [f"{one};{row};{other};{'ny'[row % 2]}" for row, (one, other) in enumerate(zip(mixed, cells, strict=True))]
    path.write_text("\n".join([*[f"{name};column_2;column_3;column_4"] * bool(name), *rows]), encoding="utf-8")
    settings = TableSettings(
        kind="table",
        path=str(path),
        target="column_4",
        header=bool(name),
        types=((name or "column_1", kind),) if kind else (),
        missing=missing,
        decimal=decimal,
    )
    read = {}
    for as_numbers in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_table, "BLOCK_BYTES", 400)
            patch.setattr(csv_table, "MAX_DISTINCT_SHARE", -1.0)  # the reader joins no texts
            patch.setattr(csv_numbers, "MIN_DISTINCT_NUMBERS", MAX_NUMERIC_CLASSES + 1 if as_numbers else 1000)
            try:
                dataset = load_table(settings)
                arrays = [(each.dtype, each.tolist()) for each in (*dataset.part.inputs, dataset.part.target)]
                read[as_numbers] = repr((dataset._replace(part=None), arrays))
            except UserError as error:
                read[as_numbers] = str(error)
    assert read[False] == read[True]


def test_a_late_cell_that_is_no_plain_number_leaves_its_column_alone_as_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_table, "BLOCK_BYTES", 1000)
    path = tmp_path / "t.csv"
    rows = [f"{number}.50,{number}" for number in range(1000)]
    path.write_text("\n".join(["a,b", *rows, "007,1000"]))
    read = read_csv(CsvFormat(path), lambda name: NumberParser(frozenset()))
    assert [str(each.type) for each in read.columns] == ["string", "double"]
    assert read.column_texts("a") == [*(f"{number}.50" for number in range(1000)), "007"]
    assert read.columns[1].to_pylist() == list(range(1001))
    assert set(read.parsers) == {"b"}
    assert read.read_cell("a", 3) == "3.50"


def test_fewer_numbers_than_may_be_classes_are_kept_as_texts() -> None:
    assert csv_numbers.MIN_DISTINCT_NUMBERS > MAX_NUMERIC_CLASSES


def test_a_finding_shows_a_number_as_the_file_has_it(tmp_path: Path) -> None:
    rows = [f"{number / 4:.3f},{number}.50,{'ab'[number % 2] * (number in (30, 31))}" for number in range(40)]
    rows[30:32] = ["1.250,30.50,a", "1.250,31.50,b"]
    data = table(tmp_path, "\n".join(["x,z,y", *rows]))
    np.testing.assert_array_equal(column(data, "z"), np.float32([30.5, 31.5]))
    assert "x (every cell is '1.250')" in finding(data, "set_aside_columns").sentence
