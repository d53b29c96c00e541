"""Tokenizers: a text as words, as characters, or as subwords.

Words are in lower case and without white space, which is right for prose. Characters and subwords are as they are
written, because what is spelled (a name, a code) may be told by its capitals; white space in front of a text is dropped,
and every other run of it is one space. No token is the text "" or "<unknown>": signs are never joined to letters.

Subwords are byte pairs of characters: Sennrich, Haddow & Birch, "Neural Machine Translation of Rare Words with Subword
Units", ACL 2016. https://aclanthology.org/P16-1162
NOTE[DIFF] a space in front of a word belongs to its first subword, where the paper marks a word's end: what stands in
    the middle of a name is told from what begins one.
NOTE[DIFF] neighbours are joined wherever what they make is a token, the first fitted first: the list of the tokens says
    all, and no list of pairs travels with it.

serving/worker/requests/tokenizers.py has the same rules, and a test compares the two.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

UNKNOWN_ID = 1  # of what is not in the vocabulary; 0 is padding
WORD_PATTERN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")  # letters, digits, or one other sign
RUN_PATTERN = re.compile(r" ?[^\W\d_]+| ?\d+| ?[^\w\s]| ?_| ")  # the same with the space in front; or a last space
MAX_RUN_CHARACTERS = 32  # of which subwords are made; a longer run is cut, so that the time for it is bounded
MAX_FITTED_RUNS = 50_000  # different ones, the commonest, that subwords are fitted on
MAX_REMEMBERED_RUNS = 2**17  # whose subwords are not looked for again
MIN_COUNT = 2  # how often a word, a character or a pair must occur in the train part
MAX_WORDS, MAX_CHARACTERS, MAX_SUBWORDS = 4000, 4000, 2000  # tokens at most

Encode = Callable[[str], Iterator[int]]


class Tokenizer(NamedTuple):
    """A way to cut texts."""

    fit: Callable[[Iterable[str]], list[str]]  # texts -> the tokens of a vocabulary, what stands for none left out
    encoder: Callable[[Mapping[str, int]], Encode]  # the number of each token -> a text's numbers, in its order
    max_length: int  # tokens of a text that a network reads


def tokenize(text: str) -> list[str]:
    """Cut a text into lower-case words, whole numbers and single signs; white space separates and is dropped.

    `"Don't pay £9.50!"` becomes `don ' t pay £ 9 . 50 !`. Letters are those of Unicode, of any script. A script
    without spaces gives one token for each run of letters.
    """
    return WORD_PATTERN.findall(text.lower())


def fit_words(texts: Iterable[str], max_words: int = MAX_WORDS, min_count: int = MIN_COUNT) -> list[str]:
    """The words that occur at least so often, the commonest first and equally common ones by alphabet."""
    return _commonest(Counter(word for text in texts for word in tokenize(text)), max_words, min_count)


def encode_words(ids: Mapping[str, int]) -> Encode:
    return lambda text: (ids.get(word, UNKNOWN_ID) for word in tokenize(text))


def fit_characters(texts: Iterable[str]) -> list[str]:
    """The characters that occur twice or more, the commonest first."""
    counts = Counter(character for text in texts for character in collapse_white_space(text))
    return _commonest(counts, MAX_CHARACTERS, MIN_COUNT)


def encode_characters(ids: Mapping[str, int]) -> Encode:
    return lambda text: (ids.get(character, UNKNOWN_ID) for character in collapse_white_space(text))


def fit_subwords(texts: Iterable[str], max_subwords: int = MAX_SUBWORDS) -> list[str]:
    """The characters, the commonest first, and then what the commonest neighbours make, joined again and again.

    Equally common ones are taken by alphabet, so that the same texts in any order give the same tokens.
    """
    run_counts = Counter(run for text in texts for run in iterate_runs(text))
    character_counts: Counter[str] = Counter()
    for run, count in run_counts.items():
        for character in run:
            character_counts[character] += count
    tokens = _commonest(character_counts, max_subwords, MIN_COUNT)
    ids = {token: number for number, token in enumerate(tokens)}
    piece_counts: Counter[str] = Counter()
    for run, count in run_counts.items():
        for piece in known_pieces(run, ids):
            piece_counts[piece] += count
    common = sorted(piece_counts.items(), key=lambda one: (-one[1], one[0]))[:MAX_FITTED_RUNS]
    return [*tokens, *_join_commonest_pairs(common, ids, max_subwords)]


def _join_commonest_pairs(piece_counts: Iterable[tuple[str, int]], ids: dict[str, int], most: int) -> Iterator[str]:
    """What the commonest neighbours make, until the vocabulary has `most` tokens; `ids` is added to.

    A heap holds what any neighbours make with its count at some time; one that is outdated is left where it comes up.
    """
    counts = [count for _, count in piece_counts]
    splits = [list(piece) for piece, _ in piece_counts]
    pair_counts: Counter[str] = Counter()
    places: defaultdict[str, set[int]] = defaultdict(set)  # of pieces in which the pair is or was
    for place, split in enumerate(splits):
        for left, right in pairwise(split):
            pair_counts[left + right] += counts[place]
            places[left + right].add(place)
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)
    while heap and len(ids) < most:
        negative, pair = heapq.heappop(heap)
        if -negative != pair_counts[pair] or -negative < MIN_COUNT:
            continue
        yield pair
        ids[pair] = len(ids)
        changed: set[str] = set()
        for place in places.pop(pair):
            before, after = splits[place], join_pairs(splits[place], ids)
            for sign, split in ((-1, before), (1, after)):
                for left, right in pairwise(split):
                    pair_counts[left + right] += sign * counts[place]
                    changed.add(left + right)
                    if sign > 0:
                        places[left + right].add(place)
            splits[place] = after
        for one in changed:
            heapq.heappush(heap, (-pair_counts[one], one))


def encode_subwords(ids: Mapping[str, int]) -> Encode:
    @lru_cache(MAX_REMEMBERED_RUNS)
    def encode_run(run: str) -> tuple[int, ...]:
        tokens = (join_pairs(list(piece), ids) if piece else [piece] for piece in known_pieces(run, ids))
        return tuple(ids[token] if token else UNKNOWN_ID for piece in tokens for token in piece)

    return lambda text: (number for run in iterate_runs(text) for number in encode_run(run))


def collapse_white_space(text: str) -> str:
    """Drop white space in front, and make one space of every other run of it."""
    return re.sub(r"\s+", " ", text).removeprefix(" ")


def iterate_runs(text: str) -> Iterator[str]:
    """Runs of letters, runs of digits and single signs, each with the space in front; the first as if it had one."""
    collapsed = collapse_white_space(text)
    return (found[0] for found in RUN_PATTERN.finditer(f" {collapsed}" if collapsed else ""))


def known_pieces(run: str, ids: Mapping[str, int]) -> Iterator[str]:
    """Cut a run at each character that is no token, and after every MAX_RUN_CHARACTERS; "" for such a character."""
    piece = ""
    for character in run:
        known = character in ids
        if piece and (not known or len(piece) == MAX_RUN_CHARACTERS):
            yield piece
            piece = ""
        if known:
            piece += character
        else:
            yield ""
    if piece:
        yield piece


def join_pairs(tokens: list[str], ids: Mapping[str, int]) -> list[str]:
    """Join neighbours that make a token, that of the lowest number first, until none do."""
    while known := [ids[left + right] for left, right in pairwise(tokens) if left + right in ids]:
        lowest, joined = min(known), [tokens[0]]
        for token in tokens[1:]:
            if ids.get(joined[-1] + token) == lowest:
                joined[-1] += token
            else:
                joined.append(token)
        tokens = joined
    return tokens


def _commonest(counts: Mapping[str, int], most: int, min_count: int) -> list[str]:
    common = (token for token, count in counts.items() if count >= min_count)
    return sorted(common, key=lambda token: (-counts[token], token))[:most]


TOKENIZERS: dict[str, Tokenizer] = {
    "words": Tokenizer(fit_words, encode_words, 256),
    "characters": Tokenizer(fit_characters, encode_characters, 512),
    "subwords": Tokenizer(fit_subwords, encode_subwords, 256),
}
