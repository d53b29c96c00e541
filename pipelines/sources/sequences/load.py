"""Loader of labelled sequences: .ts, .npz, or CSV with a row per step."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Setting

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.large_arrays import allocate
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import labels
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.packing import inner_path
from pipelines.sources.files.parsing import DecimalMark, parse_number
from pipelines.sources.files.setting_types import ColumnNames
from pipelines.sources.files.skipped import UnusablePolicy
from pipelines.sources.files.unlabelled import UnlabelledPolicy, report_unlabelled
from pipelines.sources.sequences.cleaning import CleaningPolicy, clean_sequences
from pipelines.sources.sequences.csv_rows import ColumnRoles, read_sequence_csv
from pipelines.sources.sequences.formats import Sequences, read_npz, read_ts

FILE_NAME_PATTERN = re.compile(r"\w[\w .-]{0,60}")  # a target is a file, too


class SequencesSettings(BaseModel):
    """`source: {kind: sequences, path: vowels_train.ts, test_path: vowels_test.ts}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["sequences"]
    path: str  # a .ts, .npz, .csv or .tsv file, or its address
    test_path: str | None = None  # the official test part, in a file of its own; then split by: given
    id: str = ""  # of CSV: the column that names the sequence of a row
    step: str = ""  # of CSV: the column with a row's place in its sequence, a number or a time
    target: str = ""  # of CSV: the column with the label
    columns: ColumnNames = ()  # of CSV: the columns with values, all others when absent; of other files: names for them
    keys: ColumnNames = ()  # of CSV: columns that a split goes by, the same in all rows of a sequence
    target_kind: Literal["category", "number"] | None = None  # found in the file when absent
    unusable: UnusablePolicy = "refuse"  # sequences that cannot be used, beyond a half: stop, or leave them out
    unlabelled: UnlabelledPolicy = "skip"  # sequences without a label: leave them out, or keep them for `semi`
    longest: int = Setting(default=512, ge=1)  # steps; of a longer sequence the last ones are kept
    separator: str | None = None
    decimal: DecimalMark = "."
    encoding: str | None = None
    title: str = ""
    origin: str = ""
    licence: str = ""
    unit: str = ""

    @model_validator(mode="after")
    def _check_column_roles(self) -> "SequencesSettings":
        named = [name for name in (self.id, self.step, self.target, *self.columns, *self.keys) if name]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} is named twice among id, step, target, columns and keys")
        return self


def load_sequences(settings: SequencesSettings) -> Dataset:
    """Read sequences, right-align them to the longest, and say what was wrong with them.

    Raises:
        UserError: if a file breaks its form, the files do not fit each other, or most sequences are unusable.
    """
    paths = [resolve_location(path) for path in (settings.path, settings.test_path) if path]
    sequences = _concatenate_files(paths, [_read_sequence_file(path, settings) for path in paths], settings)
    kind = settings.target_kind or _infer_target_kind(sequences)
    policy = CleaningPolicy(settings.longest, settings.unusable, _find_kept_apart(sequences, kind, settings))
    usable = clean_sequences(paths[0], sequences, kind, policy)
    texts = [sequences.labels[row] for row in usable.rows]
    name = (
        settings.target if FILE_NAME_PATTERN.fullmatch(settings.target) and settings.target != "sequence" else "label"
    )
    values: NDArray[Any]
    if kind == "category":
        target, values = labels.category_target(
            _format_whole_numbers(texts) if sequences.has_number_labels else texts, name
        )
    else:
        target, values = labels.number_target(texts, name)
    steps = max(len(each) for each in usable.values)
    aligned = _right_align(usable.values, steps)
    columns, unit = sequences.columns, settings.unit
    input_field = Field(
        name="sequence", kind="steps", dtype="float32", shape=aligned.shape[1:], columns=columns,
        unit=unit if kind == "category" else "",
    )  # fmt: skip
    schema = Schema(
        inputs=(input_field,),
        target=target.model_copy(update={"unit": unit}) if kind == "number" else target,
        title=settings.title or paths[0].stem,
        origin=settings.origin or f"the file {' and '.join(path.name for path in paths)}",
        licence=settings.licence or "not stated",
    )
    keys = {key: each[usable.rows] for key, each in sequences.keys.items()}
    findings = (*sequences.findings, *report_unlabelled(len(usable.unlabelled), "sequence"), *usable.findings)
    unlabelled = (_right_align(usable.unlabelled, steps),) if usable.unlabelled else ()
    return Dataset(schema, Part((aligned,), values), (), findings, keys, unlabelled)


def _find_kept_apart(
    sequences: Sequences, kind: Literal["category", "number"], settings: SequencesSettings
) -> frozenset[int]:
    """The sequences without a label that are kept, by their place; none of those that came as the test part."""
    if settings.unlabelled != "keep":
        return frozenset()
    parts = sequences.keys["part"] if settings.test_path else ["train"] * len(sequences.labels)
    return frozenset(
        row
        for row, (label, part) in enumerate(zip(sequences.labels, parts, strict=True))
        if labels.is_missing(label, kind) and part == "train"
    )


def _read_csv_file(path: Path, settings: SequencesSettings) -> Sequences:
    missing = [name for name in ("id", "step", "target") if not getattr(settings, name)]
    if missing:
        raise UserError(f"{path}: a CSV file of sequences needs the settings id, step and target; state {missing[0]}")
    columns = ColumnRoles(settings.id, settings.step, settings.target, settings.columns, settings.keys)
    return read_sequence_csv(path, columns, settings.separator, settings.decimal, settings.encoding)


READERS: dict[str, Callable[[Path, SequencesSettings], Sequences]] = {
    ".ts": lambda path, settings: read_ts(path, settings.encoding),  # UCR and UEA archives
    ".npz": lambda path, settings: read_npz(  # arrays x, y and lengths
        path, settings.target_kind, keeps_unlabelled=settings.unlabelled == "keep"
    ),
    ".csv": _read_csv_file,  # a row for each step
    ".tsv": _read_csv_file,
    ".txt": _read_csv_file,
}


def _read_sequence_file(path: Path, settings: SequencesSettings) -> Sequences:
    suffix = inner_path(path).suffix.lower()
    if suffix not in READERS:
        raise UserError(f"{path}: sequences are read from {', '.join(READERS)}, found {path.suffix or 'no ending'!r}")
    found = READERS[suffix](path, settings)
    if settings.columns and len(settings.columns) != len(found.columns):
        raise UserError(f"{path}: columns names {len(settings.columns)} variables, found {len(found.columns)}")
    return found._replace(columns=settings.columns or found.columns)


def _concatenate_files(paths: list[Path], files: list[Sequences], settings: SequencesSettings) -> Sequences:
    """All files as one, with a key that says which part each sequence came in."""
    first = files[0]
    if len(files) == 1:
        return first
    second = files[1]
    if first.columns != second.columns:
        raise UserError(
            f"{paths[1]}: its variables ({len(second.columns)}: {', '.join(second.columns[:5])}) must be those of "
            f"{paths[0]} ({len(first.columns)}: {', '.join(first.columns[:5])})"
        )
    if first.has_number_labels != second.has_number_labels:
        raise UserError(f"{paths[1]}: its target must be of the kind that {paths[0]} has, a class or a number")
    shared = first.keys.keys() & second.keys.keys()
    keys: dict[str, NDArray[Any]] = {}
    for name in sorted(shared):
        one, other = first.keys[name], second.keys[name]
        same = one.dtype.kind == other.dtype.kind
        keys[name] = np.concatenate([one, other] if same else [one.astype(str), other.astype(str)])
    keys["part"] = np.array(["train"] * len(first.labels) + ["test"] * len(second.labels))
    findings = [*first.findings, *second.findings]
    if settings.id in shared:
        both = np.intersect1d(first.keys[settings.id].astype(str), second.keys[settings.id].astype(str))
        if len(both):
            sentence = (
                f"{format_count(len(both), 'id')} are in both files ({both[0]}): they were taken for different "
                "sequences."
            )
            findings.append(Finding("repeated_ids", "warning", len(both), sentence))
    return Sequences(
        [*first.values, *second.values],
        [*first.labels, *second.labels],
        first.has_number_labels,
        first.columns,
        [*first.positions, *second.positions],
        keys,
        tuple(findings),
    )


def _infer_target_kind(sequences: Sequences) -> Literal["category", "number"]:
    """What the file says the target is; in CSV, fractions are numbers, and whole numbers and texts are classes."""
    if sequences.has_number_labels is not None:
        return "number" if sequences.has_number_labels else "category"
    found = [parse_number(text) for text in sequences.labels if text]
    fractions = any(each is not None and each % 1 not in (0, math.nan) for each in found)
    return "number" if fractions and None not in found else "category"


def _format_whole_numbers(texts: list[str]) -> list[str]:
    """Classes that were stored as floats, without the point: 1.0 -> 1."""
    return [f"{float(text):g}" for text in texts]


def _right_align(values: list[NDArray[np.float32]], steps: int) -> NDArray[np.float32]:
    """Sequences (t, F) as one array (N, T, F) whose last steps are theirs; of longer ones than T, the last are kept."""
    aligned = allocate((len(values), steps, values[0].shape[1]), np.float32)
    for row, each in enumerate(values):
        each = each[-steps:]
        aligned[row, : steps - len(each)] = np.nan
        aligned[row, steps - len(each) :] = each
    return aligned
