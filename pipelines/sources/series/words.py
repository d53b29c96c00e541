"""Columns of words in a series: each word a variable of its own, 1 where the column holds it and 0 elsewhere."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.parsing import MISSING_MARKS, parse_number

MAX_WORDS = 50  # different words of a column
MIN_WORD_SHARE = 0.5  # share of the filled cells that are no numbers, from which a column is one of words
WORD_SIGN = "="  # a variable is called wind=NW; serving/worker/requests/sequence.py has the same sign


def holds_words(texts: Sequence[str]) -> bool:
    """Whether a column is one of words, and not one of numbers with slips."""
    counts = Counter(text.strip() for text in texts)
    filled = {text: count for text, count in counts.items() if text not in MISSING_MARKS}
    words = sum(
        count for text, count in filled.items() if parse_number(text) is None and parse_number(text, ",") is None
    )
    return words > MIN_WORD_SHARE * sum(filled.values())


def word_variables(path: Path | str, name: str, texts: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The variables of a column of words: their names (W,), and their values (n, W), NaN where a cell is missing.

    Raises:
        UserError: there are more than MAX_WORDS different words.
    """
    cleaned = ["" if (bare := text.strip()) in MISSING_MARKS else bare for text in texts]
    words = sorted(set(cleaned) - {""})
    if len(words) > MAX_WORDS:
        raise UserError(
            f"{path}: {name} holds {len(words)} different words ({', '.join(words[:3])}, ...), and at most {MAX_WORDS} "
            "become inputs; leave the column out by naming the others under `inputs`"
        )
    codes = np.array([words.index(text) if text else -1 for text in cleaned])
    values = (codes[:, None] == np.arange(len(words))).astype(np.float64)
    values[codes < 0] = np.nan
    return tuple(f"{name}{WORD_SIGN}{word}" for word in words), values
