"""What a contender's weights began with, in a sentence or two."""

from collections.abc import Mapping
from typing import Any

MAX_NAMED = 5  # layers


def summarize_start(model: Mapping[str, Any]) -> str:
    """Where its weights are from, which layers were taken over, and which rows they have seen; empty of random ones.

    Args:
        model: what model.json holds.
    """
    start = model.get("start")
    if start is None:
        return ""
    drawn = f"drawn anew were {_list_layers(start['drawn'])}" if start["drawn"] else "none was drawn anew"
    frozen = f", and {_list_layers(start['frozen'])} stayed as they were" if start["frozen"] else ""
    return (
        f"It began with the weights of {start['origin']}: {len(start['kept'])} of "
        f"{len(start['kept']) + len(start['drawn'])} layers were taken over, {drawn}{frozen}. These weights have "
        f"learned from {start['seen']}. "
    )


def _list_layers(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"
