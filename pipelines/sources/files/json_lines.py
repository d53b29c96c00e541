"""JSON Lines: an object a line, whose names are the columns. https://jsonlines.org"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.encoding import iterate_lines
from pipelines.sources.files.typed_blocks import TypedColumns, split_blocks
from pipelines.sources.files.typed_table import TypedTable

JSON_LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})


class _DoubledName(Exception):
    """An object has a name twice."""


def read_json_lines(path: Path, encoding: str | None) -> TypedTable:
    """Read a file with an object on each line, a block of lines at a time.

    A name that a line lacks is a missing cell, as null is.

    Raises:
        UserError: the file cannot be read, or a line is no object, or has a name twice.
    """
    lines, line_count = iterate_lines(path, encoding)
    columns, names = TypedColumns(str(path), "line"), dict[str, None]()
    for block in split_blocks(_iterate_objects(path, lines), line_count):
        known = len(names)
        for _, row in block:
            names.update(dict.fromkeys(row))
        if len(names) > known:
            columns.add_names(list(names))
        cells = {place: [row.get(name) for _, row in block] for place, name in enumerate(names)}
        columns.add([line for line, _ in block], cells)
    return columns.build()


def _iterate_objects(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(lines, start=1):
        if content.strip():
            yield line, _parse_object(f"{path}, line {line}", content)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DoubledName(next(name for name in names if names.count(name) > 1))
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_unique_names)


def _parse_object(where: str, content: str) -> dict[str, Any]:
    try:
        found = DECODER.decode(content)
    except _DoubledName as error:
        raise UserError(f"{where}: has the name {error.args[0]!r} twice; keep one of them") from None
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
