"""Text fields: tokenization by the rule that the vocabulary was made with.

The text in lower case is split into runs of letters, runs of digits, and single signs; white space only separates.
A token's id is its place in the vocabulary; 1 is a token that is not in it; the first T tokens are read, and 0
pads behind them. Training has the same rule in pipelines/data/text.py, and a test compares the two.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.request_error import RequestError, describe_value
from serving.worker.signature import Field

WORD_PATTERN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
UNKNOWN_ID = 1  # of a token that is not in the vocabulary
MAX_CHARACTERS = 100_000  # of one text


def tokenize_text(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Tokenize a text into the ids of its first T tokens: int64 (T,)."""
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


def text_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    """Note that a text is longer than what is read, or that none of its tokens is known."""
    notes = []
    if array.size and array[-1] != 0 and (count := sum(1 for _ in WORD_PATTERN.finditer(value.lower()))) > field.length:
        notes.append(f"{where}: only the first {field.length} of {count} words are read")
    if array.max(initial=0) <= UNKNOWN_ID:
        notes.append(f"{where}: none of its words was seen in training")
    return notes
