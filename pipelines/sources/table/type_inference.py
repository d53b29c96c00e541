"""Type inference: whether a column holds numbers, dates, yes and no, categories, texts or ids.

The answer depends on which values there are and how often, never on the order of the rows.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks
from pipelines.sources.files.dates import DATE_BEGINNING_PATTERN, ParsedDates, days_since_epoch, parse_dates
from pipelines.sources.files.decimal_marks import DecimalVote, match_texts, vote_decimal_mark
from pipelines.sources.files.parsing import format_number, parse_numbers
from pipelines.sources.table.columns import CodedColumn, value_counts

if TYPE_CHECKING:
    import pyarrow

ColumnType: TypeAlias = Literal["number", "category", "boolean", "date", "text", "id", "ignore"]

MAX_STRAY_SHARE = 0.05  # share of the filled cells that may be no number (no date) in a column of numbers (of dates)
MIN_SENTENCE_WORDS = 5  # words, on average, from which texts that seldom repeat are sentences rather than names or ids
MAX_UNREPEATED_CATEGORIES = 20  # different texts that a column may always have and still be a category
MAX_CATEGORIES = 1000
BOOLEAN_WORD_PAIRS = (("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("off", "on"))  # no is before yes
ZERO_PADDED_PATTERN = "^0[0-9]+$"  # 00420 is a code (of a place, of an article): a number would lose its zeros
_ID_NAME_PATTERN = re.compile(r"(?i:(?:^|[^a-z])(?:id|uuid|guid))$|[a-z]I[dD]$|(?i:^(?:index|idx|key|row|#)$)")


class InferredType(NamedTuple):
    """The type of a column, and why, where a reader may wonder."""

    type: ColumnType
    reason: str = ""


def infer_type(column: CodedColumn, decimal: str) -> InferredType:
    """Tell the type of a column that has at least one filled cell."""
    counts = value_counts(column)
    if boolean_words(column):
        return InferredType("boolean")
    numbers = np.empty(0) if is_textual(column) else distinct_numbers(column, decimal)
    if len(numbers) and _valid_share(numbers, counts) >= 1 - MAX_STRAY_SHARE:
        id_reason = _row_id_reason(column, numbers, counts)
        return InferredType("id", id_reason) if id_reason else InferredType("number")
    if _valid_share(days_since_epoch(distinct_dates(column).datetimes), counts) >= 1 - MAX_STRAY_SHARE:
        return InferredType("date")
    return _infer_text_type(column, counts)


def _infer_text_type(column: CodedColumn, counts: NDArray[np.int64]) -> InferredType:
    filled, distinct_count = int(counts.sum()), len(counts)
    if distinct_count > filled / 2:
        if _word_count(column, counts) >= MIN_SENTENCE_WORDS * filled:
            return InferredType("text")
        if distinct_count > MAX_UNREPEATED_CATEGORIES:
            return InferredType(
                "id", f"{distinct_count} different short texts in {filled} filled cells, so hardly any repeats"
            )
    return InferredType("category") if distinct_count <= MAX_CATEGORIES else InferredType("text")


def _word_count(column: CodedColumn, counts: NDArray[np.int64]) -> int:
    """How many words stand in all the cells."""
    return sum(
        len(text.split()) * int(count)
        for rows in chunks(counts)
        for text, count in zip(distinct_texts(column, rows), counts[rows], strict=True)
    )


def _row_id_reason(column: CodedColumn, values: NDArray[np.float64], counts: NDArray[np.int64]) -> str:
    """Why a column of numbers (D,) only numbers the rows; "" if it does not."""
    if len(values) < 2 or len(counts) < counts.sum() or (column.codes < 0).any():
        return ""
    if not np.all(np.isfinite(values) & (values == np.rint(values))):
        return ""
    if values.min() in (0, 1) and np.ptp(values) == len(values) - 1 and not _repeats(values):
        return f"it counts the rows, from {values.min():.0f} to {values.max():.0f}"
    is_called_id = _ID_NAME_PATTERN.search(column.name) and not _repeats(values)
    return "it is called an id and no number repeats" if is_called_id else ""


def _repeats(values: NDArray[np.float64]) -> bool:
    """Whether one of the values is there more than once, which costs more to find out than anything else."""
    return len(np.unique(values)) < len(values)


def boolean_words(column: CodedColumn) -> tuple[str, str] | None:
    """The two words of BOOLEAN_WORD_PAIRS that are all a column holds, in any case."""
    if not column.holds_texts or len(column.distinct_values) > 6:
        return None
    words = {text.lower() for text in distinct_texts(column)}
    return next((pair for pair in BOOLEAN_WORD_PAIRS if words == set(pair)), None)


def is_textual(column: CodedColumn) -> bool:
    """Whether the cells are texts even where they look like numbers: zeros in front, or a file that says so."""
    return column.holds_texts and (column.is_typed or _has_zero_padded(column.distinct_values))


def distinct_numbers(column: CodedColumn, decimal: str) -> NDArray[np.float64]:
    """The number each different value is, (D,); NaN where it is none."""
    if column.holds_texts:
        return parse_numbers(column.distinct_values, decimal)
    if column.distinct_values.dtype.kind == "M":
        return np.full(len(column.distinct_values), np.nan)
    return column.distinct_values.astype(np.float64, copy=False)


def distinct_dates(column: CodedColumn) -> ParsedDates:
    """The moment each different value is, (D,); NaT where it is none."""
    if not isinstance(column.distinct_values, np.ndarray):
        datetimes = np.full(len(column.distinct_values), np.datetime64("NaT"), dtype="datetime64[us]")
        may_be_date = match_texts(column.distinct_values, DATE_BEGINNING_PATTERN)
        parsed = parse_dates(column.distinct_values.filter(may_be_date).to_pylist())
        datetimes[may_be_date] = parsed.datetimes
        return ParsedDates(datetimes, parsed.ambiguous_text)
    if column.distinct_values.dtype.kind == "M":
        return ParsedDates(column.distinct_values.astype("datetime64[us]"))
    return ParsedDates(np.full(len(column.distinct_values), np.datetime64("NaT"), dtype="datetime64[us]"))


def distinct_texts(column: CodedColumn, places: slice = slice(None)) -> list[str]:
    """What a reader would call each different value, (D,), or those at some places."""
    values = column.distinct_values[places]
    if not isinstance(values, np.ndarray):
        texts: list[str] = values.to_pylist()
        return texts
    if values.dtype.kind == "M":
        return [str(moment).removesuffix(".000000").removesuffix("T00:00:00") for moment in values]
    return [format_number(value) for value in values.tolist()]


def infer_decimal_mark(columns: Iterable[CodedColumn]) -> tuple[str, dict[str, str]]:
    """Tell from all columns whether 1,5 or 1.5 is one and a half.

    Returns:
        "." or ",", and the columns (with one of their cells) whose numbers mean one thing with either, such as 1.234,
        where no other column says which it is.
    """
    votes = {".": 0, ",": 0}
    ambiguous = {}
    for column in columns:
        vote = _decimal_vote(column)
        if vote.mark in votes:
            votes[vote.mark] += 1
        elif vote.mark == "either":
            ambiguous[column.name] = vote.cell
    mark = "," if votes[","] > votes["."] else "."
    return mark, {} if any(votes.values()) else ambiguous


def _decimal_vote(column: CodedColumn) -> DecimalVote:
    texts = column.distinct_values
    return column.decimal_vote if isinstance(texts, np.ndarray) or column.is_typed else vote_decimal_mark(texts)


def _has_zero_padded(texts: "pyarrow.StringArray") -> bool:
    return bool(match_texts(texts, ZERO_PADDED_PATTERN).any())


def _valid_share(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """The share of the filled cells that hold a value which is not NaN."""
    return float(counts[~np.isnan(values)].sum() / counts.sum())
