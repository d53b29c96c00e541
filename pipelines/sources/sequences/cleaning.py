"""Cleaning of sequences: what cannot be used is set aside, gaps are filled, and what is too long is cut."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import labels
from pipelines.sources.files.parsing import parse_number
from pipelines.sources.files.skipped import UnusablePolicy
from pipelines.sources.sequences.formats import Sequences

MAX_SKIPPED_SHARE = 0.5  # share of the sequences that may be unusable


class CleaningPolicy(NamedTuple):
    """What is done with sequences that cannot be used as they are."""

    longest: int  # steps; of a longer sequence the last ones are kept
    unusable: UnusablePolicy  # sequences that cannot be used, beyond a half: stop, or leave them out
    kept_apart: frozenset[int]  # which of those without a label are kept nevertheless


class UsableSequences(NamedTuple):
    """Sequences without missing values, and what was done to get them."""

    values: list[NDArray[np.float32]]  # (t, F) each
    rows: NDArray[np.int64]  # which of all sequences they are
    unlabelled: list[NDArray[np.float32]]  # (t, F) each, of those without a label that are kept
    findings: tuple[Finding, ...]


def clean_sequences(
    path: Path, sequences: Sequences, kind: Literal["category", "number"], policy: CleaningPolicy
) -> UsableSequences:
    """Set aside what cannot be used, fill single missing values, and cut what is too long.

    Raises:
        UserError: a label is no number where numbers are learned, or too many sequences cannot be used.
    """
    kept: list[NDArray[np.float32]] = []
    unlabelled: list[NDArray[np.float32]] = []
    rows, skipped, filled_counts, truncated_lengths = [], [], [], []
    max_steps = policy.longest
    for row, (values, label, position) in enumerate(
        zip(sequences.values, sequences.labels, sequences.positions, strict=True)
    ):
        is_apart = row in policy.kept_apart
        if labels.is_missing(label, kind) and not is_apart:
            skipped.append(f"{position}: its label is missing")
            continue
        if not is_apart and kind == "number" and parse_number(label) is None:
            raise UserError(
                f"{path}: {position}: the target must be a number, found {label[:40]!r}; or target_kind: category"
            )
        usable = _fill_gaps(values, sequences.columns)
        if isinstance(usable, str):
            skipped.append(f"{position}: {usable}")
            continue
        values, filled = usable
        if filled:
            filled_counts.append(filled)
        if len(values) > max_steps:
            truncated_lengths.append(len(values))
            values = values[-max_steps:]
        (unlabelled if is_apart else kept).append(values.astype(np.float32))
        if not is_apart:
            rows.append(row)
    _check_enough(path, kept, unlabelled, skipped, policy, len(sequences.values))
    lengths = np.array([len(values) for values in kept])
    findings = _cleaning_findings(skipped, filled_counts, truncated_lengths, lengths, max_steps)
    return UsableSequences(kept, np.array(rows), unlabelled, tuple(findings))


def _fill_gaps(values: NDArray[np.float64], columns: Sequence[str]) -> tuple[NDArray[np.float64], int] | str:
    """A sequence (t, F) without gaps and how many values were filled in, or why it cannot be used."""
    there = np.flatnonzero(~np.isnan(values).all(axis=1))
    if not len(there):
        return "it has no step with a value"
    values = values[there[0] : there[-1] + 1]  # whole steps that are missing at an end are no steps
    absent = np.isnan(values)
    if absent.all(axis=0).any():
        return f"{columns[int(np.argmax(absent.all(axis=0)))]} has no value"
    return (_forward_fill(values) if absent.any() else values), int(absent.sum())


def _check_enough(
    path: Path,
    kept: list[NDArray[np.float32]],
    unlabelled: list[NDArray[np.float32]],
    skipped: list[str],
    policy: CleaningPolicy,
    total: int,
) -> None:
    if unlabelled and not kept:
        raise UserError(f"{path}: not one sequence that can be used has a label; add some")
    if not kept or (policy.unusable == "refuse" and len(skipped) > MAX_SKIPPED_SHARE * total):
        advice = "repair them, or state `unusable: skip`, which leaves them out" if kept else "nothing is left"
        raise UserError(
            f"{path}: {len(skipped)} of {format_count(total, 'sequence')} cannot be used; "
            f"{'; '.join(skipped[:3])}; {advice}"
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
