"""Tokenizers: texts as words, characters or subwords, by the rules that the vocabulary was fitted with.

Words are runs of letters, runs of digits and single signs of the text in lower case; white space only separates.
Characters and subwords are of the text as it is written, without white space in front and with one space for every
other run of it. For subwords, neighbouring characters are joined where they make a token, that of the lowest id first.
Training has the same rules in pipelines/data/tokenizers.py, and a test compares the two.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise

UNKNOWN_ID = 1  # of a token that is not in the vocabulary
WORD_PATTERN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
RUN_PATTERN = re.compile(r" ?[^\W\d_]+| ?\d+| ?[^\w\s]| ?_| ")  # each with the space in front; or a last space
MAX_RUN_CHARACTERS = 32  # of which subwords are made; a longer run is cut


def word_ids(text: str, codes: Mapping[str, int]) -> Iterator[int]:
    """The ids of a text's words, in their order."""
    return (codes.get(word[0], UNKNOWN_ID) for word in WORD_PATTERN.finditer(text.lower()))


def character_ids(text: str, codes: Mapping[str, int]) -> Iterator[int]:
    """The ids of a text's characters, in their order."""
    return (codes.get(character, UNKNOWN_ID) for character in _collapse_white_space(text))


def subword_ids(text: str, codes: Mapping[str, int]) -> Iterator[int]:
    """The ids of a text's subwords, in their order; a word that a text repeats is cut once."""

    @cache
    def run_ids(run: str) -> list[int]:
        tokens = (_join_pairs(list(piece), codes) if piece else [piece] for piece in _known_pieces(run, codes))
        return [codes[token] if token else UNKNOWN_ID for piece in tokens for token in piece]

    collapsed = _collapse_white_space(text)
    runs = RUN_PATTERN.finditer(f" {collapsed}" if collapsed else "")
    return (token_id for run in runs for token_id in run_ids(run[0]))


def _collapse_white_space(text: str) -> str:
    return re.sub(r"\s+", " ", text).removeprefix(" ")


def _known_pieces(run: str, codes: Mapping[str, int]) -> Iterator[str]:
    """Cut a run at each character that is no token, and after every MAX_RUN_CHARACTERS; "" for such a character."""
    piece = ""
    for character in run:
        known = character in codes
        if piece and (not known or len(piece) == MAX_RUN_CHARACTERS):
            yield piece
            piece = ""
        if known:
            piece += character
        else:
            yield ""
    if piece:
        yield piece


def _join_pairs(tokens: list[str], codes: Mapping[str, int]) -> list[str]:
    """Join neighbours that make a token, that of the lowest id first, until none do."""
    while known := [codes[left + right] for left, right in pairwise(tokens) if left + right in codes]:
        lowest, joined = min(known), [tokens[0]]
        for token in tokens[1:]:
            if codes.get(joined[-1] + token) == lowest:
                joined[-1] += token
            else:
                joined.append(token)
        tokens = joined
    return tokens


# The ids of a text by what its field is cut into; a row is a row of TOKENIZERS in pipelines/data/tokenizers.py, too.
TOKENIZERS: dict[str, Callable[[str, Mapping[str, int]], Iterator[int]]] = {
    "words": word_ids,
    "characters": character_ids,
    "subwords": subword_ids,
}
