"""Tables that are wrong: what the sentence about each must hold, and how a table for a test is written."""

import codecs
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

Content = str | bytes
ROW_COUNT = 40
LABELS = ["yes", "no"]


def format_csv(columns: Mapping[str, list[Any]], separator: str = ",") -> str:
    lines = [separator.join(columns), *(separator.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


def csv_with_column(cells: list[Any], **more: list[Any]) -> str:
    """A table of the column x, of a column z that is fine, and of a target."""
    valid_column = [round(0.37 * place**1.5, 3) for place in range(len(cells))]
    return format_csv(
        {"x": cells, "z": valid_column, **more, "y": [LABELS[place % 3 == 0] for place in range(len(cells))]}
    )


NUMBERS = [place * 0.5 - 3 for place in range(ROW_COUNT)]
WORDS = [["red", "green", "blue"][place % 3] for place in range(ROW_COUNT)]
SENTENCES = [f"message {place} holds quite a few words" for place in range(ROW_COUNT)]
DATES = [(datetime(2019, 12, 25, tzinfo=UTC) + timedelta(days=place)).date() for place in range(ROW_COUNT)]


VALID_TABLE = csv_with_column(NUMBERS)
CATEGORY_COUNT = 1200


class RefusedTable(NamedTuple):
    content: Content
    expected_words: str  # that the sentence must hold, besides the file's name
    settings: dict[str, Any] = {}  # noqa: RUF012  never changed
    name: str = "t.csv"


REFUSED_TABLES = {
    "an empty file": RefusedTable("", "is empty"),
    "blank lines alone": RefusedTable("\n \n\n", "is empty"),
    "a mark alone": RefusedTable(codecs.BOM_UTF8, "is empty"),
    "a header alone": RefusedTable("x,y\n", "nothing below it"),
    "a row that is too long": RefusedTable("x,y\n1,a\n1,2,b\n", "line 3: found 3 cells, but line 1 has 2"),
    "a row that is too short": RefusedTable("x,y\n1,a\n\n7\n", "line 4: found 1 cell,"),
    "a short row after a cell of two lines": RefusedTable('x,y\n"a\nb",c\n7\n', "line 4: found 1 cell,"),
    "another separator than stated": RefusedTable("x;y\n1;a\n1;b,c\n", "line 3: found 2 cells", {"separator": ","}),
    "a quote that is never closed": RefusedTable('x,y\n1,a\n2,"b\n3,c\n', "line 3: a cell of the row"),
    "a quote that swallows the file": RefusedTable('x,y\n1,"a' + "b,c\n" * 2**22, "a cell of this row has more than"),
    "something behind a closing quote": RefusedTable('x,y\n1,"a"b\n', "line 2: something follows the closing"),
    "two columns of one name": RefusedTable("x,y, x\n1,a,2\n", "columns 1 and 3 are both called 'x'"),
    "a name that a column without a name gets": RefusedTable("column_2,,y\n1,2,a\n", "both called 'column_2'"),
    "Latin letters": RefusedTable(
        "x,y\n1,a\n2,caf\xe9\n".encode("latin-1"),
        "byte 13 (on line 3) is 0xe9, which is not utf-8; state `encoding: latin-1`",
    ),
    "the wrong encoding": RefusedTable(
        "x,y\n1,a\n2,\x81\n".encode("latin-1"),
        "byte 10 (on line 3) is 0x81, which is not cp1252",
        {"encoding": "cp1252"},
    ),
    "an unknown encoding": RefusedTable(VALID_TABLE, "'klingon' is not a known encoding", {"encoding": "klingon"}),
    "an encoding of no text": RefusedTable(VALID_TABLE, "'base64' is not a known encoding", {"encoding": "base64"}),
    "half a character of UTF-16": RefusedTable("x,y\n1,a".encode("utf-16")[:-1], "not utf-16-le"),
    "UTF-16 without a mark": RefusedTable("x,y\n1,a".encode("utf-16-le"), "encoding: utf-16-le"),
    "NUL characters": RefusedTable("x,y\n1,\0\n", "line 2: holds a NUL"),
    "an Excel workbook": RefusedTable(b"PK\x03\x04\x14\0", "a name ending in .xlsx"),
    "a packed file": RefusedTable(b"\x1f\x8b\x08\0", "packed by gzip, and damaged or cut off"),
    "Parquet under another name": RefusedTable(b"PAR1\x15\x04", "Parquet file"),
    "CSV under Parquet's name": RefusedTable(VALID_TABLE, "not a whole Parquet file", name="t.parquet"),
    "half of a Parquet file": RefusedTable(b"PAR1\x15\x04\x15\x10", "not a whole Parquet file", name="t.parquet"),
    "a target that is no column": RefusedTable(
        VALID_TABLE, "target: there is no column 'Y'; the columns are x, z, y", {"target": "Y"}
    ),
    "an input that is no column": RefusedTable(VALID_TABLE, "inputs: there is no column 'q'", {"inputs": ["x", "q"]}),
    "a key that is no column": RefusedTable(VALID_TABLE, "keys: there is no column 'q'", {"keys": ["q"]}),
    "a type for no column": RefusedTable(VALID_TABLE, "types: there is no column 'q'", {"types": {"q": "text"}}),
    "a unit for no column": RefusedTable(VALID_TABLE, "unit: there is no column 'q'", {"unit": {"q": "m"}}),
    "a unit for words": RefusedTable(
        csv_with_column(WORDS), "x is of type category, which has no unit", {"unit": {"x": "m"}}
    ),
    "no header, though there is one": RefusedTable(
        VALID_TABLE, "the columns are column_1, column_2, column_3", {"header": False}
    ),
    "a target without a value": RefusedTable("x,y\n1,\n2,NA\n", "y has no filled cell"),
    "a target of infinities": RefusedTable("x,y\n1,inf\n2,1e999\n", "y holds no value"),
    "a target that never repeats": RefusedTable(
        format_csv({"x": NUMBERS, "y": [f"name {n}" for n in range(ROW_COUNT)]}), "40 different texts in 40 rows"
    ),
    "a target that is free text": RefusedTable(format_csv({"x": NUMBERS, "y": SENTENCES}), "no class can be learned"),
    "a target that is stated to be text": RefusedTable(
        VALID_TABLE, "is stated to be of type text", {"types": {"y": "text"}}
    ),
    "a target that is ignored": RefusedTable(VALID_TABLE, "is stated to be of type ignore", {"types": {"y": "ignore"}}),
    "only a target": RefusedTable("y\na\nb\na\n", "no input is left (it has no other column)"),
    "inputs that are all set aside": RefusedTable("id,y\n1,a\n2,b\n3,a\n", "no input is left (id: it counts the rows"),
    "words that are stated to be numbers": RefusedTable(
        csv_with_column(WORDS), "line 2: x is stated to be a number, but 'red'", {"types": {"x": "number"}}
    ),
    "numbers that are stated to be dates": RefusedTable(
        VALID_TABLE, "line 2: x is stated to be a date, but '-3.0' is none", {"types": {"x": "date"}}
    ),
    "days or months": RefusedTable(
        csv_with_column(["01/02/2020", "03/04/2020"] * 20), "begins with the day or the month", {"types": {"x": "date"}}
    ),
    "three words that are stated to be yes and no": RefusedTable(
        csv_with_column(WORDS), "3 different values ('blue',", {"types": {"x": "boolean"}}
    ),
    "too many categories": RefusedTable(
        csv_with_column([f"w{n}" for n in range(CATEGORY_COUNT)]),
        "holds 1200 different values",
        {"types": {"x": "category"}},
    ),
    "a key with a gap": RefusedTable(
        csv_with_column(["a", "", *WORDS]), "line 3: keys: x has no value", {"keys": ["x"]}
    ),
    "a key with fractions": RefusedTable(VALID_TABLE, "keys: x holds numbers with fractions", {"keys": ["x"]}),
}


class TableWithFinding(NamedTuple):
    content: Content
    check: str
    concerns: int
    expected_words: str
    settings: dict[str, Any] = {}  # noqa: RUF012  never changed


TABLES_WITH_FINDINGS = {
    "missing cells in many spellings": TableWithFinding(
        csv_with_column(["", "NA", "null", "-", "?", "NaN", *NUMBERS[6:]]),
        "missing_cells",
        6,
        'x 6 (empty, "-", "?", "NA", "NaN", "null")',
    ),
    "a spelling that the user adds": TableWithFinding(
        csv_with_column(["-999", *NUMBERS[1:]]), "missing_cells", 1, 'x 1 ("-999")', {"missing": ["-999"]}
    ),
    "a word that may mean missing": TableWithFinding(
        csv_with_column(["Unknown"] * 6 + WORDS[6:]),
        "missing_words",
        6,
        'x "Unknown" 6 (15% of its cells). If they do, state `missing: ["Unknown"]`',
    ),
    "a word that may mean missing, beside marks that do": TableWithFinding(
        csv_with_column(["?"] * 3 + ["n.a."] * 5 + WORDS[8:]), "missing_words", 5, 'state `missing: ["?", "n.a."]`'
    ),
    "a mark that the user takes off the list": TableWithFinding(
        csv_with_column(["?"] * 6 + WORDS[6:]), "missing_words", 6, 'x "?" 6', {"missing": ["NA"]}
    ),
    "a word that the user says means missing": TableWithFinding(
        csv_with_column(["Unknown"] * 6 + WORDS[6:]), "missing_cells", 6, 'x 6 ("Unknown")', {"missing": ["Unknown"]}
    ),
    "a word among numbers": TableWithFinding(
        csv_with_column([*NUMBERS[:5], "unknown", *NUMBERS[6:]]),
        "stray_cells",
        1,
        "x: 1, the first 'unknown' on line 7",
    ),
    "a word among dates": TableWithFinding(
        csv_with_column([*DATES[:5], "soon", *DATES[6:]]), "stray_cells", 1, "x: 1, the first 'soon' on line 7"
    ),
    "a number beyond all numbers": TableWithFinding(
        csv_with_column([*NUMBERS[:-1], "1e400"]), "excessive_numbers", 1, "x: 1, the first '1e400' on line 41"
    ),
    "a number beyond float32": TableWithFinding(
        csv_with_column(["-1e39", *NUMBERS[1:]]), "excessive_numbers", 1, "x: 1, the first '-1e39' on line 2"
    ),
    "numbers of too many digits": TableWithFinding(
        csv_with_column([1_600_000_000 + 7 * n for n in range(0, 400, 10)]), "rounded_numbers", 18, "x 18 of 40"
    ),
    "a constant": TableWithFinding(
        csv_with_column(["same"] * ROW_COUNT), "set_aside_columns", 1, "x (every cell is 'same')"
    ),
    "the same number written twice": TableWithFinding(
        csv_with_column(["1", "1.0"] * 20), "set_aside_columns", 1, "x (every cell"
    ),
    "a column without a cell": TableWithFinding(
        csv_with_column([""] * ROW_COUNT), "set_aside_columns", 1, "x (every cell is missing)"
    ),
    "a counter": TableWithFinding(
        csv_with_column(list(range(ROW_COUNT, 0, -1))), "set_aside_columns", 1, "from 1 to 40"
    ),
    "an id": TableWithFinding(
        csv_with_column(NUMBERS, CustomerId=[17 * n + 1000 for n in range(ROW_COUNT)]),
        "set_aside_columns",
        1,
        "CustomerId (it is called an id",
    ),
    "names": TableWithFinding(
        csv_with_column([f"Mr {n}" for n in range(ROW_COUNT)]), "set_aside_columns", 1, "40 different short texts"
    ),
    "what is to be ignored": TableWithFinding(
        csv_with_column(WORDS),
        "set_aside_columns",
        1,
        "x (it is stated to be of type ignore)",
        {"types": {"x": "ignore"}},
    ),
    "a rare category": TableWithFinding(csv_with_column(["rare", *WORDS[1:]]), "rare_categories", 1, "x (1: 'rare' 1)"),
    "the same word in capitals": TableWithFinding(
        csv_with_column(["Red", *WORDS[1:]]), "similar_categories", 1, "x ('Red', 'red')"
    ),
    "a text without an end": TableWithFinding(
        csv_with_column(["a word " * 2000, *SENTENCES[1:]]), "cut_texts", 1, "x 1"
    ),
    "rows without a target": TableWithFinding(
        format_csv({"x": NUMBERS, "y": ["a", "b", "?", "a"] * 10}),
        "rows_without_target",
        10,
        "10 rows of 40 had no usable value in the target y and were set aside, the first on line 4",
    ),
    "a word in a target of numbers": TableWithFinding(
        format_csv({"x": NUMBERS[::-1], "y": [*NUMBERS[:-1], "lost"]}), "rows_without_target", 1, "on line 41"
    ),
    "a word in a target of few numbers": TableWithFinding(
        format_csv({"x": NUMBERS, "y": [*([1, 2, 3] * 13), "lost"]}), "rows_without_target", 1, "on line 41"
    ),
    "a mark that may be decimal": TableWithFinding(
        format_csv({"x": [f'"{n},125"' for n in range(1, 41)], "y": ["a", "b"] * 20}),
        "unsure_decimals",
        1,
        "x (1,125 is read as 1125)",
    ),
    "a day that may be a month": TableWithFinding(
        csv_with_column(["01/02/2020", "03/04/2020"] * 20), "unsure_dates", 1, "x (01/02/2020)"
    ),
    "data in the place of names": TableWithFinding(
        "5.1,3.5,0\n" + "4.9,3.1,1\n4.7,3.2,0\n6.0,2.2,1\n" * 5,
        "numbers_as_names",
        3,
        "state `header: false`",
        {"target": "0"},
    ),
}


TABLES_WITH_COPIES = {  # the column `copy` tells the target y
    "the target in other words": format_csv({"x": NUMBERS, "copy": ["J", "N"] * 20, "y": ["yes", "no"] * 20}),
    "a cell that is filled for one class": format_csv({"x": NUMBERS, "copy": ["5", ""] * 20, "y": ["yes", "no"] * 20}),
    "the target in another unit": format_csv({"x": WORDS, "copy": [n * 1.8 + 32 for n in NUMBERS], "y": NUMBERS}),
    "the target's logarithm, with gaps": format_csv(
        {"x": WORDS, "copy": ["", "", *(np.log(n + 4) for n in NUMBERS[2:])], "y": NUMBERS}
    ),
}
