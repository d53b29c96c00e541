"""Proposals for rows and columns: a table, texts with classes, a series, sequences, or a list of files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipelines.data.wording import format_count, format_list
from pipelines.proposals.columns import (
    ReadColumns,
    column_numbers,
    find_group,
    find_likely_target,
    find_row_time,
    is_called,
    read_columns,
    summarise_columns,
    value_codes,
)
from pipelines.proposals.series import find_time_columns, propose_series
from pipelines.proposals.source_proposal import ColumnRole, SourceProposal, Wishes
from pipelines.runtime.user_error import UserError
from pipelines.sources.audio.decode import RECORDINGS
from pipelines.sources.files.listing import Medium
from pipelines.sources.files.tabular_file import resolve_rows
from pipelines.sources.images.decode import IMAGES
from pipelines.sources.table.load import TableSettings
from pipelines.sources.table.type_inference import distinct_texts
from pipelines.sources.text.load import TextSettings

STEP_WORDS = re.compile("steps?|time|t|frame|index|tick|sample|position")
SPEAKER_WORDS = re.compile("writer|speaker|person|subject|patient|user|author")
MIN_SEQUENCE_ROWS = 3  # rows of a sequence, on average
LISTED_MEDIA = {"images": IMAGES, "audio": RECORDINGS}  # kinds of source that a CSV may list the files of
LISTED_FILES = 20  # cells that are looked at to tell whether a column names files


def propose_rows(path: str, wishes: Wishes) -> SourceProposal:
    """A source for a CSV, TSV, Excel, JSON Lines, Parquet or SQLite file, or for a database.

    Raises:
        UserError: it cannot be read, or nothing in it can be a target.
    """
    found = read_columns(resolve_rows(path), wishes.settings)
    if wishes.target is not None and wishes.target not in found.table.columns:
        shown = format_list(list(found.table.columns), 50)
        raise UserError(f"{path}: there is no column {wishes.target!r} to predict; the columns are {shown}")
    files = _find_file_column(path, found, wishes.kind)
    time = find_time_columns(found)
    if wishes.kind == "series" and time is None:
        raise UserError(f"{path}: no column holds times at equal steps, so this is no series; leave --kind out")
    target_is_number = wishes.target is None or found.types[wishes.target].type == "number"
    if wishes.kind == "series" or (wishes.kind is None and time is not None and target_is_number):
        assert time is not None
        return propose_series(path, found, time, wishes)
    steps = _find_sequence_columns(found)
    target = _choose_target(path, found, wishes)
    if files is not None:
        return _propose_file_list(path, found, files, target)
    if steps is not None and wishes.kind in (None, "sequences") and _is_constant_within(found, steps[0], target):
        return _propose_sequences(path, found, steps, target)
    text = _find_text_column(found, target)
    if wishes.kind == "text" or (wishes.kind is None and text is not None and _is_class(found, target)):
        if text is None:
            raise UserError(f"{path}: no column holds texts of several words; leave --kind out")
        return _propose_texts(path, found, text, target, wishes.settings)
    return _propose_table(path, found, target, wishes.settings)


def _choose_target(path: str, found: ReadColumns, wishes: Wishes) -> str:
    if wishes.target is not None:
        return wishes.target
    columns = summarise_columns(found, {})
    likely, _ = find_likely_target(columns)
    if likely is None:
        raise UserError(f"{path}: no column can be predicted: none holds numbers or classes; name one with --target")
    return wishes.choose_target(columns, likely)


def _propose_table(path: str, found: ReadColumns, target: str, settings: Mapping[str, Any]) -> SourceProposal:
    group, time = find_group(found, target), find_row_time(found, target)
    by = ("group", *group) if group else ("time", *time) if time else None
    source = {
        "kind": "table",
        "path": path,
        "target": target,
        **({"keys": [by[1]]} if by else {}),
        **found.settings,
        **{name: value for name, value in settings.items() if name in TableSettings.model_fields},
    }
    roles: dict[str, ColumnRole] = {target: "target"}
    if group:
        roles[group[0]] = "group"
    elif time:
        roles[time[0]] = "time"
    return SourceProposal(
        source,
        f"a table of {found.row_count:,} rows and {format_count(len(found.table.columns), 'column')}",
        summarise_columns(found, roles),
        split={"by": by[0], by[0]: by[1]} if by else {},
        reasons=(by[2],) if by else (),
    )


def _find_text_column(found: ReadColumns, target: str) -> str | None:
    """The one column of texts, where no other can be an input."""
    inputs = [name for name, one in found.types.items() if name != target and one.type != "id"]
    return inputs[0] if len(inputs) == 1 and found.types[inputs[0]].type == "text" else None


def _is_class(found: ReadColumns, name: str) -> bool:
    return found.types[name].type in ("category", "boolean")


def _propose_texts(
    path: str, found: ReadColumns, text: str, target: str, settings: Mapping[str, Any]
) -> SourceProposal:
    names = list(found.table.columns)
    by_number = found.settings.get("header", settings.get("header", True)) is False
    source = {
        "kind": "text",
        "path": path,
        **{name: value for name, value in found.settings.items() if name in TextSettings.model_fields},
        "target": names.index(target) + 1 if by_number else target,
        "text": names.index(text) + 1 if by_number else text,
        **{name: value for name, value in settings.items() if name in TextSettings.model_fields},
    }
    roles: dict[str, ColumnRole] = {target: "target"}
    summary = f"{found.row_count:,} texts with their classes"
    reasons = ("The first line is a row like the others, so columns are counted from 1.",) if by_number else ()
    return SourceProposal(source, summary, summarise_columns(found, roles), reasons=reasons)


def _find_sequence_columns(found: ReadColumns) -> tuple[str, str] | None:
    """The columns of a sequence's id and of the step within it; None if a row is an example of its own."""
    columns, rows = found.table.columns, found.row_count
    steps = [name for name, one in found.types.items() if one.type == "number" and is_called(name, STEP_WORDS)]
    for step in steps:
        numbers = column_numbers(columns[step], found.decimal)
        for name, column in columns.items():
            if name == step or name not in found.types or (column.codes < 0).any():
                continue
            codes = value_codes(column, found.decimal)
            different = len(np.unique(codes))
            if different < 2 or rows < MIN_SEQUENCE_ROWS * different:
                continue
            if np.unique(np.stack([codes, numbers]), axis=1).shape[1] == rows:
                return name, step
    return None


def _is_constant_within(found: ReadColumns, id: str, target: str) -> bool:
    if id == target:
        return False
    codes = [value_codes(found.table.columns[name], found.decimal) for name in (id, target)]
    return bool(np.unique(np.stack(codes), axis=1).shape[1] == len(np.unique(codes[0])))


def _propose_sequences(path: str, found: ReadColumns, steps: tuple[str, str], target: str) -> SourceProposal:
    id, step = steps
    roles: dict[str, ColumnRole] = {target: "target", id: "group", step: "time"}
    source: dict[str, Any] = {"kind": "sequences", "path": path, "id": id, "step": step, "target": target}
    others = [name for name in found.types if name not in roles]
    values = [name for name in others if found.types[name].type == "number"]
    groups = [name for name in others if is_called(name, SPEAKER_WORDS) and _is_constant_within(found, id, name)]
    if [name for name in others if name not in values]:
        source["columns"] = values
    split: dict[str, Any] = {}
    if groups:
        source["keys"], source["columns"] = groups[:1], [name for name in values if name != groups[0]]
        split = {"by": "group", "group": groups[0]}
        roles[groups[0]] = "group"
    count = len(np.unique(value_codes(found.table.columns[id], found.decimal)))
    reasons = (f"Rows with the same {id} are a sequence in the order of {step}, and {target} is the same in each.",)
    summary = f"{format_count(count, 'sequence')} in {found.row_count:,} rows"
    return SourceProposal(source, summary, summarise_columns(found, roles), split=split, reasons=reasons)


class FileColumn(NamedTuple):
    """A column that names files beside a CSV file."""

    name: str
    kind: str  # of the source that reads them
    medium: Medium


def _find_file_column(path: str, found: ReadColumns, wished: str | None) -> FileColumn | None:
    """The column of names of files beside a CSV file; None if there is none, or another kind of source is wanted."""
    folder = Path(resolve_rows(path)).parent
    for name, column in found.table.columns.items():
        if not column.holds_texts or column.is_typed:
            continue
        cells = distinct_texts(column, slice(LISTED_FILES))
        for kind, medium in LISTED_MEDIA.items():
            if wished in (None, kind) and cells and all(_is_file_of(medium, folder, cell) for cell in cells):
                return FileColumn(name, kind, medium)
    return None


def _is_file_of(medium: Medium, folder: Path, cell: str) -> bool:
    endings = medium.extensions
    names = [cell] if cell.lower().endswith(endings) else [cell + ending for ending in endings]
    return any((folder / name).is_file() for name in names)


def _propose_file_list(path: str, found: ReadColumns, files: FileColumn, target: str) -> SourceProposal:
    roles: dict[str, ColumnRole] = {files.name: "id", target: "target"}
    source = {
        "kind": files.kind,
        "path": path,
        "folder": str(Path(path).parent),
        **({} if files.name == "file" else {"file": files.name}),
        "target": target,
    }
    group = find_group(found, target)
    return SourceProposal(
        source,
        f"a list of {format_count(found.row_count, f'{files.medium.noun} file')}",
        summarise_columns(found, {**roles, **({group[0]: "group"} if group else {})}),
        split={"by": "group", "group": group[0]} if group else {},
        reasons=(f"{files.name} names {files.medium.noun} files beside the list.", *((group[1],) if group else ())),
    )
