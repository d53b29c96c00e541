"""Loader of labelled sequences: .ts, .npz, or CSV with a row per step."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

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
from pipelines.sources.sequences.csv_rows import ColumnRoles, read_sequence_csv
from pipelines.sources.sequences.formats import Sequences, read_npz, read_ts

MAX_SKIPPED_SHARE = 0.5  # share of the sequences that may be unusable
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


class UsableSequences(NamedTuple):
    """Sequences without missing values, and what was done to get them."""

    values: list[NDArray[np.float32]]  # (t, F) each
    rows: NDArray[np.int64]  # which of all sequences they are
    findings: tuple[Finding, ...]


def load_sequences(settings: SequencesSettings) -> Dataset:
    """Read sequences, right-align them to the longest, and say what was wrong with them.

    Raises:
        UserError: if a file breaks its form, the files do not fit each other, or most sequences are unusable.
    """
    paths = [resolve_location(path) for path in (settings.path, settings.test_path) if path]
    sequences = _concatenate_files(paths, [_read_sequence_file(path, settings) for path in paths], settings)
    kind = settings.target_kind or _infer_target_kind(sequences)
    usable = _clean_sequences(paths[0], sequences, kind, settings)
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
    aligned = _right_align(usable.values)
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
    return Dataset(schema, Part((aligned,), values), (), (*sequences.findings, *usable.findings), keys)


def _read_csv_file(path: Path, settings: SequencesSettings) -> Sequences:
    missing = [name for name in ("id", "step", "target") if not getattr(settings, name)]
    if missing:
        raise UserError(f"{path}: a CSV file of sequences needs the settings id, step and target; state {missing[0]}")
    columns = ColumnRoles(settings.id, settings.step, settings.target, settings.columns, settings.keys)
    return read_sequence_csv(path, columns, settings.separator, settings.decimal, settings.encoding)


READERS: dict[str, Callable[[Path, SequencesSettings], Sequences]] = {
    ".ts": lambda path, settings: read_ts(path, settings.encoding),  # UCR and UEA archives
    ".npz": lambda path, settings: read_npz(path),  # arrays x, y and lengths
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


def _clean_sequences(
    path: Path, sequences: Sequences, kind: Literal["category", "number"], settings: SequencesSettings
) -> UsableSequences:
    """Set aside what cannot be used, fill single missing values, and cut what is too long."""
    kept, rows, skipped, filled_counts, truncated_lengths = [], [], [], [], []
    max_steps = settings.longest
    for row, (values, label, position) in enumerate(
        zip(sequences.values, sequences.labels, sequences.positions, strict=True)
    ):
        if labels.is_missing(label, kind):
            skipped.append(f"{position}: its label is missing")
            continue
        if kind == "number" and parse_number(label) is None:
            raise UserError(
                f"{path}: {position}: the target must be a number, found {label[:40]!r}; or target_kind: category"
            )
        there = np.flatnonzero(~np.isnan(values).all(axis=1))
        if not len(there):
            skipped.append(f"{position}: it has no step with a value")
            continue
        values = values[there[0] : there[-1] + 1]  # whole steps that are missing at an end are no steps
        absent = np.isnan(values)
        if absent.all(axis=0).any():
            skipped.append(f"{position}: {sequences.columns[int(np.argmax(absent.all(axis=0)))]} has no value")
            continue
        if absent.any():
            filled_counts.append(int(absent.sum()))
            values = _forward_fill(values)
        if len(values) > max_steps:
            truncated_lengths.append(len(values))
            values = values[-max_steps:]
        kept.append(values.astype(np.float32))
        rows.append(row)
    if not kept or (settings.unusable == "refuse" and len(skipped) > MAX_SKIPPED_SHARE * len(sequences.values)):
        advice = "repair them, or state `unusable: skip`, which leaves them out" if kept else "nothing is left"
        raise UserError(
            f"{path}: {len(skipped)} of {format_count(len(sequences.values), 'sequence')} cannot be used; "
            f"{'; '.join(skipped[:3])}; {advice}"
        )
    lengths = np.array([len(values) for values in kept])
    return UsableSequences(
        kept, np.array(rows), tuple(_cleaning_findings(skipped, filled_counts, truncated_lengths, lengths, max_steps))
    )


def _forward_fill(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give a missing value (t, F) the one before it, and at the beginning the first there is."""
    steps = np.arange(len(values))[:, None]
    missing = np.isnan(values)
    last = np.maximum.accumulate(np.where(missing, -1, steps), axis=0)
    last = np.where(last < 0, np.argmin(missing, axis=0), last)
    return np.take_along_axis(values, last, axis=0)


def _cleaning_findings(
    skipped: list[str],
    filled_counts: list[int],
    truncated_lengths: list[int],
    lengths: NDArray[np.int64],
    max_steps: int,
) -> Iterator[Finding]:
    if skipped:
        first = "; ".join(skipped[:3]) + (" ..." if len(skipped) > 3 else "")
        yield Finding(
            "skipped_sequences",
            "warning",
            len(skipped),
            f"{format_count(len(skipped), 'sequence')} set aside: {first}.",
        )
    if filled_counts:
        sentence = (
            f"{format_count(sum(filled_counts), 'value')} were missing in "
            f"{format_count(len(filled_counts), 'sequence')} and were given the value before them (at the beginning, "
            "the first there is)."
        )
        yield Finding("missing_steps", "notice", len(filled_counts), sentence)
    if truncated_lengths:
        sentence = (
            f"{format_count(len(truncated_lengths), 'sequence')} were longer than {max_steps} steps (up to "
            f"{max(truncated_lengths)}): the last {max_steps} were kept. The setting longest says how many."
        )
        yield Finding("cut", "notice", len(truncated_lengths), sentence)
    single = int((lengths == 1).sum())
    if single:
        yield Finding(
            "single_steps", "notice", single, f"{format_count(single, 'sequence')} of a single step: nothing follows."
        )
    shortest, most = int(lengths.min()), int(lengths.max())
    if shortest == most:
        yield Finding("lengths", "fine", 0, f"Every sequence has {format_count(most, 'step')}.")
    else:
        shorter = int((lengths < most).sum())
        sentence = (
            f"Sequences have {shortest} to {most} steps, half of them {np.median(lengths):g} or fewer; the shorter "
            "ones were filled up in front with steps that networks know to be absent."
        )
        yield Finding("lengths", "notice", shorter, sentence)


def _right_align(values: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Sequences (t, F) as one array (N, T, F) whose last steps are theirs."""
    longest = max(len(each) for each in values)
    aligned = allocate((len(values), longest, values[0].shape[1]), np.float32)
    for row, each in enumerate(values):
        aligned[row, : longest - len(each)] = np.nan
        aligned[row, longest - len(each) :] = each
    return aligned
