"""A request that cannot be answered, as a status and a sentence."""

import json
from typing import Any

LONGEST = 60  # characters of a caller's own value that a sentence repeats


class Refusal(Exception):
    """What is wrong with one request: an HTTP status and what was expected and found."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def shown(value: Any) -> str:
    """Name a JSON value in a sentence: small ones as they are, large ones by their size."""
    match value:
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object with {names(value)}"
        case str():
            return f"the text {json.dumps(shortened(value))}"
        case _:
            return shortened(json.dumps(value))


def names(keys: Any) -> str:
    """List names in a sentence, at most five of them: `"image", "label"`."""
    listed = [json.dumps(shortened(str(key))) for key in keys]
    if not listed:
        return "nothing"
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
