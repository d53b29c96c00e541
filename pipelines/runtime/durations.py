"""Durations: how long a stage took the last time it ran here, which no result depends on."""

from pathlib import Path

from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError


def read_duration(state: Path, verb: str, name: str) -> float | None:
    """The seconds that a stage took by the clock; None if it never ran here.

    Args:
        state: the scratch folder.
    """
    try:
        return float(read_json(state / "durations" / f"{verb}-{name}.json")["seconds"])
    except (UserError, KeyError, TypeError, ValueError):
        return None
