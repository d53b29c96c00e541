"""Message formatting: counts with their nouns, and lists cut after ten entries."""

from collections.abc import Sequence

MAX_LISTED = 10  # entries that a sentence lists


def format_count(count: int, noun: str) -> str:
    """A number and its noun: "1 row", "2 rows"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def format_rounded(number: float, digits: int) -> str:
    """A number to so many significant digits, as a person writes it: "1.5", "150", "1,500,000"; no exponent up to 1e16.

    >>> format_rounded(1_534_000, digits=2)
    '1,500,000'
    """
    return f"{float(f'{number:.{digits}g}'):,.16g}"


def format_list(entries: Sequence[str], max_listed: int = MAX_LISTED, *, last: str = "and") -> str:
    """The first entries, and how many more there are: "a, b and 3 more".

    >>> format_list(["a", "b", "c"], max_listed=2)
    'a, b and 1 more'
    """
    listed = ", ".join(entries[:max_listed])
    return f"{listed} {last} {len(entries) - max_listed} more" if len(entries) > max_listed else listed
