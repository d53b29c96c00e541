"""Texts as arrays: UTF-8 bytes in storage, numbers of tokens for a network."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.data.large_arrays import allocate
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema, Tokens
from pipelines.data.tokenizers import TOKENIZERS

PADDING_TOKEN, UNKNOWN_TOKEN = "", "<unknown>"  # numbers 0 and 1; neither is a token, so no text can hold them
MIN_TOKENS = 4  # tokens that a network reads, at least
COVERED_SHARE = 0.95  # share of the train texts that are read to their end, unless they are longer than a network reads


def to_bytes(texts: Sequence[str], max_bytes: int) -> NDArray[np.uint8]:
    """Store texts as UTF-8 bytes padded with zeros, each cut to at most `max_bytes` bytes at the end of a character.

    Args:
        texts: N texts. Half of a surrogate pair, which is no character, becomes "?".
        max_bytes: the most bytes of one text.

    Returns:
        (N, L), L the bytes of the longest text after cutting, at least 1.
    """
    contents = [_truncate_utf8(text.encode(errors="replace"), max_bytes) for text in texts]
    values = np.zeros((len(contents), max(map(len, contents), default=0) or 1), dtype=np.uint8)
    for row, content in zip(values, contents, strict=True):
        row[: len(content)] = np.frombuffer(content, dtype=np.uint8)
    return values


def from_bytes(values: NDArray[np.uint8]) -> list[str]:
    """Read back what `to_bytes` stored; (N, L) -> N texts, without the zeros behind."""
    return list(_iterate_texts(values))


def token_ids(values: NDArray[np.uint8], field: Field) -> NDArray[np.int64]:
    """Turn texts into what a network reads: the number of each token in the vocabulary.

    Args:
        values: (N, L) bytes.
        field: has the tokenizer in `tokens`, the vocabulary in `categories`, and in `length` how many tokens T are
            read.

    Returns:
        (N, T): the first T tokens of each text, 1 for one that is not in the vocabulary, 0 behind the last.
    """
    assert field.length > 0, f"the vocabulary of {field.name} is not fitted"
    encode = TOKENIZERS[field.tokens].encoder(_numbers(field.categories))
    result = allocate((len(values), field.length), np.int64)
    for row, text in zip(result, _iterate_texts(values), strict=True):
        ids = list(islice(encode(text), field.length))
        row[: len(ids)] = ids
    return result


def fit_vocabulary(schema: Schema, train: Part, tokens: Tokens = "words") -> Schema:
    """Give every input text its tokenizer, its vocabulary and its length in tokens, from the train part alone."""
    inputs = tuple(
        _fit_field(field, values, tokens) if field.kind == "text" else field
        for field, values in zip(schema.inputs, train.inputs, strict=True)
    )
    return schema.model_copy(update={"inputs": inputs})


def _fit_field(field: Field, values: NDArray[np.uint8], tokens: Tokens) -> Field:
    """The vocabulary is what the numbers 0, 1, 2, ... stand for: padding, an unknown token, then the tokens."""
    tokenizer = TOKENIZERS[tokens]
    vocabulary = (PADDING_TOKEN, UNKNOWN_TOKEN, *tokenizer.fit(_iterate_texts(values)))
    encode = tokenizer.encoder(_numbers(vocabulary))
    counts = [sum(1 for _ in encode(text)) for text in _iterate_texts(values)]
    covering_length = int(np.quantile(counts, COVERED_SHARE, method="inverted_cdf"))
    length = min(max(covering_length, MIN_TOKENS), tokenizer.max_length)
    return field.model_copy(update={"tokens": tokens, "categories": vocabulary, "length": length})


def _numbers(vocabulary: Sequence[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(vocabulary)}


def _truncate_utf8(content: bytes, max_bytes: int) -> bytes:
    """Cut UTF-8 to `max_bytes` bytes, less where that would leave a part of a character."""
    if len(content) <= max_bytes:
        return content
    while max_bytes and content[max_bytes] & 0b1100_0000 == 0b1000_0000:  # a byte 10xxxxxx continues a character
        max_bytes -= 1
    return content[:max_bytes]


def _iterate_texts(values: NDArray[np.uint8]) -> Iterator[str]:
    for rows in chunks(values):
        for row in np.ascontiguousarray(values[rows]):
            yield row.tobytes().rstrip(b"\0").decode()
