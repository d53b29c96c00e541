"""Decimal marks: whether the cells of a column say that 1.5 or that 1,5 is one and a half."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.files.parsing import PLAIN_NUMBER_PATTERNS, parse_number

if TYPE_CHECKING:
    import pyarrow

MIN_READABLE_SHARE = 0.95  # share of the sampled cells that have to be numbers with a mark, if it is to be the mark
MAX_SAMPLED_CELLS = 1000  # different cells of a column that are looked at, where not all are written plainly
AMBIGUOUS_NUMBER = r"^[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}$"  # 1.234: a number with either mark


class DecimalVote(NamedTuple):
    """What the cells of a column say."""

    mark: str = ""  # "." or ","; "either" if they are numbers with both; "" if none holds a mark, or none is a number
    cell: str = ""  # where it is "either", the first of them by alphabet


def vote_decimal_mark(texts: "pyarrow.StringArray") -> DecimalVote:
    """Tell the decimal mark of texts (D,).

    Where all that hold a mark are plain numbers with one, it is that one, unless each is a number with the other too.
    Otherwise a sample of the different ones decides.
    """
    marked = texts.filter(match_texts(texts, "[.,]"))
    if not len(marked):
        return DecimalVote()
    if not match_texts(marked, AMBIGUOUS_NUMBER).all():
        for mark in (".", ","):
            if match_texts(marked, PLAIN_NUMBER_PATTERNS[mark]).all():
                return DecimalVote(mark)
    vote = _vote_of_sample(_sample_texts(marked.unique()))
    return DecimalVote(vote, _first_text(marked) if vote == "either" else "")


def match_texts(texts: "pyarrow.StringArray", pattern: str) -> NDArray[np.bool_]:
    """Which of the texts (D,) a regular expression is found in."""
    from pyarrow import compute

    return np.asarray(compute.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), dtype=bool)


def _vote_of_sample(marked: list[str]) -> str:
    """The decimal mark of cells that hold "." or ","; "either" or "" (no numbers) where they do not tell."""
    with_point = [parse_number(text, ".") is not None for text in marked]
    with_comma = [parse_number(text, ",") is not None for text in marked]
    enough = len(marked) * MIN_READABLE_SHARE
    readable = [mark for mark, able in ((".", with_point), (",", with_comma)) if sum(able) >= enough]
    if len(readable) == 2 and with_point != with_comma:
        return "." if sum(with_point) > sum(with_comma) else ","
    return "either" if len(readable) == 2 else "".join(readable)


def _first_text(texts: "pyarrow.StringArray") -> str:
    """The first by alphabet; there is one."""
    from pyarrow import compute

    return str(compute.min(texts).as_py())


def _sample_texts(texts: "pyarrow.StringArray") -> list[str]:
    """At most MAX_SAMPLED_CELLS of the texts, evenly from the first to the last by alphabet."""
    from pyarrow import compute

    order = compute.array_sort_indices(texts).to_numpy()
    sampled: list[str] = texts.take(order[:: len(texts) // MAX_SAMPLED_CELLS + 1]).to_pylist()
    return sampled
