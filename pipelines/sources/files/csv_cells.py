"""From the bytes of a CSV or TSV file to its cells, and from a cell's text to a number or a moment.

A file is read as RFC 4180 says: a cell may stand in double quotes, and then hold separators, line breaks and doubled
quotes. https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.encoding import read_text

SEPARATORS = ("\t", ";", "|", ",")  # tried in this order: a comma may be a decimal comma
SEPARATOR_NAMES = {"\t": "a tab", ";": "';'", "|": "'|'", ",": "','"}
TSV_SUFFIXES = frozenset({".tsv", ".tab"})
MAX_CELL_CHARACTERS = 2**24  # characters of one cell; a longer one is taken for a quote that is never closed
SAMPLE_CHARACTERS = 2**16  # characters that are looked at to find the separator


class CsvCells(NamedTuple):
    """The cells of a file as text, as they stand there. N rows of as many cells as there are names."""

    names: tuple[str, ...]
    rows: list[list[str]]
    line_numbers: list[int]  # the line of the file on which each row begins, counted from 1


def read_csv(path: Path, *, separator: str | None = None, encoding: str | None = None, header: bool = True) -> CsvCells:
    """Read a CSV or TSV file.

    Args:
        path: the file.
        separator: the character between cells; found in the file (a comma, a semicolon, a tab or |) when absent.
        encoding: how characters are written, such as latin-1; UTF-8 when absent. A byte order mark outranks it.
        header: whether the first line names the columns; otherwise they are column_1, column_2, ...

    Raises:
        UserError: the file cannot be read, is empty, has no rows, has two columns of one name, a quote that is never
            closed, or a row with more or fewer cells than the first.
    """
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise UserError(f"{path}: separator: must be one character other than a quote, found {separator!r}")
    text, skipped_lines = read_text(path, encoding), 0
    if separator_line := re.match(r"sep=(.)\r?\n", text):  # a line that Excel writes and reads
        text, skipped_lines, separator = text[separator_line.end() :], 1, separator or separator_line[1]
    if separator is None:
        separator = "\t" if path.suffix.lower() in TSV_SUFFIXES else _infer_separator(text)
    rows, lines = _parse_rows(path, text, separator, skipped_lines)
    if not rows:
        raise UserError(f"{path} is empty: it must hold {'a line of names and ' * header}at least one row")
    _check_widths(path, rows, lines, separator)
    if not header:
        return CsvCells(tuple(f"column_{place}" for place in range(1, len(rows[0]) + 1)), rows, lines)
    if len(rows) == 1:
        line = " ".join(", ".join(rows[0]).split())
        raise UserError(
            f"{path} holds one line ({line[:80]}) and nothing below it; add rows, or state `header: false` if that "
            f"line is data"
        )
    return CsvCells(_column_names(path, rows[0], lines[0]), rows[1:], lines[1:])


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


def _parse_rows(path: Path, text: str, separator: str, skipped_lines: int) -> tuple[list[list[str]], list[int]]:
    """The rows and the line on which each begins; blank lines are passed over."""
    rows: list[list[str]] = []
    lines: list[int] = []
    unquoted = _parse_unquoted_tsv(text) if separator == "\t" else None
    begin, previous_limit = skipped_lines + 1, csv.field_size_limit(MAX_CELL_CHARACTERS)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for row in reader:
            if row and (len(row) > 1 or row[0].strip() or (rows and len(rows[0]) == 1)):
                rows.append(row)
                lines.append(begin)
            begin = reader.line_num + skipped_lines + 1
    except csv.Error as error:
        if unquoted is None:
            raise UserError(_quote_error(path, begin, str(error))) from None
        rows = []
    finally:
        csv.field_size_limit(previous_limit)
    if unquoted is not None and len(rows) < len(unquoted[0]):
        return unquoted[0], [line + skipped_lines for line in unquoted[1]]
    return rows, lines


def _parse_unquoted_tsv(text: str) -> tuple[list[list[str]], list[int]] | None:
    """The rows of a tab-separated text in which quotes mean nothing; None if its lines differ in tabs.

    Many such files hold stray quotes (https://www.iana.org/assignments/media-types/text/tab-separated-values knows
    none). Where every line has the same tabs, a quoted cell that spans lines is a stray quote that found another.
    """
    numbered_lines = enumerate(re.split(r"\r\n|\n|\r", text), start=1)
    rows, lines = [], []
    for line_number, line in numbered_lines:
        if line.strip():
            rows.append(line.split("\t"))
            lines.append(line_number)
    widths = {len(row) for row in rows}
    return (rows, lines) if len(widths) == 1 and widths != {1} else None


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


def _check_widths(path: Path, rows: list[list[str]], lines: list[int], separator: str) -> None:
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise UserError(
                f"{path}, line {line}: found {_format_cell_count(len(row))}, but line {lines[0]} has "
                f"{_format_cell_count(width)} (separated by {SEPARATOR_NAMES.get(separator, repr(separator))}); put a "
                "cell that holds the separator in double quotes, or state another `separator`"
            )


def _column_names(path: Path, row: list[str], line: int) -> tuple[str, ...]:
    """The names of the columns, in one line each.

    One without a name, as of an index that was saved along, is called by its place.
    """
    names = tuple(" ".join(name.split()) or f"column_{place}" for place, name in enumerate(row, start=1))
    for place, name in enumerate(names):
        if (first := names.index(name)) < place:
            raise UserError(
                f"{path}, line {line}: columns {first + 1} and {place + 1} are both called {name!r}; give each column "
                f"a name of its own"
            )
    return names


def _format_cell_count(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"
