"""Text file -> its text, trusting nothing about it."""

import codecs
from collections.abc import Sequence
from pathlib import Path

from pipelines.sources.files.encoding import BYTE_ORDER_MARKS, NON_TEXT_SIGNATURES
from pipelines.sources.files.skipped import UnreadableFile

TEXT_SUFFIX = ".txt"
MIN_SUFFIX_SHARE = 0.5  # share of a folder's files that end in .txt, from which only they are texts


def find_text_files(names: Sequence[str]) -> list[str]:
    """Which files of a folder are to be read as texts, each in a folder of its class.

    Those that end in .txt, if at least half of them do, or all of the texts lie in no folder; else every file in a
    folder, as of newsgroups and mails, which are called by numbers.

    Args:
        names: relative to the folder, as `list_files` gives them.
    """
    texts = [name for name in names if name.lower().endswith(TEXT_SUFFIX)]
    inner = [name for name in names if "/" in name]
    if len(texts) >= MIN_SUFFIX_SHARE * len(names) or not inner:
        return texts
    return inner


def text_files_noun(names: Sequence[str]) -> str:
    """What the files are called in a sentence: after their ending, if they have it in common."""
    return f"{TEXT_SUFFIX} files" if all(name.lower().endswith(TEXT_SUFFIX) for name in names) else "files"


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
