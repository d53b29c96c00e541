"""Labelled sequences from a CSV file with a row per step."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import labels
from pipelines.sources.files.csv_cells import CsvFormat
from pipelines.sources.files.csv_table import CsvTable, read_csv
from pipelines.sources.files.parsing import MISSING_MARKS, DecimalMark, parse_datetime, parse_number, parse_value
from pipelines.sources.sequences.formats import Sequences


class ColumnRoles(NamedTuple):
    """Which columns of a CSV file are what."""

    id: str  # rows with the same id are a sequence
    step: str  # their order
    target: str
    variables: tuple[str, ...]  # all others if empty
    keys: tuple[str, ...]


def read_sequence_csv(
    path: Path, columns: ColumnRoles, separator: str | None, decimal: DecimalMark, encoding: str | None
) -> Sequences:
    """Read a CSV file with a row for each step of each sequence.

    Raises:
        UserError: if a cell is missing where it may not be, a step repeats, or a sequence has two labels or two keys.
    """
    cells = read_csv(CsvFormat(path, separator, encoding))
    role_columns = (columns.id, columns.step, columns.target, *columns.keys)
    for name in (*role_columns, *columns.variables):
        if name not in cells.names:
            raise UserError(
                f"{path}: there is no column {name!r}; found: {', '.join(cells.names)}; name these in id, step, "
                "target, columns and keys"
            )
    variables = columns.variables or tuple(name for name in cells.names if name not in role_columns)
    if not variables:
        raise UserError(f"{path}: beside {', '.join(role_columns)} there is no column with values; add one")
    rows_by_id = _group_rows_by_id(path, cells, columns.id)
    sorted_rows, reordered_count = _sort_rows_by_step(path, cells, rows_by_id, columns)
    texts = {name: cells.column_texts(name) for name in variables}
    values = [_sequence_values(path, cells, texts, rows, decimal) for rows in sorted_rows]
    constant_values = {
        name: _constant_values(path, cells, list(rows_by_id.values()), name) for name in role_columns[2:]
    }
    sentence = (
        f"The rows of {format_count(reordered_count, 'sequence')} were not in the order of {columns.step}: they were "
        "sorted."
    )
    findings = (Finding("order_of_steps", "notice", reordered_count, sentence),) if reordered_count else ()
    keys = {
        columns.id: labels.parse_split_key(list(rows_by_id)),
        **{name: labels.parse_split_key(constant_values[name]) for name in columns.keys},
    }
    positions = [f"{path.name}, {columns.id} {name}" for name in rows_by_id]
    return Sequences(values, constant_values[columns.target], None, variables, positions, keys, findings)


def _group_rows_by_id(path: Path, cells: CsvTable, name: str) -> dict[str, list[int]]:
    """The rows of every sequence by its id."""
    rows_by_id: dict[str, list[int]] = {}
    for row, cell in enumerate(cells.column_texts(name)):
        text = cell.strip()
        if text in MISSING_MARKS:
            raise UserError(f"{path}, line {cells.line_numbers[row]}: {name} is empty; say whose step this is")
        rows_by_id.setdefault(text, []).append(row)
    return rows_by_id


def _sort_rows_by_step(
    path: Path, cells: CsvTable, rows_by_id: dict[str, list[int]], columns: ColumnRoles
) -> tuple[list[list[int]], int]:
    """The rows of every sequence in the order of its steps, and how many sequences had to be sorted."""
    order = _parse_steps(path, cells, columns)
    sorted_rows = [sorted(rows, key=order.__getitem__) for rows in rows_by_id.values()]
    for name, rows in zip(rows_by_id, sorted_rows, strict=True):
        for one, other in pairwise(rows):
            if order[one] == order[other]:
                raise UserError(
                    f"{path}: lines {cells.line_numbers[one]} and {cells.line_numbers[other]} are both step "
                    f"{cells.column_texts(columns.step)[one]} of {name}; take one out"
                )
    return sorted_rows, sum(rows != before for rows, before in zip(sorted_rows, rows_by_id.values(), strict=True))


def _parse_steps(path: Path, cells: CsvTable, columns: ColumnRoles) -> list[float]:
    """The step of every row as a number; of times, microseconds."""
    order = []
    kinds = set()
    for line, text in zip(cells.line_numbers, cells.column_texts(columns.step), strict=True):
        found, when = parse_number(text), parse_datetime(text)
        if when is not None and found is None:
            found = float(when.astype(np.int64))
        if found is None or found != found:
            raise UserError(f"{path}, line {line}: {columns.step} must be a number or a time, found {text!r}")
        kinds.add(when is not None)
        if len(kinds) > 1:
            raise UserError(f"{path}, line {line}: {columns.step} is {text!r}, but other rows mix numbers and times")
        order.append(found)
    return order


def _sequence_values(
    path: Path, cells: CsvTable, texts: dict[str, list[str]], rows: list[int], decimal: DecimalMark
) -> NDArray[np.float64]:
    return np.array(
        [
            [parse_value(path, cells.line_numbers[row], name, column[row], decimal) for name, column in texts.items()]
            for row in rows
        ]
    )


def _constant_values(path: Path, cells: CsvTable, rows_by_sequence: list[list[int]], name: str) -> list[str]:
    texts = [text.strip() for text in cells.column_texts(name)]
    return [_constant_value(path, cells, texts, rows, name) for rows in rows_by_sequence]


def _constant_value(path: Path, cells: CsvTable, texts: list[str], rows: list[int], name: str) -> str:
    """The text that a column has in all rows of a sequence; empty cells agree with everything."""
    line_of_value: dict[str, int] = {}
    for row in rows:
        if text := texts[row]:
            line_of_value.setdefault(text, cells.line_numbers[row])
    if len(line_of_value) > 1:
        (one, first), (other, second) = list(line_of_value.items())[:2]
        raise UserError(
            f"{path}: a sequence has one {name}, but line {first} says {one!r} and line {second} says {other!r}; "
            "correct one, or give them different ids"
        )
    return next(iter(line_of_value), "")
