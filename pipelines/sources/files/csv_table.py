"""CSV reader by column: pyarrow, a block at a time, so that a file may be larger than memory.

pyarrow is kept to files on which it agrees with `csv_cells.read_rows`; that one reads the others, and words the errors.
https://arrow.apache.org/docs/cpp/csv.html
"""

import codecs
import csv
import io
import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import read_batches
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_cells import SAMPLE_CHARACTERS, CsvFormat, column_names, find_csv_start, read_rows
from pipelines.sources.files.encoding import BYTE_ORDER_MARKS, NON_TEXT_SIGNATURES, read_text

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

    def __len__(self) -> int:
        return len(self.columns[0])

    def column_texts(self, name: str) -> list[str]:
        texts: list[str] = self.columns[self.names.index(name)].to_pylist()
        return texts

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
    width: int  # cells of the first row


def read_csv(format: CsvFormat) -> CsvTable:
    """Read a CSV or TSV file.

    Raises:
        UserError: the file cannot be read, is empty, has no rows, has two columns of one name, a quote that is never
            closed, or a row with more or fewer cells than the first.
    """
    if format.separator is not None and (len(format.separator) != 1 or format.separator in '"\r\n'):
        raise UserError(
            f"{format.path}: separator: must be one character other than a quote, found {format.separator!r}"
        )
    columns = _read_fast(format) or _columns_of_rows(cells for _, cells in read_rows(format))
    if not format.header:
        return CsvTable(format, tuple(f"column_{place}" for place in range(1, len(columns) + 1)), columns)
    names = column_names(format, [column[0].as_py() for column in columns])
    return CsvTable(format, names, tuple(column[1:] for column in columns))


def _columns_of_rows(rows: Iterable[list[str]]) -> tuple["pyarrow.ChunkedArray", ...]:
    import pyarrow

    blocks, remaining = [], iter(rows)
    while block := list(islice(remaining, BLOCK_ROWS)):
        blocks.append([pyarrow.array(cells, pyarrow.string()) for cells in zip(*block, strict=True)])
    return tuple(pyarrow.chunked_array(column) for column in zip(*blocks, strict=True))


def _read_fast(format: CsvFormat) -> tuple["pyarrow.ChunkedArray", ...]:
    """All rows by pyarrow, that of the names too; () if it could read them otherwise than `read_rows`, or not."""
    import pyarrow

    found = _agreed_content(format)
    if found is None:
        return ()
    names = [f"f{place}" for place in range(found.width)]  # pyarrow's own, where it is not to look for names
    types = dict.fromkeys(names, pyarrow.string())
    try:
        first = _open_csv(found, types).read_next_batch()
        for name, column in zip(first.schema.names, first.columns, strict=True):
            if len(column.unique()) <= MAX_DISTINCT_SHARE * len(column):
                types[name] = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        table = read_batches(_open_csv(found, types), len(found.content))
    except (pyarrow.ArrowInvalid, StopIteration):
        return ()
    if table.column_names != names or table.num_rows <= int(format.header):
        return ()
    return tuple(table.columns)


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
        pyarrow_csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
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
    return _Content(body, start.separator, has_quotes, len(first))


def _utf8_content(format: CsvFormat) -> "mmap.mmap | bytes | None":
    """The bytes of a text file in UTF-8, mapped where they stand so in the file; None if it cannot be read."""
    try:
        encoding = codecs.lookup(format.encoding or "utf-8").name
        with format.path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (LookupError, OSError, ValueError):
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
