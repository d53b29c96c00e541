"""Text -> codes of its words, by the rule that the vocabulary was made with.

The text in lower case is taken apart into runs of letters, runs of digits, and single signs; spaces only separate.
A word's code is its place in the vocabulary; 1 is a word that is not in it; the first T words are read, and 0
fills up behind. Training has the same rule in pipelines/data/text.py, and a test compares the two.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.request_error import RequestError, describe_value
from serving.worker.signature import Field

WORD_PATTERN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
UNKNOWN_ID = 1
MAX_CHARACTERS = 100_000  # characters
UNKNOWN_MARKS = "\u25a1\u25a0\u25c7\u25c6\u25cb\u25cf"  # signs that stand for a word that is not in the vocabulary


def tokenize_text(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Read a text as the codes of its first T words: int64 (T,)."""
    if not isinstance(value, str):
        raise RequestError(400, f"{where}: expected a text, found {describe_value(value)}")
    if len(value) > MAX_CHARACTERS:
        raise RequestError(413, f"{where}: expected at most {MAX_CHARACTERS} characters, found {len(value)}")
    if surrogate := re.search(r"[\ud800-\udfff]", value):
        raise RequestError(
            400, f"{where}: expected text, found half a character (a lone surrogate) at {surrogate.start()}"
        )
    value = value.rstrip("\0")  # training stores texts padded with zeros
    token_ids = np.zeros(field.length, dtype=np.int64)
    for place, word in zip(range(field.length), WORD_PATTERN.finditer(value.lower()), strict=False):
        token_ids[place] = field.codes.get(word[0], UNKNOWN_ID)
    return token_ids


def detokenize_text(array: NDArray[Any], field: Field) -> str:
    """A text that `text` reads as these codes: its words in order, a box for each that is not in the vocabulary."""
    unknown_mark = next(sign for sign in UNKNOWN_MARKS if sign not in field.codes)
    joined = " ".join(unknown_mark if code == UNKNOWN_ID else field.categories[code] for code in array.tolist() if code)
    return f"{joined} " if joined.endswith("\0") else joined  # zeros at the very end are padding


def text_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    """Say that a text is longer than what is read, or that none of its words is known."""
    notes = []
    if array.size and array[-1] != 0 and (count := sum(1 for _ in WORD_PATTERN.finditer(value.lower()))) > field.length:
        notes.append(f"{where}: only the first {field.length} of {count} words are read")
    if array.max(initial=0) <= UNKNOWN_ID:
        notes.append(f"{where}: none of its words was seen in training")
    return notes
