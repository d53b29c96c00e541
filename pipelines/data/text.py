"""Texts as arrays: UTF-8 bytes in storage, codes of words for a network."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.large_arrays import allocate
from pipelines.data.dataset import chunks

TOKEN_PATTERN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")  # letters, digits, or one other sign; serving/ has the same rule
PADDING_TOKEN, UNKNOWN_TOKEN = "", "<unknown>"  # codes 0 and 1; neither is a token, so no word can be taken for them
MIN_TOKENS, MAX_TOKENS = 4, 256  # tokens that a network reads
COVERED_SHARE = 0.95  # share of the train texts that are read to their end, unless they are longer than MAX_TOKENS


def tokenize(text: str) -> list[str]:
    """Cut a text into lower-case words, whole numbers and single signs; white space separates and is dropped.

    `"Don't pay £9.50!"` becomes `don ' t pay £ 9 . 50 !`. Letters are those of Unicode, of any script. A script
    without spaces gives one token for each run of letters.
    """
    return TOKEN_PATTERN.findall(text.lower())


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


def build_vocabulary(values: NDArray[np.uint8], max_words: int = 4000, min_count: int = 2) -> tuple[str, ...]:
    """List the words of texts (N, L), the commonest first and equally common ones by alphabet.

    Args:
        values: N texts as bytes.
        max_words: words at most, besides the two codes that stand for no word.
        min_count: how often a word must occur.

    Returns:
        what the codes 0, 1, 2, ... stand for: padding, an unknown word, then the words.
    """
    counts: Counter[str] = Counter()
    for text in _iterate_texts(values):
        counts.update(tokenize(text))
    common = sorted(
        (word for word, count in counts.items() if count >= min_count), key=lambda word: (-counts[word], word)
    )
    return (PADDING_TOKEN, UNKNOWN_TOKEN, *common[:max_words])


def token_ids(values: NDArray[np.uint8], field: Field) -> NDArray[np.int64]:
    """Turn texts into what a network reads: the number of each word in the vocabulary.

    Args:
        values: (N, L) bytes.
        field: has the vocabulary in `categories`, and in `length` how many tokens T are read.

    Returns:
        (N, T): the first T tokens of each text, 1 for a word that is not in the vocabulary, 0 behind the last.
    """
    assert field.length > 0, f"the vocabulary of {field.name} is not fitted"
    id_of_token = {word: number for number, word in enumerate(field.categories)}
    unknown_id = id_of_token[UNKNOWN_TOKEN]
    result = allocate((len(values), field.length), np.int64)
    for row, text in zip(result, _iterate_texts(values), strict=True):
        ids = [id_of_token.get(word, unknown_id) for word in tokenize(text)[: field.length]]
        row[: len(ids)] = ids
    return result


def fit_vocabulary(schema: Schema, train: Part) -> Schema:
    """Give every input text its vocabulary and its length in tokens, from the train part alone."""
    inputs = tuple(
        _fit_field_vocabulary(field, values) if field.kind == "text" else field
        for field, values in zip(schema.inputs, train.inputs, strict=True)
    )
    return schema.model_copy(update={"inputs": inputs})


def _fit_field_vocabulary(field: Field, values: NDArray[np.uint8]) -> Field:
    counts = [len(tokenize(text)) for text in _iterate_texts(values)]
    covering_length = int(np.quantile(counts, COVERED_SHARE, method="inverted_cdf"))
    length = min(max(covering_length, MIN_TOKENS), MAX_TOKENS)
    return field.model_copy(update={"categories": build_vocabulary(values), "length": length})


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
