"""CSV parser, row by row (RFC 4180): strict, and able to say on which line it failed.

A cell may stand in double quotes, and then hold separators, line breaks and doubled quotes.
https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.encoding import read_text
from pipelines.sources.files.packing import inner_path

SEPARATORS = ("\t", ";", "|", ",")  # tried in this order: a comma may be a decimal comma
SEPARATOR_NAMES = {"\t": "a tab", ";": "';'", "|": "'|'", ",": "','"}
TSV_SUFFIXES = frozenset({".tsv", ".tab"})
MAX_CELL_CHARACTERS = 2**24  # characters of one cell; a longer one is taken for a quote that is never closed
SAMPLE_CHARACTERS = 2**16  # characters that are looked at to find the separator

Row = tuple[int, list[str]]  # the line of the file on which a row begins, counted from 1, and its cells


class CsvFormat(NamedTuple):
    """How a file is written, as far as the settings say; what they leave open is found in the file."""

    path: Path
    separator: str | None = None  # the character between cells: a comma, a semicolon, a tab or | when absent
    encoding: str | None = None  # how characters are written; UTF-8 when absent. A byte order mark outranks it
    header: bool = True  # whether the first line names the columns; otherwise they are column_1, column_2, ...


class CsvStart(NamedTuple):
    """What the beginning of a text says about the rest of it."""

    separator: str
    skipped_characters: int  # of a first line `sep=;`, which Excel writes and reads
    skipped_lines: int


def find_csv_start(format: CsvFormat, sample: str) -> CsvStart:
    """Find the separator in the first SAMPLE_CHARACTERS characters of a file, or more."""
    separator_line = re.match(r"sep=(.)\r?\n", sample)
    skipped = separator_line.end() if separator_line else 0
    separator = format.separator or (separator_line[1] if separator_line else None)
    if separator is None:
        is_tsv = inner_path(format.path).suffix.lower() in TSV_SUFFIXES
        separator = "\t" if is_tsv else _infer_separator(sample[skipped:])
    return CsvStart(separator, skipped, int(skipped > 0))


def read_rows(format: CsvFormat) -> Iterator[Row]:
    """Read every row of a file, a line of names too; blank lines are passed over.

    Raises:
        UserError: the file cannot be read, is empty, has nothing but a line of names, has a quote that is never closed,
            or a row with more or fewer cells than the first.
    """
    path, text = format.path, read_text(format.path, format.encoding)
    start = find_csv_start(format, text)
    text = text[start.skipped_characters :]
    rows = partial(_parse_rows, path, text, start.separator, start.skipped_lines)
    unquoted_count = _count_unquoted_rows(text) if start.separator == "\t" else 0
    try:
        row_count = sum(1 for _ in rows())
    except UserError:
        if not unquoted_count:
            raise
        row_count = 0
    if row_count < unquoted_count:
        rows, row_count = partial(_split_lines, text, start.skipped_lines), unquoted_count
    if not row_count:
        raise UserError(f"{path} is empty: it must hold {'a line of names and ' * format.header}at least one row")
    first_line, first_cells = next(rows())
    for line, cells in rows():
        if len(cells) != len(first_cells):
            raise UserError(
                f"{path}, line {line}: found {format_count(len(cells), 'cell')}, but line {first_line} has "
                f"{format_count(len(first_cells), 'cell')} (separated by "
                f"{SEPARATOR_NAMES.get(start.separator, repr(start.separator))}); put a cell that holds the separator "
                "in double quotes, or state another `separator`"
            )
        yield line, cells
    if format.header and row_count == 1:
        found = " ".join(", ".join(first_cells).split())
        raise UserError(
            f"{path} holds one line ({found[:80]}) and nothing below it; add rows, or state `header: false` if that "
            f"line is data"
        )


def clean_names(cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns, in one line each; one without a name, as of an index, is called by its place."""
    return tuple(" ".join(name.split()) or f"column_{place}" for place, name in enumerate(cells, start=1))


def column_names(format: CsvFormat, cells: Sequence[str]) -> tuple[str, ...]:
    """The `clean_names` of the columns, each of its own.

    Raises:
        UserError: two columns have one name.
    """
    names = clean_names(cells)
    for place, name in enumerate(names):
        if (first := names.index(name)) < place:
            line, _ = next(read_rows(format))
            raise UserError(
                f"{format.path}, line {line}: columns {first + 1} and {place + 1} are both called {name!r}; give each "
                "column a name of its own"
            )
    return names


def _infer_separator(text: str) -> str:
    """The separator that cuts most rows into as many cells as the first row; the first of SEPARATORS among equals."""
    sample = text[:SAMPLE_CHARACTERS]
    if len(text) > SAMPLE_CHARACTERS:
        sample = sample[: sample.rfind("\n") + 1] or sample
    agreement = dict.fromkeys(SEPARATORS, 0.0)
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
        counts = [len(row) for row in reader if row]
        if counts and counts[0] > 1:
            agreement[separator] = counts.count(counts[0]) / len(counts)
    best = max(SEPARATORS, key=lambda separator: agreement[separator])
    return best if agreement[best] else ","


def _parse_rows(path: Path, text: str, separator: str, skipped_lines: int) -> Iterator[Row]:
    begin, previous_limit, width = skipped_lines + 1, csv.field_size_limit(MAX_CELL_CHARACTERS), 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip() or width == 1):
                width = width or len(cells)
                yield begin, cells
            begin = reader.line_num + skipped_lines + 1
    except csv.Error as error:
        raise UserError(_quote_error(path, begin, str(error))) from None
    finally:
        csv.field_size_limit(previous_limit)


def _split_lines(text: str, skipped_lines: int) -> Iterator[Row]:
    """The rows of a tab-separated text in which quotes mean nothing."""
    for line_number, line in enumerate(io.StringIO(text, newline=None), start=skipped_lines + 1):
        if line.strip():
            yield line_number, line.removesuffix("\n").split("\t")


def _count_unquoted_rows(text: str) -> int:
    """How many rows a tab-separated text has if quotes mean nothing; 0 if its lines differ in tabs, or have none.

    Many such files hold stray quotes (https://www.iana.org/assignments/media-types/text/tab-separated-values knows
    none). Where every line has the same tabs, a quoted cell that spans lines is a stray quote that found another.
    """
    widths = Counter(len(cells) for _, cells in _split_lines(text, 0))
    return widths.total() if len(widths) == 1 and 1 not in widths else 0


def _quote_error(path: Path, line: int, error: str) -> str:
    if "expected after" in error:
        return (
            f'{path}, line {line}: something follows the closing " of a cell in this row; a " inside a quoted cell is '
            f'written twice ("")'
        )
    if "larger" in error:
        return (
            f'{path}, line {line}: a cell of this row has more than {MAX_CELL_CHARACTERS} characters; is a closing " '
            "missing?"
        )
    return f'{path}, line {line}: a cell of the row that begins here opens with " and is never closed; close it'
