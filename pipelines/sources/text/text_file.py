"""Text file -> its text, trusting nothing about it."""

import codecs
from pathlib import Path

from pipelines.sources.files.encoding import BYTE_ORDER_MARKS, NON_TEXT_SIGNATURES
from pipelines.sources.files.skipped import UnreadableFile

TEXT_SUFFIX = ".txt"


def read_text_prefix(path: Path, encoding: str | None, max_characters: int) -> str:
    """Read the beginning of a text file, however large it is.

    Args:
        path: the file.
        encoding: how characters are written; UTF-8 when absent. A byte order mark outranks it, and is left out.
        max_characters: at least so many characters are read, if there are; what follows is not.

    Raises:
        UnreadableFile: the file cannot be read or is no such text; the first wrong byte is named, counted from 0.
    """
    max_bytes = 4 * max_characters + 8  # no encoding writes a character in more than four bytes
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes)
    except FileNotFoundError:
        raise UnreadableFile("is a link to nothing") from None
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror}") from None
    for beginning, what in NON_TEXT_SIGNATURES:
        if raw.startswith(beginning):
            raise UnreadableFile(f"is no text but {what}")
    mark, name = next((pair for pair in BYTE_ORDER_MARKS if raw.startswith(pair[0])), (b"", encoding or "utf-8"))
    try:
        text = codecs.getincrementaldecoder(name)().decode(raw[len(mark) :], final=len(raw) < max_bytes)
    except UnicodeDecodeError as error:
        start = len(mark) + error.start
        meant = "" if encoding else "; is `encoding: cp1252` meant?"
        raise UnreadableFile(f"byte {start} is 0x{raw[start]:02x}, which is not {name}{meant}") from None
    if "\0" in text:
        raise UnreadableFile(
            f"character {text.index(chr(0))} is NUL, so it is no text, or written in UTF-16 without a mark"
        )
    return text
