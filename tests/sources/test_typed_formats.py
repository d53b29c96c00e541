"""Excel sheets, JSON Lines and Parquet: the same tables, series and texts as from CSV, and what is refused of them."""

import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from openpyxl import Workbook
from pyarrow import parquet

from pipelines.data import large_arrays
from pipelines.data.dataset import Dataset
from pipelines.data.text import from_bytes
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import encoding, excel, typed_blocks
from pipelines.sources.files.json_lines import read_json_lines
from pipelines.sources.series.load import SeriesSettings, load_series
from pipelines.sources.table.load import TableSettings, load_table
from pipelines.sources.text.load import TextSettings, load_texts
from tests.support.clock import pass_minutes

NAMES = ("age", "town", "since", "paid")
ROWS = [
    (
        20 + number % 7 + 0.5,
        ("Ulm", "Bonn", None)[number % 3],
        datetime(2024, 1, 1) + timedelta(number),
        number % 2 == 0,
    )
    for number in range(60)
]


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    lines = [",".join(names), *(",".join("" if cell is None else str(cell) for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def write_excel(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    workbook = Workbook()
    workbook.active.append(list(names))
    for row in rows:
        workbook.active.append(list(row))
    workbook.create_sheet("empty")
    workbook.save(path)


def write_json_lines(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    path.write_text(
        "".join(
            f"{json.dumps(dict(zip(names, row, strict=True)), default=lambda day: str(day)[:10])}\n" for row in rows
        )
    )


def write_parquet(
    path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]], row_group_size: int | None = None
) -> None:
    table = pyarrow.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    parquet.write_table(table, path, row_group_size)


WRITERS: dict[str, Callable[[Path, Sequence[str], Sequence[Sequence[Any]]], None]] = {
    "t.xlsx": write_excel,
    "t.jsonl": write_json_lines,
    "t.parquet": write_parquet,
}


def read(path: Path, **stated: Any) -> Dataset:
    return load_table(TableSettings.model_validate({"kind": "table", "path": str(path), "target": "paid", **stated}))


def sheet(path: Path, *rows: Sequence[Any]) -> Path:
    workbook = Workbook()
    for row in rows:
        workbook.active.append(list(row))
    workbook.save(path)
    return path


@pytest.mark.parametrize("name", WRITERS)
def test_a_table_is_the_same_whatever_it_is_written_in(name: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", NAMES, [(*row[:2], row[2].date(), str(row[3]).lower()) for row in ROWS])
    WRITERS[name](tmp_path / name, NAMES, ROWS)
    wanted, found = read(tmp_path / "t.csv"), read(tmp_path / name)
    assert found.schema.inputs == wanted.schema.inputs
    assert found.schema.target == wanted.schema.target
    for one, other in zip(
        (*found.part.inputs, found.part.target), (*wanted.part.inputs, wanted.part.target), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("decimal", [".", ","])
def test_a_series_is_the_same_whatever_it_is_written_in(name: str, decimal: str, tmp_path: Path) -> None:
    rows = [(datetime(2024, 1, 1) + timedelta(hours=hour), hour * 1.234) for hour in range(40)]
    write_csv(tmp_path / "s.csv", ("time", "load"), rows)
    if name == "t.jsonl":
        rows = [(str(time), load) for time, load in rows]  # type: ignore[misc]  # JSON has no times
    WRITERS[name](tmp_path / name, ("time", "load"), rows)
    stated = {"kind": "series", "time": "time", "window": 5, "horizon": 2}
    wanted = load_series(SeriesSettings.model_validate({**stated, "path": str(tmp_path / "s.csv")}))
    found = load_series(SeriesSettings.model_validate({**stated, "path": str(tmp_path / name), "decimal": decimal}))
    np.testing.assert_array_equal(found.part.inputs[0], wanted.part.inputs[0])
    np.testing.assert_array_equal(found.keys["time"], wanted.keys["time"])


@pytest.mark.parametrize("name", WRITERS)
def test_texts_are_the_same_whatever_they_are_written_in(name: str, tmp_path: Path) -> None:
    rows = [(f"message {number}, äöü", ("spam", "ham")[number % 2], number) for number in range(12)]
    WRITERS[name](tmp_path / name, ("body", "folder", "person"), rows)
    stated = {"kind": "text", "path": str(tmp_path / name), "text": "body", "target": 2, "keys": ["person"]}
    data = load_texts(TextSettings.model_validate(stated))
    assert from_bytes(data.part.inputs[0]) == [row[0] for row in rows]
    assert data.keys["person"].tolist() == list(range(12))


def test_a_sheet_is_chosen_by_name_or_number_and_several_are_not_guessed_from(tmp_path: Path) -> None:
    workbook = Workbook()
    workbook.active.append(["paid", "x"])
    other = workbook.create_sheet("2024")
    for number in range(30):
        workbook.active.append([number % 2, number / 4])
        other.append([number % 2, number / 4])
    workbook.save(tmp_path / "t.xlsx")
    with pytest.raises(UserError, match="2 sheets hold cells, Sheet, 2024; name one with `sheet`"):
        read(tmp_path / "t.xlsx")
    with pytest.raises(UserError, match="there is no sheet 'May'; the sheets are Sheet, 2024"):
        read(tmp_path / "t.xlsx", sheet="May")
    assert len(read(tmp_path / "t.xlsx", sheet="Sheet").part.target) == 30
    assert len(read(tmp_path / "t.xlsx", sheet=2, header=False, target="column_1").part.target) == 30


def test_empty_rows_and_columns_errors_and_texts_of_numbers_in_a_sheet(tmp_path: Path) -> None:
    rows = [[number, "#DIV/0!" if number == 4 else str(number * 2), "ab"[number % 2], None] for number in range(40)]
    path = sheet(tmp_path / "t.xlsx", [], ["a", "b", "paid", None], *rows[:20], [None, " "], *rows[20:], [])
    data = read(path, inputs=["a", "b"])
    assert [field.kind for field in data.schema.inputs] == ["number", "number"]
    assert np.flatnonzero(np.isnan(data.part.inputs[1])).tolist() == [4]
    bad = sheet(tmp_path / "bad.xlsx", [], ["a", "paid"], *[[f"2024-01-{1 + row[0] % 28:02}", row[2]] for row in rows])
    with pytest.raises(UserError, match=r"bad.xlsx, row 3: a is stated to be a number"):
        read(bad, types={"a": "number"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no Excel workbook of the kind .xlsx"),
        (b"PK\x03\x04\x14\0", "no Excel workbook of the kind .xlsx"),
        (b"\xd0\xcf\x11\xe0" * 200, "locked with a password"),
    ],
)
def test_a_file_that_is_no_workbook_ends_in_a_sentence(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(UserError, match=words):
        read(tmp_path / "t.xlsx")


def test_other_archives_and_bombs_under_a_workbooks_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(UserError, match="is no whole Excel workbook"):
        read(tmp_path / "t.xlsx")
    write_excel(tmp_path / "u.xlsx", NAMES, ROWS)
    monkeypatch.setattr(excel, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(UserError, match="at most 1000 are read; save it as CSV"):
        read(tmp_path / "u.xlsx")
    monkeypatch.undo()
    empty = sheet(tmp_path / "v.xlsx")
    with pytest.raises(UserError, match="the sheet 'Sheet' is empty"):
        read(empty, sheet="Sheet")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('[{"paid": 1}, {"paid": 0}]', "line 1: must be an object .* write a list of objects as one object a line"),
        ('{"paid": 1},\n', "line 1: is no JSON .* no comma behind it"),
        ('\n{"paid": 1, "paid": 0}\n', "line 2: has the name 'paid' twice"),
        ('{"paid": 1}\nnothing\n', "line 2: is no JSON"),
        ("[" * 100_000, "line 1: is no JSON"),
        ("", "is empty: it must hold at least one column and one row"),
        ('{"paid": 1, " a": 2, "a": 3}', "two columns are called 'a'"),
    ],
)
def test_lines_that_are_no_objects_end_in_a_sentence(lines: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(lines)
    with pytest.raises(UserError, match=words):
        read(tmp_path / "t.jsonl")


def test_names_that_come_late_lists_and_kinds_that_mix_in_json_lines(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"paid": "yn"[number % 2], "tags": ["a"], "mixed": number} for number in range(50)]
    rows[3] |= {"mixed": "7", "late": 2}
    rows[4] |= {"late": 10**30}
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = read(tmp_path / "t.jsonl")
    assert [field.name for field in data.schema.inputs] == ["mixed", "late"]
    assert data.part.inputs[0][3] == 7
    with pytest.raises(UserError, match="inputs: tags holds lists, not one text, number or date per row"):
        read(tmp_path / "t.jsonl", inputs=["tags"])


@pytest.mark.parametrize("name", WRITERS)
def test_a_table_that_is_read_in_blocks_and_kept_on_disk_is_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    WRITERS[name](tmp_path / name, NAMES, ROWS)
    whole = read(tmp_path / name)
    monkeypatch.setattr(typed_blocks, "BLOCK_ROWS", 8)
    monkeypatch.setattr(encoding, "BLOCK_BYTES", 50)
    monkeypatch.setattr(large_arrays, "MAX_IN_MEMORY_BYTES", 300)
    blocks = read(tmp_path / name)
    assert Path(".state", "sources").is_dir(), "something lay on disk"
    assert blocks.schema == whole.schema
    for one, other in zip(
        (*blocks.part.inputs, blocks.part.target), (*whole.part.inputs, whole.part.target), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_name_or_a_kind_of_cell_that_comes_in_a_later_block_changes_the_whole_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_blocks, "BLOCK_ROWS", 3)
    rows: list[dict[str, Any]] = [{"a": number, "b": number} for number in range(7)]
    rows += [{"a": 1.5, "b": "x", "c": 10**20}, {"a": float("nan"), "c": ["list"], "d": True}, {"a": None, "d": 2}]
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    table = read_json_lines(tmp_path / "t.jsonl", None)
    assert table.columns["a"].to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.5, None, None]
    assert table.columns["b"].to_pylist() == [*"0123456", "x", None, None]
    assert table.columns["d"].to_pylist() == [*[None] * 8, "true", "2"]
    assert table.unsupported == {"c": "lists"}
    assert table.line_numbers.tolist() == list(range(1, 11))


@pytest.mark.parametrize(("setting", "what"), [("sheet", "an Excel workbook"), ("table", "a database")])
def test_a_setting_of_another_kind_of_file_is_named(setting: str, what: str, tmp_path: Path) -> None:
    write_json_lines(tmp_path / "t.jsonl", NAMES, ROWS)
    with pytest.raises(UserError, match=f"{setting}: is for {what}, which this is not; take it out"):
        read(tmp_path / "t.jsonl", **{setting: "a"})


LONG_READINGS = {  # what stands in front of the time that is left
    "t.xlsx": ("row looked at 2 of 61", "block of 8 rows 2 of 8"),
    "t.jsonl": ("block of 8 rows 2 of 8",),
    "t.parquet": ("group of rows 2 of 8",),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_reading_that_takes_long_shows_how_far_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = partial(write_parquet, row_group_size=8) if name == "t.parquet" else WRITERS[name]
    write(tmp_path / name, NAMES, ROWS)
    pass_minutes(monkeypatch)
    monkeypatch.setattr(typed_blocks, "BLOCK_ROWS", 8)
    read(tmp_path / name)
    lines = capsys.readouterr().err.splitlines()
    for shown in LONG_READINGS[name]:
        assert any(line.startswith(f"  {shown}  about ") and line.endswith(" left") for line in lines), lines
