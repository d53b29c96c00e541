"""CSV files as columns: pyarrow reads what Python's own reader reads, and columns larger than memory lie on disk."""

import re
from pathlib import Path

import pyarrow
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.data import large_arrays
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import csv_table
from pipelines.sources.files.csv_cells import CsvFormat, read_rows
from pipelines.sources.files.csv_table import CsvTable, read_csv
from pipelines.sources.table.columns import table_from_csv

LETTERS = 'ab1.,;\t"\n\r -\u00e9\u2028\x0b\x1c'


def rows_of(table: CsvTable) -> list[list[str]]:
    return [list(row) for row in zip(*(table.column_texts(name) for name in table.names), strict=True)]


def quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set('",;\t\r\n') else cell


quoted_tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(st.text(LETTERS, max_size=5).map(quote), min_size=width, max_size=width))
)
quoted_files = st.tuples(quoted_tables, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r", "\n\n"])).map(
    lambda parts: parts[2].join(parts[1].join(row) for row in parts[0])
)


def test_a_quoted_cell_holds_separators_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"x, ""y""\nz"\n\n2,plain\n')
    table = read_csv(CsvFormat(path))
    assert (table.names, rows_of(table)) == (("a", "b"), [["1", 'x, "y"\nz'], ["2", "plain"]])
    assert table.line_numbers.tolist() == [2, 5]


def test_stray_quotes_in_a_tab_separated_file_are_letters(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text('ham\t"Hello\nham\tthe 5" pipe\nspam\t"quoted" and more\nham\tend"\n')
    table = read_csv(CsvFormat(path, header=False))
    assert table.column_texts("column_2") == ['"Hello', 'the 5" pipe', '"quoted" and more', 'end"']
    path.write_text('a\tb\n1\t"two\nlines"\n')
    assert rows_of(read_csv(CsvFormat(path))) == [["1", "two\nlines"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=quoted_files | st.text(LETTERS),
    separator=st.sampled_from([None, ",", "\t"]),
    name=st.sampled_from(["t.csv", "t.tsv"]),
)
@example(text="sep=;\na;b\n1;2\n", separator=None, name="t.csv")
@example(text="a,b\n1,2\n \n3,4", separator=None, name="t.csv")
@example(text="a\n1\n\t\n", separator=None, name="t.tsv")
@example(text='a,b\n1,"2"3\n', separator=None, name="t.csv")
@example(text='a,b\n1,2"3"\n', separator=None, name="t.csv")
@example(text="\ufeff\ufeffa,b\n1,2", separator=None, name="t.csv")
def test_pyarrow_reads_a_file_as_the_row_reader_does(
    text: str, separator: str | None, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    format = CsvFormat(path, separator, header=False)
    try:
        expected = list(read_rows(format))
    except UserError as error:
        with pytest.raises(UserError, match=re.escape(str(error))):
            read_csv(format)
    else:
        table = read_csv(format)
        assert list(zip(table.line_numbers.tolist(), rows_of(table), strict=True)) == expected


@pytest.mark.parametrize("content", ["a,b\n1,2\n3,4\n", 'a,b\n"x, ""y""\nz",2\n3,4\n', "sep=;\na;b\r\n1;2\r\n\r\n3;4"])
def test_common_files_are_read_by_pyarrow(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    monkeypatch.setattr(csv_table, "read_rows", None)  # not to be called
    assert len(read_csv(CsvFormat(path))) == 2


def test_a_large_file_is_read_into_files_without_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{number},word {number % 7}\n" for number in range(1000)))
    monkeypatch.chdir(tmp_path)
    in_memory = rows_of(read_csv(CsvFormat(path)))
    monkeypatch.setattr(large_arrays, "MAX_IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(csv_table, "BLOCK_BYTES", 1000)  # each block has a dictionary of its own
    table = read_csv(CsvFormat(path))
    assert [pyarrow.types.is_dictionary(column.type) for column in table.columns] == [False, True]
    assert rows_of(table) == in_memory
    coded = table_from_csv(table, frozenset()).columns["b"]
    assert coded.distinct_values.to_pylist() == [f"word {number}" for number in range(7)]  # not the column's name
    assert coded.codes.tolist() == [number % 7 for number in range(1000)]
    assert (tmp_path / ".state" / "sources").is_dir()
    assert not list((tmp_path / ".state" / "sources").iterdir())
