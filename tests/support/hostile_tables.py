"""Tables that are wrong: what the sentence about each must hold, and how a table for a test is written."""

import codecs
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

Content = str | bytes
ROWS = 40
ENDINGS = ["yes", "no"]


def csv(columns: Mapping[str, list[Any]], separator: str = ",") -> str:
    lines = [separator.join(columns), *(separator.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


def with_column(cells: list[Any], **more: list[Any]) -> str:
    """A table of the column x, of a column z that is fine, and of a target."""
    fine = [round(0.37 * place**1.5, 3) for place in range(len(cells))]
    return csv({"x": cells, "z": fine, **more, "y": [ENDINGS[place % 3 == 0] for place in range(len(cells))]})


NUMBERS = [place * 0.5 - 3 for place in range(ROWS)]
WORDS = [["red", "green", "blue"][place % 3] for place in range(ROWS)]
SENTENCES = [f"message {place} holds quite a few words" for place in range(ROWS)]
DATES = [(datetime(2019, 12, 25, tzinfo=UTC) + timedelta(days=place)).date() for place in range(ROWS)]


FINE = with_column(NUMBERS)
MANY = 1200


class Refused(NamedTuple):
    content: Content
    words: str  # that the sentence must hold, besides the file's name
    stated: dict[str, Any] = {}  # noqa: RUF012  never changed
    name: str = "t.csv"


REFUSED = {
    "an empty file": Refused("", "is empty"),
    "blank lines alone": Refused("\n \n\n", "is empty"),
    "a mark alone": Refused(codecs.BOM_UTF8, "is empty"),
    "a header alone": Refused("x,y\n", "nothing below it"),
    "a row that is too long": Refused("x,y\n1,a\n1,2,b\n", "line 3: found 3 cells, but line 1 has 2"),
    "a row that is too short": Refused("x,y\n1,a\n\n7\n", "line 4: found 1 cell,"),
    "a short row after a cell of two lines": Refused('x,y\n"a\nb",c\n7\n', "line 4: found 1 cell,"),
    "another separator than stated": Refused("x;y\n1;a\n1;b,c\n", "line 3: found 2 cells", {"separator": ","}),
    "a quote that is never closed": Refused('x,y\n1,a\n2,"b\n3,c\n', "line 3: a cell of the row"),
    "a quote that swallows the file": Refused('x,y\n1,"a' + "b,c\n" * 2**22, "a cell of this row has more than"),
    "something behind a closing quote": Refused('x,y\n1,"a"b\n', "line 2: something follows the closing"),
    "two columns of one name": Refused("x,y, x\n1,a,2\n", "columns 1 and 3 are both called 'x'"),
    "a name that a column without a name gets": Refused("column_2,,y\n1,2,a\n", "both called 'column_2'"),
    "Latin letters": Refused("x,y\n1,a\n2,caf\xe9\n".encode("latin-1"),
                             "byte 13 (on line 3) is 0xe9, which is not utf-8; state `encoding: latin-1`"),
    "the wrong encoding": Refused("x,y\n1,a\n2,\x81\n".encode("latin-1"), "byte 10 (on line 3) is 0x81, which is not "
                                  "cp1252", {"encoding": "cp1252"}),
    "an unknown encoding": Refused(FINE, "'klingon' is not a known encoding", {"encoding": "klingon"}),
    "an encoding of no text": Refused(FINE, "'base64' is not a known encoding", {"encoding": "base64"}),
    "half a character of UTF-16": Refused("x,y\n1,a".encode("utf-16")[:-1], "not utf-16-le"),
    "UTF-16 without a mark": Refused("x,y\n1,a".encode("utf-16-le"), "encoding: utf-16-le"),
    "NUL characters": Refused("x,y\n1,\0\n", "line 2: holds a NUL"),
    "an Excel workbook": Refused(b"PK\x03\x04\x14\0", "Excel workbook; save it as CSV"),
    "a packed file": Refused(b"\x1f\x8b\x08\0", "unpack it"),
    "Parquet under another name": Refused(b"PAR1\x15\x04", "Parquet file"),
    "CSV under Parquet's name": Refused(FINE, "not a whole Parquet file", name="t.parquet"),
    "half of a Parquet file": Refused(b"PAR1\x15\x04\x15\x10", "not a whole Parquet file", name="t.parquet"),
    "a target that is no column": Refused(FINE, "target: there is no column 'Y'; the columns are x, z, y",
                                          {"target": "Y"}),
    "an input that is no column": Refused(FINE, "inputs: there is no column 'q'", {"inputs": ["x", "q"]}),
    "a key that is no column": Refused(FINE, "keys: there is no column 'q'", {"keys": ["q"]}),
    "a type for no column": Refused(FINE, "types: there is no column 'q'", {"types": {"q": "text"}}),
    "a unit for no column": Refused(FINE, "unit: there is no column 'q'", {"unit": {"q": "m"}}),
    "a unit for words": Refused(with_column(WORDS), "x is of type category, which has no unit", {"unit": {"x": "m"}}),
    "no header, though there is one": Refused(FINE, "the columns are column_1, column_2, column_3", {"header": False}),
    "a target without a value": Refused("x,y\n1,\n2,NA\n", "y has no filled cell"),
    "a target of infinities": Refused("x,y\n1,inf\n2,1e999\n", "y holds no value"),
    "a target that never repeats": Refused(csv({"x": NUMBERS, "y": [f"name {n}" for n in range(ROWS)]}),
                                           "40 different texts in 40 rows"),
    "a target that is free text": Refused(csv({"x": NUMBERS, "y": SENTENCES}), "no class can be learned"),
    "a target that is stated to be text": Refused(FINE, "is stated to be of type text", {"types": {"y": "text"}}),
    "a target that is ignored": Refused(FINE, "is stated to be of type ignore", {"types": {"y": "ignore"}}),
    "only a target": Refused("y\na\nb\na\n", "no input is left (it has no other column)"),
    "inputs that are all set aside": Refused("id,y\n1,a\n2,b\n3,a\n", "no input is left (id: it counts the rows"),
    "words that are stated to be numbers": Refused(with_column(WORDS), "line 2: x is stated to be a number, but 'red'",
                                                   {"types": {"x": "number"}}),
    "numbers that are stated to be dates": Refused(FINE, "line 2: x is stated to be a date, but '-3.0' is none",
                                                   {"types": {"x": "date"}}),
    "days or months": Refused(with_column(["01/02/2020", "03/04/2020"] * 20), "begins with the day or the month",
                              {"types": {"x": "date"}}),
    "three words that are stated to be yes and no": Refused(with_column(WORDS), "3 different values ('blue',",
                                                            {"types": {"x": "boolean"}}),
    "too many categories": Refused(with_column([f"w{n}" for n in range(MANY)]), "holds 1200 different values",
                                   {"types": {"x": "category"}}),
    "a key with a gap": Refused(with_column(["a", "", *WORDS]), "line 3: keys: x has no value", {"keys": ["x"]}),
    "a key with fractions": Refused(FINE, "keys: x holds numbers with fractions", {"keys": ["x"]}),
}  # fmt: skip


class Treated(NamedTuple):
    content: Content
    check: str
    concerns: int
    words: str
    stated: dict[str, Any] = {}  # noqa: RUF012  never changed


TREATED = {
    "missing cells in many spellings": Treated(
        with_column(["", "NA", "null", "-", "?", "NaN", *NUMBERS[6:]]), "missing_cells", 6,
        'x 6 (empty, "-", "?", "NA", "NaN", "null")',
    ),
    "a spelling that the user adds": Treated(
        with_column(["-999", *NUMBERS[1:]]), "missing_cells", 1, 'x 1 ("-999")', {"missing": ["-999"]}
    ),
    "a word among numbers": Treated(
        with_column([*NUMBERS[:5], "unknown", *NUMBERS[6:]]), "stray_cells", 1, "x: 1, the first 'unknown' on line 7"
    ),
    "a word among dates": Treated(
        with_column([*DATES[:5], "soon", *DATES[6:]]), "stray_cells", 1, "x: 1, the first 'soon' on line 7"
    ),
    "a number beyond all numbers": Treated(
        with_column([*NUMBERS[:-1], "1e400"]), "excessive_numbers", 1, "x: 1, the first '1e400' on line 41"
    ),
    "a number beyond float32": Treated(
        with_column(["-1e39", *NUMBERS[1:]]), "excessive_numbers", 1, "x: 1, the first '-1e39' on line 2"
    ),
    "numbers of too many digits": Treated(
        with_column([1_600_000_000 + 7 * n for n in range(0, 400, 10)]), "rounded_numbers", 18, "x 18 of 40"
    ),
    "a constant": Treated(with_column(["same"] * ROWS), "set_aside_columns", 1, "x (every cell is 'same')"),
    "the same number written twice": Treated(with_column(["1", "1.0"] * 20), "set_aside_columns", 1, "x (every cell"),
    "a column without a cell": Treated(with_column([""] * ROWS), "set_aside_columns", 1, "x (every cell is missing)"),
    "a counter": Treated(with_column(list(range(ROWS, 0, -1))), "set_aside_columns", 1, "from 1 to 40"),
    "an id": Treated(
        with_column(NUMBERS, CustomerId=[17 * n + 1000 for n in range(ROWS)]), "set_aside_columns", 1,
        "CustomerId (it is called an id",
    ),
    "names": Treated(with_column([f"Mr {n}" for n in range(ROWS)]), "set_aside_columns", 1, "40 different short texts"),
    "what is to be ignored": Treated(
        with_column(WORDS), "set_aside_columns", 1, "x (it is stated to be of type ignore)", {"types": {"x": "ignore"}}
    ),
    "a rare category": Treated(with_column(["rare", *WORDS[1:]]), "rare_categories", 1, "x (1: 'rare' 1)"),
    "the same word in capitals": Treated(
        with_column(["Red", *WORDS[1:]]), "similar_categories", 1, "x ('Red', 'red')"
    ),
    "a text without an end": Treated(
        with_column(["a word " * 2000, *SENTENCES[1:]]), "cut_texts", 1, "x 1"
    ),
    "rows without a target": Treated(
        csv({"x": NUMBERS, "y": ["a", "b", "?", "a"] * 10}), "rows_without_target", 10, "10 rows of 40 had no usable "
        "value in the target y and were set aside, the first on line 4",
    ),
    "a word in a target of numbers": Treated(
        csv({"x": NUMBERS[::-1], "y": [*NUMBERS[:-1], "lost"]}), "rows_without_target", 1, "on line 41"
    ),
    "a word in a target of few numbers": Treated(
        csv({"x": NUMBERS, "y": [*([1, 2, 3] * 13), "lost"]}), "rows_without_target", 1, "on line 41"
    ),
    "a copy of the target": Treated(
        csv({"x": NUMBERS, "copy": ["J", "N"] * 20, "y": ["yes", "no"] * 20}), "leak", 1, "Each value of copy goes"
    ),
    "a cell that is filled for one class": Treated(
        csv({"x": NUMBERS, "boat": ["5", ""] * 20, "y": ["yes", "no"] * 20}), "leak", 1, "Each value of boat goes"
    ),
    "the target in another unit": Treated(
        csv({"x": WORDS, "fahrenheit": [n * 1.8 + 32 for n in NUMBERS], "y": NUMBERS}), "leak", 1, "fahrenheit"
    ),
    "the target's logarithm, with gaps": Treated(
        csv({"x": WORDS, "log": ["", "", *(np.log(n + 4) for n in NUMBERS[2:])], "y": NUMBERS}), "leak", 1, "log goes"
    ),
    "a target that is always the same": Treated(
        csv({"x": NUMBERS, "y": [0.5] * ROWS}), "constant_target", 40, "y is 0.5 in every row"
    ),
    "a mark that may be decimal": Treated(
        csv({"x": [f'"{n},125"' for n in range(1, 41)], "y": ["a", "b"] * 20}), "unsure_decimals", 1,
        "x (1,125 is read as 1125)",
    ),
    "a day that may be a month": Treated(
        with_column(["01/02/2020", "03/04/2020"] * 20), "unsure_dates", 1, "x (01/02/2020)"
    ),
    "data in the place of names": Treated(
        "5.1,3.5,0\n" + "4.9,3.1,1\n4.7,3.2,0\n6.0,2.2,1\n" * 5, "numbers_as_names", 3, "state `header: false`",
        {"target": "0"},
    ),
}  # fmt: skip
