"""Labelled sequences: a recording, a stroke or a stay, each with its class or number."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Setting

from pipelines.data.dataset import Data, Finding
from pipelines.data.large_arrays import room
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import Failure
from pipelines.sources.files import labels
from pipelines.sources.files.downloads import local
from pipelines.sources.files.parsing import Decimal, Names, many, number
from pipelines.sources.sequences.csv_rows import RowColumns, read_rows
from pipelines.sources.sequences.formats import Sequences, read_npz, read_ts

MOST_ASIDE = 0.5  # share of the sequences that may be unusable
FILE_NAME = re.compile(r"\w[\w .-]{0,60}")  # a target is a file, too


class SequencesSettings(BaseModel):
    """`source: {kind: sequences, path: vowels_train.ts, test_path: vowels_test.ts}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["sequences"]
    path: str  # a .ts, .npz, .csv or .tsv file, or its address
    test_path: str | None = None  # the official test part, in a file of its own; then split by: given
    id: str = ""  # of CSV: the column that names the sequence of a row
    step: str = ""  # of CSV: the column with a row's place in its sequence, a number or a time
    target: str = ""  # of CSV: the column with the label
    columns: Names = ()  # of CSV: the columns with values, all others if not said; of other files: names for them
    keys: Names = ()  # of CSV: columns that a split goes by, the same in all rows of a sequence
    target_kind: Literal["category", "number"] | None = None  # found in the file when absent
    longest: int = Setting(default=512, ge=1)  # steps; of a longer sequence the last ones are kept
    separator: str | None = None
    decimal: Decimal = "."
    encoding: str | None = None
    title: str = ""
    origin: str = ""
    licence: str = ""
    unit: str = ""

    @model_validator(mode="after")
    def _columns_have_one_role(self) -> "SequencesSettings":
        named = [name for name in (self.id, self.step, self.target, *self.columns, *self.keys) if name]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} is named twice among id, step, target, columns and keys")
        return self


class Usable(NamedTuple):
    """Sequences without missing values, and what was done to get them."""

    values: list[NDArray[np.float32]]  # (t, F) each
    rows: NDArray[np.int64]  # which of all sequences they are
    findings: tuple[Finding, ...]


def load(settings: SequencesSettings) -> Data:
    """Read sequences, right-align them to the longest, and say what was wrong with them.

    Raises:
        Failure: if a file breaks its form, the files do not fit each other, or most sequences are unusable.
    """
    paths = [local(path) for path in (settings.path, settings.test_path) if path]
    everything = _joined(paths, [_read(path, settings) for path in paths], settings)
    kind = settings.target_kind or _kind(everything)
    usable = _usable(paths[0], everything, kind, settings.longest)
    texts = [everything.labels[row] for row in usable.rows]
    name = settings.target if FILE_NAME.fullmatch(settings.target) and settings.target != "sequence" else "label"
    values: NDArray[Any]
    if kind == "category":
        target, values = labels.categories(_whole(texts) if everything.numbers else texts, name)
    else:
        target, values = labels.numbers(texts, name)
    aligned = _aligned(usable.values)
    columns, unit = everything.columns, settings.unit
    asked = Field(
        name="sequence", kind="steps", dtype="float32", shape=aligned.shape[1:], columns=columns,
        unit=unit if kind == "category" else "",
    )  # fmt: skip
    schema = Schema(
        inputs=(asked,),
        target=target.model_copy(update={"unit": unit}) if kind == "number" else target,
        title=settings.title or paths[0].stem,
        origin=settings.origin or f"the file {' and '.join(path.name for path in paths)}",
        licence=settings.licence or "not stated",
    )
    keys = {key: each[usable.rows] for key, each in everything.keys.items()}
    return Data(schema, Part((aligned,), values), (), (*everything.findings, *usable.findings), keys)


def _rows(path: Path, settings: SequencesSettings) -> Sequences:
    missing = [name for name in ("id", "step", "target") if not getattr(settings, name)]
    if missing:
        raise Failure(f"{path}: a CSV file of sequences needs the settings id, step and target; state {missing[0]}")
    columns = RowColumns(settings.id, settings.step, settings.target, settings.columns, settings.keys)
    return read_rows(path, columns, settings.separator, settings.decimal, settings.encoding)


READERS: dict[str, Callable[[Path, SequencesSettings], Sequences]] = {
    ".ts": lambda path, settings: read_ts(path, settings.encoding),  # UCR and UEA archives
    ".npz": lambda path, settings: read_npz(path),  # arrays x, y and lengths
    ".csv": _rows,  # a row for each step
    ".tsv": _rows,
    ".txt": _rows,
}


def _read(path: Path, settings: SequencesSettings) -> Sequences:
    if path.suffix.lower() not in READERS:
        raise Failure(f"{path}: sequences are read from {', '.join(READERS)}, found {path.suffix or 'no ending'!r}")
    found = READERS[path.suffix.lower()](path, settings)
    if settings.columns and len(settings.columns) != len(found.columns):
        raise Failure(f"{path}: columns names {len(settings.columns)} variables, found {len(found.columns)}")
    return found._replace(columns=settings.columns or found.columns)


def _joined(paths: list[Path], files: list[Sequences], settings: SequencesSettings) -> Sequences:
    """All files as one, with a key that says which part each sequence came in."""
    first = files[0]
    if len(files) == 1:
        return first
    second = files[1]
    if first.columns != second.columns:
        raise Failure(
            f"{paths[1]}: its variables ({len(second.columns)}: {', '.join(second.columns[:5])}) must be those of "
            f"{paths[0]} ({len(first.columns)}: {', '.join(first.columns[:5])})"
        )
    if first.numbers != second.numbers:
        raise Failure(f"{paths[1]}: its target must be of the kind that {paths[0]} has, a class or a number")
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
                f"{many(len(both), 'id')} are in both files ({both[0]}): they were taken for different sequences."
            )
            findings.append(Finding("repeated_ids", "warning", len(both), sentence))
    return Sequences(
        [*first.values, *second.values],
        [*first.labels, *second.labels],
        first.numbers,
        first.columns,
        [*first.places, *second.places],
        keys,
        tuple(findings),
    )


def _kind(everything: Sequences) -> Literal["category", "number"]:
    """What the file says the target is; in CSV, fractions are numbers, and whole numbers and texts are classes."""
    if everything.numbers is not None:
        return "number" if everything.numbers else "category"
    found = [number(text) for text in everything.labels if text]
    fractions = any(each is not None and each % 1 not in (0, math.nan) for each in found)
    return "number" if fractions and None not in found else "category"


def _whole(texts: list[str]) -> list[str]:
    """Classes that were stored as floats, without the point: 1.0 -> 1."""
    return [f"{float(text):g}" for text in texts]


def _usable(path: Path, everything: Sequences, kind: Literal["category", "number"], longest: int) -> Usable:
    """Set aside what cannot be used, fill single missing values, and cut what is too long."""
    kept, rows, aside, filled, cut = [], [], [], [], []
    for row, (values, label, place) in enumerate(
        zip(everything.values, everything.labels, everything.places, strict=True)
    ):
        if labels.is_missing(label, kind):
            aside.append(f"{place}: its label is missing")
            continue
        if kind == "number" and number(label) is None:
            raise Failure(
                f"{path}: {place}: the target must be a number, found {label[:40]!r}; or target_kind: category"
            )
        there = np.flatnonzero(~np.isnan(values).all(axis=1))
        if not len(there):
            aside.append(f"{place}: it has no step with a value")
            continue
        values = values[there[0] : there[-1] + 1]  # whole steps that are missing at an end are no steps
        absent = np.isnan(values)
        if absent.all(axis=0).any():
            aside.append(f"{place}: {everything.columns[int(np.argmax(absent.all(axis=0)))]} has no value")
            continue
        if absent.any():
            filled.append(int(absent.sum()))
            values = _carried(values)
        if len(values) > longest:
            cut.append(len(values))
            values = values[-longest:]
        kept.append(values.astype(np.float32))
        rows.append(row)
    if len(aside) > MOST_ASIDE * len(everything.values) or not kept:
        raise Failure(
            f"{path}: {len(aside)} of {many(len(everything.values), 'sequence')} cannot be used; {'; '.join(aside[:3])}"
        )
    lengths = np.array([len(values) for values in kept])
    return Usable(kept, np.array(rows), tuple(_told(aside, filled, cut, lengths, longest)))


def _carried(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give a missing value (t, F) the one before it, and at the beginning the first there is."""
    steps = np.arange(len(values))[:, None]
    missing = np.isnan(values)
    last = np.maximum.accumulate(np.where(missing, -1, steps), axis=0)
    last = np.where(last < 0, np.argmin(missing, axis=0), last)
    return np.take_along_axis(values, last, axis=0)


def _told(
    aside: list[str], filled: list[int], cut: list[int], lengths: NDArray[np.int64], longest: int
) -> Iterator[Finding]:
    if aside:
        first = "; ".join(aside[:3]) + (" ..." if len(aside) > 3 else "")
        yield Finding("unusable", "warning", len(aside), f"{many(len(aside), 'sequence')} set aside: {first}.")
    if filled:
        sentence = (
            f"{many(sum(filled), 'value')} were missing in {many(len(filled), 'sequence')} and were given the value "
            "before them (at the beginning, the first there is)."
        )
        yield Finding("missing_steps", "notice", len(filled), sentence)
    if cut:
        sentence = (
            f"{many(len(cut), 'sequence')} were longer than {longest} steps (up to {max(cut)}): the last {longest} "
            "were kept. The setting longest says how many."
        )
        yield Finding("cut", "notice", len(cut), sentence)
    single = int((lengths == 1).sum())
    if single:
        yield Finding(
            "single_steps", "notice", single, f"{many(single, 'sequence')} of a single step: nothing follows."
        )
    shortest, most = int(lengths.min()), int(lengths.max())
    if shortest == most:
        yield Finding("lengths", "fine", 0, f"Every sequence has {many(most, 'step')}.")
    else:
        shorter = int((lengths < most).sum())
        sentence = (
            f"Sequences have {shortest} to {most} steps, half of them {np.median(lengths):g} or fewer; the shorter "
            "ones were filled up in front with steps that networks know to be absent."
        )
        yield Finding("lengths", "notice", shorter, sentence)


def _aligned(values: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Sequences (t, F) as one array (N, T, F) whose last steps are theirs."""
    longest = max(len(each) for each in values)
    aligned = room((len(values), longest, values[0].shape[1]), np.float32)
    for row, each in enumerate(values):
        aligned[row, : longest - len(each)] = np.nan
        aligned[row, longest - len(each) :] = each
    return aligned
