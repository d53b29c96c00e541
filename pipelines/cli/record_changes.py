"""What differs between two input records of a stage, as sentences.

An input record holds what a stage depends on besides its data: {"settings": {...}, "code": {path: hash}, "sources":
[{"setting": ..., ...}]}.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

MAX_VALUE_LENGTH = 60  # characters of a setting's value that are shown

ChangeKind = Literal["new", "settings", "code", "source", "data", "output", "command"]


class Change(NamedTuple):
    """One reason for which a stage is to run again."""

    kind: ChangeKind
    what: str  # a sentence without its full stop
    path: str = ""  # of data that the stage reads; empty of all else


def describe_record_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The changes from one record to another: settings with both values, then code, then sources; empty if equal."""
    return [
        *(Change("settings", text) for text in _setting_changes(old.get("settings", {}), new.get("settings", {}))),
        *(Change("code", text) for text in _code_changes(old.get("code", {}), new.get("code", {}))),
        *(Change("source", text) for text in _source_changes(old.get("sources", []), new.get("sources", []))),
        *(
            [Change("data", "what it starts from was trained anew, or is another")]
            if old.get("start") != new.get("start")
            else []
        ),
    ]


def _setting_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = dict(_flatten_settings(old)), dict(_flatten_settings(new))
    for name in dict.fromkeys((*after, *before)):
        if name not in before:
            yield f"{name}: now {_show_value(after[name])}, was not there"
        elif name not in after:
            yield f"{name}: no longer there, was {_show_value(before[name])}"
        elif before[name] != after[name]:
            yield f"{name}: {_show_value(before[name])} -> {_show_value(after[name])}"


def _flatten_settings(settings: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted names; a list is one value, and so is an empty mapping."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten_settings(value, f"{parent}{name}.")
        else:
            yield f"{parent}{name}", value


def _show_value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[: MAX_VALUE_LENGTH - 4]} ..."


def _code_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for path in dict.fromkeys((*new, *old)):
        if path not in old:
            yield f"{path} counts now"
        elif path not in new:
            yield f"{path} counts no more"
        elif old[path] != new[path]:
            yield f"{path} was edited"


def _source_changes(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    before, after = ({str(source.get("setting")): source for source in sources} for sources in (old, new))
    for name in dict.fromkeys((*after, *before)):
        if name not in after:
            yield f"{name} names no file any more"
        elif after[name].get("missing"):
            if before.get(name) != after[name]:
                yield f"what {name} names is missing"
        elif name not in before:
            yield f"{name} names a file or folder now"
        elif before[name] != after[name]:
            yield f"what {name} names was edited"
