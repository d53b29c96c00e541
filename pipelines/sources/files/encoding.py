"""Text decoding; a file that is not text (zip, Excel) gives an error that names its format."""

import codecs
from pathlib import Path

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.packing import map_file

# Marks a file may begin with; the longest first, because UTF-32's begins with UTF-16's.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
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


def read_bytes(path: Path) -> bytes:
    """All bytes of a file; of a packed one, those inside.

    Raises:
        UserError: there is no such file, or it cannot be read, or it is packed and damaged.
    """
    try:
        return bytes(map_file(path))
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
    raw = read_bytes(path)
    for beginning, what in NON_TEXT_SIGNATURES:
        if raw.startswith(beginning):
            raise UserError(f"{path} is not text but {what}")
    mark, name = next((pair for pair in BYTE_ORDER_MARKS if raw.startswith(pair[0])), (b"", encoding or "utf-8"))
    try:
        text = raw[len(mark) :].decode(name)
    except LookupError:
        raise UserError(f"{path}: encoding: {name!r} is not a known encoding; utf-8, cp1252 and latin-1 are") from None
    except UnicodeError as error:
        start = len(mark) + (error.start if isinstance(error, UnicodeDecodeError) else 0)
        raise UserError(_decoding_error(path, raw, start, name)) from None
    if (place := text.find("\0")) >= 0:
        raise UserError(
            f"{path}, line {text.count(chr(10), 0, place) + 1}: holds a NUL character, so this is not text, or it is "
            f"written in UTF-16 without a byte order mark: then state `encoding: utf-16-le`"
        )
    return text


def _decoding_error(path: Path, raw: bytes, start: int, name: str) -> str:
    line = raw.count(b"\n", 0, start) + 1
    found = f"byte {start} (on line {line}) is 0x{raw[start]:02x}" if start < len(raw) else f"it ends at byte {start}"
    advice = "state `encoding: latin-1` or `encoding: cp1252` if it was written on an older Windows"
    if name != "utf-8":
        advice = "state the encoding it was written in"
    return f"{path}: {found}, which is not {name}; {advice}"
