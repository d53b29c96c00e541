"""YAML lines: entries of params.yaml as a person writes them, with short settings on one line."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

INDENT = 2  # spaces of a level
MAX_WIDTH = 116  # characters of a line, beyond which settings stand one below the other
PLAIN_TEXT = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")


def format_entry(name: str, settings: Mapping[str, Any], indent: int, comment: str = "") -> list[str]:
    """The lines of an entry: on one line if it is short and has no comment, else a line for each setting.

    Args:
        name: its key.
        settings: plain values.
        indent: spaces in front of the key.
        comment: stands behind the key.
    """
    margin, key = " " * indent, format_value(name)
    whole = f"{margin}{key}: {format_value(settings)}"
    if not comment and len(whole) <= MAX_WIDTH:
        return [whole]
    lines = [f"{margin}{key}:{f'  # {_clean_comment(comment)}' if comment else ''}"]
    for setting, value in settings.items():
        lines += _format_setting(setting, value, indent + INDENT)
    return lines


def _format_setting(name: str, value: Any, indent: int) -> list[str]:
    whole = f"{' ' * indent}{format_value(name)}: {format_value(value)}"
    if len(whole) <= MAX_WIDTH or not isinstance(value, Mapping) or not value:
        return [whole]
    lines = [f"{' ' * indent}{format_value(name)}:"]
    for inner, one in value.items():
        lines += _format_setting(inner, one, indent + INDENT)
    return lines


def format_value(value: Any) -> str:
    """A value on one line, which reads back as the same value."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{format_value(name)}: {format_value(one)}' for name, one in value.items())}}}"
    if isinstance(value, str):
        return value if _reads_back(value) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(format_value, value))}]"
    return json.dumps(value)


def _reads_back(text: str) -> bool:
    """Whether a text needs no quotes: it is no number, no date and no word that means something to YAML."""
    return bool(PLAIN_TEXT.fullmatch(text)) and YAML(typ="safe").load(text) == text


def _clean_comment(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
