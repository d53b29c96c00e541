"""A request that cannot be answered, as a status and a sentence."""

import json
from typing import Any

MAX_QUOTED_CHARACTERS = 60  # characters of a caller's own value that a sentence repeats


class RequestError(Exception):
    """What is wrong with one request: an HTTP status and what was expected and found."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def truncate_text(text: str) -> str:
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "..."


def describe_value(value: Any) -> str:
    """Name a JSON value in a sentence: small ones as they are, large ones by their size."""
    match value:
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object with {list_names(value)}"
        case str():
            return f"the text {json.dumps(truncate_text(value))}"
        case _:
            return truncate_text(json.dumps(value))


def list_names(keys: Any) -> str:
    """List names in a sentence, at most five of them: `"image", "label"`."""
    listed = [json.dumps(truncate_text(str(key))) for key in keys]
    if not listed:
        return "nothing"
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
