"""Request errors: an HTTP status and a message, and how messages describe values."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

MAX_QUOTED_CHARACTERS = 60  # characters of a request's value that a message repeats
MAX_LISTED_NAMES = 5


class RequestError(Exception):
    """A request that cannot be answered: its HTTP status, and a message that says what was expected and found."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def truncate_text(text: str) -> str:
    """Cut a text to the length that a message repeats."""
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "..."


def describe_value(value: Any) -> str:
    """Describe a JSON value in a message: a small one as it is, a large one by its size."""
    match value:
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object with {list_names(value)}" if value else "an empty object"
        case str():
            return f"the text {json.dumps(truncate_text(value))}"
        case _:
            return truncate_text(json.dumps(value))


def list_names(names: Iterable[Any]) -> str:
    """List names in a message, at most five of them: `"image"`, `"age" and "sex"`, `"a", "b", ... and 21 more`."""
    listed = [json.dumps(truncate_text(str(name))) for name in names]
    if len(listed) > MAX_LISTED_NAMES:
        listed[MAX_LISTED_NAMES:] = [f"{len(listed) - MAX_LISTED_NAMES} more"]
    return " and ".join(part for part in (", ".join(listed[:-1]), *listed[-1:]) if part) or "nothing"


def count_noun(count: int, noun: str) -> str:
    """A count and its noun: `1 step`, `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def describe_missing(noun: str, names: Sequence[str]) -> str:
    """The missing names in a message: `the field "age" is missing`, `the fields "age" and "sex" are missing`."""
    plural, verb = ("", "is") if len(names) == 1 else ("s", "are")
    return f"the {noun}{plural} {list_names(names)} {verb} missing"


def describe_unknown(noun: str, names: Sequence[str]) -> str:
    """The unknown names in a message: `the unknown field "age"`, `the unknown fields "age" and "sex"`."""
    return f"the unknown {noun}{'' if len(names) == 1 else 's'} {list_names(names)}"
