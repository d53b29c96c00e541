"""What a contender learned from beside its labelled examples: other weights, unlabelled rows; in a sentence or two."""

from collections.abc import Mapping
from typing import Any

MAX_NAMED = 5  # layers
SEMI_TEXTS = {
    "pretrain": "Before its training it learned to restore inputs, those of {rows:,} {noun} without a label too.",
    "pseudo_label": "It learned from {rows:,} {noun} without a label, too: from those whose class it was sure of.",
}


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


def summarize_semi(model: Mapping[str, Any]) -> str:
    """How many unlabelled rows it learned from, and how; empty where it did not.

    Args:
        model: what model.json holds.
    """
    semi = model.get("semi")
    if semi is None:
        return ""
    return SEMI_TEXTS[semi["method"]].format(rows=semi["rows"], noun="row" if semi["rows"] == 1 else "rows") + " "


def _list_layers(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"
