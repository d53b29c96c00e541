"""Text fields: the ids of the first T tokens of a text, as its field is cut; 0 pads behind them."""

import re
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.request_error import RequestError, describe_value
from serving.worker.requests.tokenizers import TOKENIZERS, UNKNOWN_ID
from serving.worker.signature import Field

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
    ids = list(islice(TOKENIZERS[field.tokens](value, field.codes), field.length))
    token_ids[: len(ids)] = ids
    return token_ids


def text_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    """Note that a text is longer than what is read, or that none of its tokens is known."""
    notes = []
    if array.size and array[-1] != 0 and (count := _count_tokens(value, field)) > field.length:
        notes.append(f"{where}: only the first {field.length} of {count} {field.tokens} are read")
    if array.max(initial=0) <= UNKNOWN_ID:
        notes.append(f"{where}: none of its {field.tokens} was seen in training")
    return notes


def _count_tokens(value: str, field: Field) -> int:
    return sum(1 for _ in TOKENIZERS[field.tokens](value, field.codes))
