"""Words of findings and messages: counts with their noun, and lists that end before they tire."""

from collections.abc import Sequence

MAX_LISTED = 10  # entries that a sentence lists


def format_count(count: int, noun: str) -> str:
    """A number and its noun: "1 row", "2 rows"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def format_list(entries: Sequence[str], max_listed: int = MAX_LISTED) -> str:
    """The first entries, and how many more there are: "a, b and 3 more"."""
    listed = ", ".join(entries[:max_listed])
    return f"{listed} and {len(entries) - max_listed} more" if len(entries) > max_listed else listed
