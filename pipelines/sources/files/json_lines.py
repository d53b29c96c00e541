"""JSON Lines: an object a line, whose names are the columns. https://jsonlines.org"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.encoding import read_text
from pipelines.sources.files.typed_table import TypedRow, TypedTable, build_typed_table

JSON_LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})


def read_json_lines(path: Path, encoding: str | None) -> TypedTable:
    """Read a file with an object on each line; a name that a line lacks is a missing cell, as null is.

    Raises:
        UserError: the file cannot be read, or a line is no object, or has a name twice.
    """
    text = read_text(path, encoding)
    line_count = text.count("\n") + 1
    names: dict[str, None] = {}
    for _, row in show_progress(_iterate_objects(path, text), "line looked at", line_count):
        names.update(dict.fromkeys(row))
    rows = (TypedRow(line, [row.get(name) for name in names]) for line, row in _iterate_objects(path, text))
    return build_typed_table(str(path), list(names), rows, "line", line_count)


def _iterate_objects(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            yield line, _parse_object(f"{path}, line {line}", content)


def _parse_object(where: str, content: str) -> dict[str, Any]:
    try:
        found = json.loads(content, object_pairs_hook=lambda pairs: _unique_names(where, pairs))
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "a number or a nesting that is too long"
        raise UserError(
            f"{where}: is no JSON ({what}); JSON Lines have a whole object on each line, and no comma behind it"
        ) from None
    if isinstance(found, dict):
        return found
    raise UserError(
        f'{where}: must be an object such as {{"age": 31, "paid": true}}, found {content.strip()[:60]!r}; write a '
        "list of objects as one object a line"
    )


def _unique_names(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{where}: has the name {twice!r} twice; keep one of them")
    return found
