"""Text decoding; a file that is not text (zip, Excel) gives an error that names its format."""

import codecs
import contextlib
import mmap
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.packing import map_file

BLOCK_BYTES = 2**22  # bytes that are decoded at once
# Marks a file may begin with; the longest first, because UTF-32's begins with UTF-16's.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LONGEST_MARK = 4  # bytes
BYTE_ORDERS = {f"utf-{bits}": f"utf-{bits}-{sys.byteorder[0]}e" for bits in (16, 32)}  # of what has no mark
NON_TEXT_SIGNATURES = (  # how files begin that are not text, and what to do about each
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; unpack it, or give the workbook a name ending in .xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old or a locked Excel workbook; save it as .xlsx without a password, or as CSV"),
    (b"\x1f\x8b", "packed by gzip; unpack it"),
    (b"BZh", "packed by bzip2; unpack it"),
    (b"\xfd7zXZ\0", "packed by xz; unpack it"),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard; unpack it"),
    (b"PAR1", "a Parquet file; those are read under a name ending in .parquet"),
    (b"%PDF", "a PDF; a table in it must be saved as CSV first"),
    (b"SQLite format 3", "an SQLite database; `kind: table`, `series` and `text` read those"),
)


def map_bytes(path: Path) -> "mmap.mmap | bytes":
    """All bytes of a file, which the system need not hold in memory; of a packed one, those inside.

    Raises:
        UserError: there is no such file, or it cannot be read, or it is packed and damaged.
    """
    try:
        return map_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; a path is relative to the project's folder") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, but a file is needed; name a file inside it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its permissions") from None


def read_text(path: Path, encoding: str | None = None) -> str:
    """The characters of a text file.

    A byte order mark says how they are written and is left out; otherwise `encoding` does, and UTF-8 without it.

    Raises:
        UserError: the file cannot be read, is no text, or is written otherwise; the first wrong byte is named.
    """
    return "".join(_iterate_blocks(path, _map_text(path), encoding))


def iterate_lines(path: Path, encoding: str | None = None) -> tuple[Iterator[str], int]:
    """The lines of a text file, read a block at a time and without their ends, and how many there are.

    Raises:
        UserError: as `read_text`, of the file at once and of its characters where they are come to.
    """
    content = _map_text(path)
    blocks = range(0, len(content), BLOCK_BYTES)
    line_count = sum(content[start : start + BLOCK_BYTES].count(b"\n") for start in blocks) + 1
    return _join_lines(_iterate_blocks(path, content, encoding)), line_count


def _join_lines(blocks: Iterable[str]) -> Iterator[str]:
    begun: list[str] = []  # of a line that goes on in the next block
    for block in blocks:
        first, *others = block.split("\n")
        begun.append(first)
        if others:
            yield "".join(begun)
            yield from others[:-1]
            begun = others[-1:]
    yield "".join(begun)


def _map_text(path: Path) -> "mmap.mmap | bytes":
    content = map_bytes(path)
    for beginning, what in NON_TEXT_SIGNATURES:
        if content[: len(beginning)] == beginning:
            raise UserError(f"{path} is not text but {what}")
    return content


def _iterate_blocks(path: Path, content: "mmap.mmap | bytes", encoding: str | None) -> Iterator[str]:
    """The characters of a file, some millions at once."""
    beginning = content[:LONGEST_MARK]
    mark, name = next((pair for pair in BYTE_ORDER_MARKS if beginning.startswith(pair[0])), (b"", encoding or "utf-8"))
    decoder, line = _make_decoder(path, name), 1
    for start in range(len(mark), len(content), BLOCK_BYTES):
        end = start + BLOCK_BYTES
        begun = len(decoder.getstate()[0])  # bytes of a character that began in the block before
        try:
            text = decoder.decode(content[start:end], final=end >= len(content))
        except UnicodeError as error:
            place = start - begun + error.start if isinstance(error, UnicodeDecodeError) else len(mark)
            raise UserError(_decoding_error(path, content, place, name)) from None
        if (place := text.find("\0")) >= 0:
            raise UserError(
                f"{path}, line {line + text.count(chr(10), 0, place)}: holds a NUL character, so this is not text, or "
                "it is written in UTF-16 without a byte order mark: then state `encoding: utf-16-le`"
            )
        line += text.count("\n")
        yield text


def _make_decoder(path: Path, name: str) -> codecs.IncrementalDecoder:
    try:
        with contextlib.suppress(UnicodeError):  # one byte is no character in all of them
            b"-".decode(name)  # refuses what is no encoding of texts
        return codecs.getincrementaldecoder(BYTE_ORDERS.get(codecs.lookup(name).name, name))()
    except LookupError:
        raise UserError(f"{path}: encoding: {name!r} is not a known encoding; utf-8, cp1252 and latin-1 are") from None


def _decoding_error(path: Path, raw: "mmap.mmap | bytes", start: int, name: str) -> str:
    line = sum(raw[one : min(one + BLOCK_BYTES, start)].count(b"\n") for one in range(0, start, BLOCK_BYTES)) + 1
    found = f"byte {start} (on line {line}) is 0x{raw[start]:02x}" if start < len(raw) else f"it ends at byte {start}"
    advice = "state `encoding: latin-1` or `encoding: cp1252` if it was written on an older Windows"
    if name != "utf-8":
        advice = "state the encoding it was written in"
    return f"{path}: {found}, which is not {name}; {advice}"
