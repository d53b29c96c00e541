"""Tokens for texts: words where they repeat from text to text, subwords where what is spelled has to be read."""

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Tokens
from pipelines.data.text import from_bytes
from pipelines.data.tokenizers import tokenize

MAX_TEXTS = 4000  # that are looked at, evenly over all
MIN_TEXTS = 100  # fewer say too little of which words repeat
MAX_NEW_SHARE = 0.5  # share of the words that are new, from which on words say too little


def propose_tokens(texts: NDArray[np.uint8]) -> tuple[Tokens, str]:
    """What texts are best cut into, and why; no reason where it is words, as by default.

    Names, codes, addresses, and scripts that put no space between words have words that hardly repeat.

    Args:
        texts: (N, L), UTF-8 padded with zeros.
    """
    if len(texts) < MIN_TEXTS:
        return "words", ""
    share = new_word_share(texts)
    if share <= MAX_NEW_SHARE:
        return "words", ""
    return "subwords", (
        f"Of the words of one half of the texts, {share:.0%} stand nowhere in the other half, so texts are cut into "
        "subwords, which repeat."
    )


def new_word_share(texts: NDArray[np.uint8]) -> float:
    """The share of the words of every other text that stand in none of the texts between them."""
    looked_at = from_bytes(texts[:: max(1, len(texts) // MAX_TEXTS)])
    known = {word for text in looked_at[::2] for word in tokenize(text)}
    words = [word for text in looked_at[1::2] for word in tokenize(text) if word[0].isalnum()]
    return sum(word not in known for word in words) / max(1, len(words))
