"""From the bytes of a CSV or TSV file to its cells, and from a cell's text to a number or a moment.

A file is read as RFC 4180 says: a cell may stand in double quotes, and then hold separators, line breaks and doubled
quotes. https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

from pipelines.runtime.user_error import Failure
from pipelines.sources.files.encoding import decoded

SEPARATORS = ("\t", ";", "|", ",")  # tried in this order: a comma may be a decimal comma
NAMED = {"\t": "a tab", ";": "';'", "|": "'|'", ",": "','"}
TAB_ENDINGS = frozenset({".tsv", ".tab"})
LONGEST = 2**24  # characters of one cell; a longer one is taken for a quote that is never closed
SAMPLE = 2**16  # characters that are looked at to find the separator


class Cells(NamedTuple):
    """The cells of a file as text, as they stand there. N rows of as many cells as there are names."""

    names: tuple[str, ...]
    rows: list[list[str]]
    first_line: list[int]  # the line of the file on which each row begins, counted from 1


def read_cells(path: Path, *, separator: str | None = None, encoding: str | None = None, header: bool = True) -> Cells:
    """Read a CSV or TSV file.

    Args:
        path: the file.
        separator: the character between cells; found in the file (a comma, a semicolon, a tab or |) when absent.
        encoding: how characters are written, such as latin-1; UTF-8 when absent. A byte order mark outranks it.
        header: whether the first line names the columns; otherwise they are column_1, column_2, ...

    Raises:
        Failure: the file cannot be read, is empty, has no rows, has two columns of one name, a quote that is never
            closed, or a row with more or fewer cells than the first.
    """
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise Failure(f"{path}: separator: must be one character other than a quote, found {separator!r}")
    text, skipped = decoded(path, encoding), 0
    if stated := re.match(r"sep=(.)\r?\n", text):  # a line that Excel writes and reads
        text, skipped, separator = text[stated.end() :], 1, separator or stated[1]
    if separator is None:
        separator = "\t" if path.suffix.lower() in TAB_ENDINGS else _separator(text)
    rows, lines = _records(path, text, separator, skipped)
    if not rows:
        raise Failure(f"{path} is empty: it must hold {'a line of names and ' * header}at least one row")
    _check_widths(path, rows, lines, separator)
    if not header:
        return Cells(tuple(f"column_{place}" for place in range(1, len(rows[0]) + 1)), rows, lines)
    if len(rows) == 1:
        line = " ".join(", ".join(rows[0]).split())
        raise Failure(
            f"{path} holds one line ({line[:80]}) and nothing below it; add rows, or state `header: false` if that "
            f"line is data"
        )
    return Cells(_names(path, rows[0], lines[0]), rows[1:], lines[1:])


def _separator(text: str) -> str:
    """The separator that cuts most rows into as many cells as the first row; the first of SEPARATORS among equals."""
    sample = text[:SAMPLE]
    if len(text) > SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    agreeing = dict.fromkeys(SEPARATORS, 0.0)
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
        counts = [len(row) for row in reader if row]
        if counts and counts[0] > 1:
            agreeing[separator] = counts.count(counts[0]) / len(counts)
    best = max(SEPARATORS, key=lambda separator: agreeing[separator])
    return best if agreeing[best] else ","


def _records(path: Path, text: str, separator: str, skipped: int) -> tuple[list[list[str]], list[int]]:
    """The rows and the line on which each begins; blank lines are passed over."""
    rows: list[list[str]] = []
    lines: list[int] = []
    plain = _plain(text) if separator == "\t" else None
    begin, limit = skipped + 1, csv.field_size_limit(LONGEST)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for row in reader:
            if row and (len(row) > 1 or row[0].strip() or (rows and len(rows[0]) == 1)):
                rows.append(row)
                lines.append(begin)
            begin = reader.line_num + skipped + 1
    except csv.Error as error:
        if plain is None:
            raise Failure(_broken_quote(path, begin, str(error))) from None
        rows = []
    finally:
        csv.field_size_limit(limit)
    if plain is not None and len(rows) < len(plain[0]):
        return plain[0], [line + skipped for line in plain[1]]
    return rows, lines


def _plain(text: str) -> tuple[list[list[str]], list[int]] | None:
    """The rows of a tab-separated text in which quotes mean nothing; None if its lines differ in tabs.

    Many such files hold stray quotes (https://www.iana.org/assignments/media-types/text/tab-separated-values knows
    none). Where every line has the same tabs, a quoted cell that spans lines is a stray quote that found another.
    """
    numbered = enumerate(re.split(r"\r\n|\n|\r", text), start=1)
    rows, lines = [], []
    for number, line in numbered:
        if line.strip():
            rows.append(line.split("\t"))
            lines.append(number)
    widths = {len(row) for row in rows}
    return (rows, lines) if len(widths) == 1 and widths != {1} else None


def _broken_quote(path: Path, line: int, error: str) -> str:
    if "expected after" in error:
        return (
            f'{path}, line {line}: something follows the closing " of a cell in this row; a " inside a quoted cell is '
            f'written twice ("")'
        )
    if "larger" in error:
        return f'{path}, line {line}: a cell of this row has more than {LONGEST} characters; is a closing " missing?'
    return f'{path}, line {line}: a cell of the row that begins here opens with " and is never closed; close it'


def _check_widths(path: Path, rows: list[list[str]], lines: list[int], separator: str) -> None:
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise Failure(
                f"{path}, line {line}: found {_cells(len(row))}, but line {lines[0]} has {_cells(width)} (separated by "
                f"{NAMED.get(separator, repr(separator))}); put a cell that holds the separator in double quotes, or "
                f"state another `separator`"
            )


def _names(path: Path, row: list[str], line: int) -> tuple[str, ...]:
    """The names of the columns, in one line each.

    One without a name, as of an index that was saved along, is called by its place.
    """
    names = tuple(" ".join(name.split()) or f"column_{place}" for place, name in enumerate(row, start=1))
    for place, name in enumerate(names):
        if (first := names.index(name)) < place:
            raise Failure(
                f"{path}, line {line}: columns {first + 1} and {place + 1} are both called {name!r}; give each column "
                f"a name of its own"
            )
    return names


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"
