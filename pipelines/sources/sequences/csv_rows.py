"""Labelled sequences in a CSV file, a row for each step."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.runtime.user_error import Failure
from pipelines.sources.files import labels
from pipelines.sources.files.csv_cells import Cells, read_cells
from pipelines.sources.files.parsing import MISSING, Decimal, many, moment, number, value_of
from pipelines.sources.sequences.formats import Sequences


class RowColumns(NamedTuple):
    """Which columns of a CSV file are what."""

    id: str  # rows with the same id are a sequence
    step: str  # their order
    target: str
    variables: tuple[str, ...]  # all others if empty
    keys: tuple[str, ...]


def read_rows(
    path: Path, columns: RowColumns, separator: str | None, decimal: Decimal, encoding: str | None
) -> Sequences:
    """Read a CSV file with a row for each step of each sequence.

    Raises:
        Failure: if a cell is missing where it may not be, a step repeats, or a sequence has two labels or two keys.
    """
    cells = read_cells(path, separator=separator, encoding=encoding)
    fixed = (columns.id, columns.step, columns.target, *columns.keys)
    for name in (*fixed, *columns.variables):
        if name not in cells.names:
            raise Failure(f"{path}: there is no column {name!r}; found: {', '.join(cells.names)}")
    variables = columns.variables or tuple(name for name in cells.names if name not in fixed)
    if not variables:
        raise Failure(f"{path}: beside {', '.join(fixed)} there is no column with values; add one")
    members = _members(path, cells, columns.id)
    in_time, moved = _in_time(path, cells, members, columns)
    values = [_row_values(path, cells, rows, variables, decimal) for rows in in_time]
    constant = {name: [_only(path, cells, rows, name) for rows in members.values()] for name in fixed[2:]}
    sentence = f"The rows of {many(moved, 'sequence')} were not in the order of {columns.step}: they were sorted."
    findings = (Finding("order_of_steps", "notice", moved, sentence),) if moved else ()
    keys = {columns.id: labels.key(list(members)), **{name: labels.key(constant[name]) for name in columns.keys}}
    places = [f"{path.name}, {columns.id} {name}" for name in members]
    return Sequences(values, constant[columns.target], None, variables, places, keys, findings)


def _members(path: Path, cells: Cells, name: str) -> dict[str, list[int]]:
    """The rows of every sequence by its id."""
    members: dict[str, list[int]] = {}
    place = cells.names.index(name)
    for row, line in enumerate(cells.rows):
        text = line[place].strip()
        if text in MISSING:
            raise Failure(f"{path}, line {cells.first_line[row]}: {name} is empty; say whose step this is")
        members.setdefault(text, []).append(row)
    return members


def _in_time(
    path: Path, cells: Cells, members: dict[str, list[int]], columns: RowColumns
) -> tuple[list[list[int]], int]:
    """The rows of every sequence in the order of its steps, and how many sequences had to be sorted."""
    order = _order(path, cells, columns)
    place = cells.names.index(columns.step)
    in_time = [sorted(rows, key=order.__getitem__) for rows in members.values()]
    for name, rows in zip(members, in_time, strict=True):
        for one, other in pairwise(rows):
            if order[one] == order[other]:
                raise Failure(
                    f"{path}: lines {cells.first_line[one]} and {cells.first_line[other]} are both step "
                    f"{cells.rows[one][place]} of {name}; take one out"
                )
    return in_time, sum(rows != before for rows, before in zip(in_time, members.values(), strict=True))


def _order(path: Path, cells: Cells, columns: RowColumns) -> list[float]:
    """The step of every row as a number; of times, microseconds."""
    place = cells.names.index(columns.step)
    order = []
    kinds = set()
    for row, line in zip(cells.first_line, cells.rows, strict=True):
        text = line[place]
        found, when = number(text), moment(text)
        if when is not None and found is None:
            found = float(when.astype(np.int64))
        if found is None or found != found:
            raise Failure(f"{path}, line {row}: {columns.step} must be a number or a time, found {text!r}")
        kinds.add(when is not None)
        if len(kinds) > 1:
            raise Failure(f"{path}, line {row}: {columns.step} is {text!r}, but other rows mix numbers and times")
        order.append(found)
    return order


def _row_values(
    path: Path, cells: Cells, rows: list[int], variables: tuple[str, ...], decimal: Decimal
) -> NDArray[np.float64]:
    places = [(name, cells.names.index(name)) for name in variables]
    return np.array(
        [
            [value_of(path, cells.first_line[row], name, cells.rows[row][place], decimal) for name, place in places]
            for row in rows
        ]
    )


def _only(path: Path, cells: Cells, rows: list[int], name: str) -> str:
    """What all rows of a sequence say in a column; empty cells agree with everything."""
    place = cells.names.index(name)
    said: dict[str, int] = {}
    for row in rows:
        text = cells.rows[row][place].strip()
        if text:
            said.setdefault(text, cells.first_line[row])
    if len(said) > 1:
        (one, first), (other, second) = list(said.items())[:2]
        raise Failure(
            f"{path}: a sequence has one {name}, but line {first} says {one!r} and line {second} says {other!r}; "
            "correct one, or give them different ids"
        )
    return next(iter(said), "")
