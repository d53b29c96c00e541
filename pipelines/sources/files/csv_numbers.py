"""Columns of plain numbers: parsed a block at a time, so that their texts are neither kept nor told apart."""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.sources.files.decimal_marks import DecimalVote, vote_decimal_mark
from pipelines.sources.files.parsing import MAX_FLOAT32, parse_number

if TYPE_CHECKING:
    import pyarrow

MIN_DISTINCT_NUMBERS = 20  # different numbers in a first block; fewer may be classes, of which texts are shown


class NumberParser:
    """The cells of one column as numbers, block by block, as long as every cell is a plain number or missing.

    Plain is what means one number and nothing else, as `parse_number` reads it with a decimal point: 1.50, -3, 1e-3.
    007 may be a code, " 5" and 1,000 need a closer look, and what no float32 holds is shown as it stands: a column
    with such a cell is one of texts.
    """

    def __init__(self, missing: frozenset[str]) -> None:
        self.missing = missing
        self.is_plain = True  # so far
        self.missing_counts: Counter[str] = Counter()  # how the missing cells are written, and how many of each
        self.decimal_vote = DecimalVote()  # what the cells say of the decimal mark
        marks = np.array([parse_number(mark) for mark in missing], dtype=np.float64)
        self._has_number_marks = bool(np.isfinite(marks).any())  # such as -999

    def expects_numbers(self, first_block: "pyarrow.StringArray") -> bool:
        """Whether the first block of a column lets one expect plain numbers that are no categories."""
        trial = NumberParser(self.missing)
        return len(trial.parse(first_block).drop_null().unique()) >= MIN_DISTINCT_NUMBERS

    def parse(self, texts: "pyarrow.StringArray") -> "pyarrow.DoubleArray":
        """The next block, (B,), null where a cell is missing; nothing but nulls once a cell was not plain."""
        import pyarrow

        if self.is_plain:
            numbers = None if self._has_number_marks else _parse_plain(texts)
            if numbers is None:
                texts = self._without_missing(texts)
                numbers = _parse_plain(texts)
            if numbers is not None:
                self._vote(texts)
                return numbers
            self.is_plain = False
        return pyarrow.nulls(len(texts), pyarrow.float64())

    def _without_missing(self, texts: "pyarrow.StringArray") -> "pyarrow.StringArray":
        import pyarrow
        from pyarrow import compute

        is_missing = compute.is_in(texts, value_set=pyarrow.array(sorted(self.missing), pyarrow.string()))
        self.missing_counts.update(texts.filter(is_missing).to_pylist())
        return compute.if_else(is_missing, None, texts)

    def _vote(self, texts: "pyarrow.StringArray") -> None:
        if self.decimal_vote.mark == "." or not (_cell_bytes(texts)[1] == ord(".")).any():
            return
        vote = vote_decimal_mark(texts.drop_null())
        if self.decimal_vote.mark == vote.mark == "either":
            vote = min(vote, self.decimal_vote)
        self.decimal_vote = vote


def _parse_plain(texts: "pyarrow.StringArray") -> "pyarrow.DoubleArray | None":
    """The texts (B,) as numbers, null where they are; None if one is not plain."""
    import pyarrow

    try:
        numbers = texts.cast(pyarrow.float64())
    except pyarrow.ArrowInvalid:
        return None
    values = numbers.to_numpy(zero_copy_only=False)
    if np.count_nonzero(np.abs(values) <= MAX_FLOAT32) < len(numbers) - numbers.null_count or _has_zero_padded(texts):
        return None
    return numbers


def _has_zero_padded(texts: "pyarrow.StringArray") -> bool:
    """Whether a text begins with a zero and another digit."""
    bounds, content = _cell_bytes(texts)
    starts = bounds[:-1][np.diff(bounds) > 1]
    starts = starts[content[starts] == ord("0")]
    return bool((content[starts + 1] - ord("0") < 10).any())  # what is below "0" wraps around


def _cell_bytes(texts: "pyarrow.StringArray") -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Where each text (B,) begins, and the last ends, (B + 1,), in the bytes of all of them."""
    _, bounds, content = texts.buffers()
    places = np.frombuffer(bounds, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return places - places[0], np.frombuffer(content or b"", dtype=np.uint8)[places[0] : places[-1]]
