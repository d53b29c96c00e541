"""CSV reader by column: pyarrow, a block at a time, so that a file may be larger than memory.

pyarrow is kept to files on which it agrees with `csv_cells.read_rows`; that one reads the others, and words the errors.
https://arrow.apache.org/docs/cpp/csv.html
"""

import codecs
import csv
import io
import math
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import read_batches
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_cells import (
    SAMPLE_CHARACTERS,
    CsvFormat,
    clean_names,
    column_names,
    find_csv_start,
    read_rows,
)
from pipelines.sources.files.csv_numbers import NumberParser
from pipelines.sources.files.encoding import BYTE_ORDER_MARKS, NON_TEXT_SIGNATURES, read_text
from pipelines.sources.files.packing import map_file

if TYPE_CHECKING:  # half a second, which no stage without a table should pay
    import pyarrow

BLOCK_BYTES = 2**22  # bytes that pyarrow parses at once; no row may be longer
QUOTE_BLOCK_BYTES = 2**17  # bytes whose quotes are looked for at once: few enough for a processor's cache
BLOCK_ROWS = 2**16  # rows that are turned into columns at once, where rows are read one by one
SAMPLE_BYTES = 4 * (SAMPLE_CHARACTERS + 16)  # no character has more than four; 16 are for a line of `sep=;`
MAX_DISTINCT_SHARE = 0.5  # share of a column's first cells that differ, up to which each is kept once per block
LONGEST_SIGNATURE = 16  # bytes that tell what a file is
QUOTE_NEIGHBOURS = b'"\n\r'  # what may stand around a quote, besides the separator


@dataclass(frozen=True)
class CsvTable:
    """The cells of a file as texts, as they stand there: N rows below the line of names, if there is one."""

    format: CsvFormat
    names: tuple[str, ...]
    columns: tuple["pyarrow.ChunkedArray", ...]  # of strings, (N,) each; where they repeat, of a dictionary of strings
    parsers: Mapping[str, NumberParser]  # of the columns that are numbers instead, by name

    def __len__(self) -> int:
        return len(self.columns[0])

    def column_texts(self, name: str) -> list[str]:
        texts: list[str] = self.columns[self.names.index(name)].to_pylist()
        return texts

    def read_cell(self, name: str, row: int) -> str:
        """A cell as it stands in the file, which is read again for it; rows are counted from 0."""
        _, cells = next(islice(read_rows(self.format), row + int(self.format.header), None))
        return cells[self.names.index(name)]

    @cached_property
    def line_numbers(self) -> NDArray[np.int64]:
        """The line of the file on which each row begins, counted from 1, (N,); the file is read again for them."""
        lines = (line for line, _ in read_rows(self.format))
        return np.fromiter(islice(lines, int(self.format.header), None), dtype=np.int64, count=len(self))


class _Content(NamedTuple):
    """The UTF-8 bytes of a file from its first row on, in the form that pyarrow reads as `read_rows` does."""

    content: memoryview
    separator: str
    has_quotes: bool
    is_ascii: bool  # no cell has to be checked for being UTF-8
    width: int  # cells of the first row


def read_csv(format: CsvFormat, number_parser: Callable[[str], NumberParser | None] = lambda name: None) -> CsvTable:
    """Read a CSV or TSV file.

    Args:
        format: how it is written.
        number_parser: gives, for the name of a column that may be read as numbers, a new parser.

    Raises:
        UserError: the file cannot be read, is empty, has no rows, has two columns of one name, a quote that is never
            closed, or a row with more or fewer cells than the first.
    """
    if format.separator is not None and (len(format.separator) != 1 or format.separator in '"\r\n'):
        raise UserError(
            f"{format.path}: separator: must be one character other than a quote, found {format.separator!r}"
        )
    return _read_fast(format, number_parser) or _read_by_row(format)


def _read_by_row(format: CsvFormat) -> CsvTable:
    import pyarrow

    rows = (cells for _, cells in read_rows(format))
    first = next(rows)
    names = _names(format, first)
    remaining, blocks = rows if format.header else chain([first], rows), []
    while block := list(islice(remaining, BLOCK_ROWS)):
        blocks.append([pyarrow.array(cells, pyarrow.string()) for cells in zip(*block, strict=True)])
    return CsvTable(format, names, tuple(map(pyarrow.chunked_array, zip(*blocks, strict=True))), {})


def _names(format: CsvFormat, first: Sequence[str]) -> tuple[str, ...]:
    return column_names(format, first) if format.header else clean_names([""] * len(first))


def _read_fast(format: CsvFormat, number_parser: Callable[[str], NumberParser | None]) -> CsvTable | None:
    """All rows by pyarrow; None if it could read them otherwise than `read_rows`, or not."""
    import pyarrow

    found = _agreed_content(format)
    if found is None:
        return None
    places = [f"f{place}" for place in range(found.width)]  # pyarrow's own, where it is not to look for names
    try:
        first = _open_csv(found, dict.fromkeys(places, pyarrow.string())).read_next_batch()
        if first.schema.names != places:
            return None
        cells = [column[0].as_py() for column in first.columns]
        names = dict(zip(places, clean_names(cells) if format.header else _names(format, cells), strict=True))
        types, parsers = {}, {}
        for place, column in zip(places, first.slice(int(format.header)).columns, strict=True):
            types[place] = _block_type(column)
            parser = number_parser(names[place])
            if parser and types[place] == pyarrow.string() and parser.expects_numbers(column):
                parsers[place] = parser
        columns = _read_columns(found, format.header, types, parsers)
        texts = {place: types[place] for place, parser in parsers.items() if not parser.is_plain}
        columns |= _read_columns(found, format.header, texts, {}) if texts else {}
    except (pyarrow.ArrowInvalid, StopIteration):
        return None
    if not len(columns[places[0]]):
        return None
    numbers = {names[place]: parser for place, parser in parsers.items() if parser.is_plain}
    return CsvTable(format, _names(format, cells), tuple(columns.values()), numbers)


def _block_type(cells: "pyarrow.StringArray") -> "pyarrow.DataType":
    """As what a column is read that begins with a block of these cells."""
    import pyarrow

    repeats = len(cells.unique()) <= MAX_DISTINCT_SHARE * len(cells)
    return pyarrow.dictionary(pyarrow.int32(), pyarrow.string()) if repeats else pyarrow.string()


def _read_columns(
    found: "_Content", header: bool, types: Mapping[str, "pyarrow.DataType"], parsers: Mapping[str, NumberParser]
) -> dict[str, "pyarrow.ChunkedArray"]:
    """The columns that `types` names, less the line of names; those that have a parser as numbers."""
    import pyarrow

    blocks = math.ceil(len(found.content) / BLOCK_BYTES)
    schema = pyarrow.schema([(name, pyarrow.float64() if name in parsers else each) for name, each in types.items()])

    def parsed_batches() -> Iterator["pyarrow.RecordBatch"]:
        for place, batch in enumerate(show_progress(_open_csv(found, types), "block of the file", blocks)):
            columns = [_without_first(each) for each in batch.columns] if header and not place else batch.columns
            parsed = [
                parsers[name].parse(column) if name in parsers else column
                for name, column in zip(types, columns, strict=True)
            ]
            yield pyarrow.record_batch(parsed, schema=schema)

    reader = pyarrow.RecordBatchReader.from_batches(schema, parsed_batches())
    table = read_batches(reader, len(found.content))
    return dict(zip(types, table.columns, strict=True))


def _without_first(cells: "pyarrow.Array") -> "pyarrow.Array":
    """The cells below the first one, whose text is not left behind in a dictionary."""
    from pyarrow import types

    if types.is_dictionary(cells.type):
        return cells[1:].dictionary_decode().dictionary_encode()
    return cells[1:]


def _open_csv(found: _Content, types: Mapping[str, "pyarrow.DataType"]) -> "pyarrow.csv.CSVStreamingReader":
    import pyarrow
    from pyarrow import csv as pyarrow_csv

    return pyarrow_csv.open_csv(
        pyarrow.BufferReader(pyarrow.py_buffer(found.content)),
        pyarrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, autogenerate_column_names=True),
        pyarrow_csv.ParseOptions(
            delimiter=found.separator,
            quote_char='"' if found.has_quotes else False,
            newlines_in_values=found.has_quotes,
        ),
        pyarrow_csv.ConvertOptions(
            check_utf8=not found.is_ascii,
            column_types=types,
            include_columns=list(types),
            null_values=[],
            strings_can_be_null=False,
        ),
    )


def _agreed_content(format: CsvFormat) -> _Content | None:
    """What pyarrow is given to read; None if it could read it otherwise than `read_rows`."""
    content = _utf8_content(format)
    if content is None or content.find(b"\0") >= 0:
        return None
    sample = codecs.getincrementaldecoder("utf-8")("replace").decode(content[:SAMPLE_BYTES])
    start = find_csv_start(format, sample)
    rows = csv.reader(io.StringIO(sample[start.skipped_characters :], newline=""), delimiter=start.separator)
    try:
        first = next((cells for cells in rows if cells), [])
    except csv.Error:
        return None
    body = memoryview(content)[len(sample[: start.skipped_characters].encode()) :]
    if not "".join(first).strip() or not start.separator.isascii() or body[:3].tobytes() == codecs.BOM_UTF8:
        return None
    has_quotes = content.find(b'"') >= 0
    if has_quotes and (start.separator == "\t" or not _has_regular_quotes(body, start.separator)):
        return None
    is_ascii = bool(np.frombuffer(body, dtype=np.uint8).max() < 128)
    return _Content(body, start.separator, has_quotes, is_ascii, len(first))


def _utf8_content(format: CsvFormat) -> "mmap.mmap | bytes | None":
    """The bytes of a text file in UTF-8, mapped where they stand so on disk; None if unread."""
    try:
        encoding = codecs.lookup(format.encoding or "utf-8").name
        content = map_file(format.path)
    except (LookupError, OSError, ValueError):
        return None
    if not content:
        return None
    beginning = content[:LONGEST_SIGNATURE]
    if any(beginning.startswith(signature) for signature, _ in NON_TEXT_SIGNATURES):
        return None
    mark = next((mark for mark, _ in BYTE_ORDER_MARKS if beginning.startswith(mark)), b"")
    if encoding == "utf-8" and not mark:
        return content
    try:
        return read_text(format.path, format.encoding).encode()
    except (UserError, UnicodeEncodeError):
        return None


def _has_regular_quotes(content: memoryview, separator: str) -> bool:
    """Whether a " stands only around whole cells, and doubled inside them.

    Then every other " opens a cell, or follows the one that it doubles. Elsewhere readers differ: after `"a"b`, and
    where a quote is never closed.
    """
    array = np.frombuffer(content, dtype=np.uint8)
    boundaries = np.zeros(256, dtype=bool)
    boundaries[[ord(separator), *QUOTE_NEIGHBOURS]] = True
    is_opening = True
    for start in range(0, len(array), QUOTE_BLOCK_BYTES):
        places = np.flatnonzero(array[start : start + QUOTE_BLOCK_BYTES] == ord('"')) + start
        opening, closing = (places[int(not is_opening) :: 2], places[int(is_opening) :: 2])
        before, after = array[opening[opening > 0] - 1], array[closing[closing + 1 < len(array)] + 1]
        if not boundaries[before].all() or not boundaries[after].all():
            return False
        is_opening ^= bool(len(places) % 2)
    return is_opening
