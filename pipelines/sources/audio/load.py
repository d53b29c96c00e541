"""Loader of recordings: a folder for every class, names that say the class, or a CSV list of files."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_validator
from pydantic import Field as Setting

from pipelines.data.audio import NO_SAMPLE
from pipelines.data.dataset import Dataset, Finding
from pipelines.data.large_arrays import allocate, release_pages
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.wording import format_count, format_list
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.audio.decode import RECORDINGS, RecordingHeader, decode_recording, read_recording_header
from pipelines.sources.files import labels
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.listing import (
    Listing,
    find_lost_classes,
    list_class_folders,
    list_csv_files,
    list_medium_files,
    parse_targets,
    require_targets,
)
from pipelines.sources.files.skipped import Skipped, UnreadableFile, UnusablePolicy, report_skipped
from pipelines.sources.files.unlabelled import UnlabelledPolicy, report_unlabelled

MAX_DEFAULT_RATE = 16_000  # samples per second, which speech is understood at
MAX_DEFAULT_SECONDS = 10.0
MIN_SECONDS = 0.05  # so that there are a few frames
FILES_PER_RELEASE = 256  # recordings, after which the memory of those that are written is given back
MAX_LISTED = 5


class AudioSettings(BaseModel):
    """`source: {kind: audio, path: words}`, or `{kind: audio, path: list.csv, folder: words, target: word}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["audio"]
    path: str  # a folder with one folder per class, or a CSV that names files
    rate: int | None = Setting(default=None, ge=1000, le=48_000)  # samples per second; the commonest, at most 16,000
    seconds: float | None = Setting(default=None, gt=0, le=600)  # that are kept of a recording; the longest, at most 10
    label: str | None = None  # a pattern with a group that finds the class in a file's name, instead of its folder
    speaker: str | None = None  # a pattern with a group that finds who speaks in a file's name: a key, `speaker`
    file: str = "file"  # CSV: the column that names files
    target: str | None = None  # CSV: the column to be learned
    target_kind: Literal["number", "category"] | None = None  # CSV: numbers if all cells are, when absent
    folder: str | None = None  # CSV: the folder that its names start from; what lies in there is watched for changes
    unusable: UnusablePolicy = "refuse"  # files that cannot be used, beyond a tenth: stop, or leave them out
    unlabelled: UnlabelledPolicy = "skip"  # files without a target: leave them out, or keep them for `semi`
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("label", "speaker")
    @classmethod
    def _check_pattern(cls, pattern: str | None) -> str | None:
        try:
            has_group = pattern is None or re.compile(pattern).groups == 1
        except re.error as error:
            raise ValueError(f"must be a pattern, got {pattern!r}, which is none ({error})") from None
        if not has_group:
            raise ValueError(f"must be a pattern with one group, such as '_([a-z]+)_', got {pattern!r}")
        return pattern


class StoredForm(NamedTuple):
    """How recordings are stored."""

    rate: int
    samples: int


class Recordings(NamedTuple):
    """N recordings as they are stored."""

    samples: NDArray[np.int16]  # (N, S)
    rows: list[int]  # (N,), which files of the listing they are of
    skipped: list[Skipped]
    silent: list[str]  # files in which every sample is 0


def load_audio(settings: AudioSettings) -> Dataset:
    """Read every recording, in the order of the files' names.

    Files that cannot be read are set aside and listed. Of longer recordings the beginning is kept; shorter ones end
    with the last sample.

    Raises:
        UserError: there is no such folder or CSV, no recording, or more of the files than may be cannot be used.
    """
    listing = _list_recordings(settings, resolve_location(settings.path))
    require_targets(listing, settings.path, RECORDINGS)
    total = len(listing.names) + len(listing.skipped) + len(listing.unlabelled)
    headers, unreadable = _read_headers(listing)
    apart = listing._replace(names=listing.unlabelled)
    headers_apart, unreadable_apart = _read_headers(apart)
    skipped = [*listing.skipped, *unreadable, *unreadable_apart]
    report_skipped(skipped, total, settings.path, policy=settings.unusable)  # before the long work
    form = _choose_form(list(headers.values()), settings)
    found, found_apart = _decode_files(listing, list(headers), form), _decode_files(apart, list(headers_apart), form)
    skipped = sorted([*skipped, *found.skipped, *found_apart.skipped])
    findings = (
        report_skipped(skipped, total, settings.path, policy=settings.unusable),
        *report_unlabelled(len(found_apart.rows), "recording"),
        *find_lost_classes(listing, found.rows, RECORDINGS),
        *_length_findings([headers[row] for row in found.rows], form),
        *_silence_findings(found.silent),
    )
    target, values = parse_targets(listing, found.rows)
    name = "sound" if target.name == "recording" else "recording"
    recording = Field(name=name, kind="audio", dtype="int16", shape=(form.samples,), rate=form.rate)
    schema = Schema(
        inputs=(recording,),
        target=target,
        title=settings.title or f"Recordings of {Path(settings.path).stem}",
        origin=settings.origin or f"the files of {settings.path}",
        licence=settings.licence,
    )
    notes = (*_form_notes([headers[row] for row in found.rows], form), *listing.notes)
    keys = {name: labels.parse_split_key([texts[row] for row in found.rows]) for name, texts in listing.keys.items()}
    unlabelled = (found_apart.samples,) if found_apart.rows else ()
    return Dataset(schema, Part((found.samples,), values), notes, findings, keys, unlabelled)


def _list_recordings(settings: AudioSettings, path: Path) -> Listing:
    if not path.is_dir():
        listing = _list_csv(settings, path)
    elif settings.label is not None:
        listing = _list_labelled_names(settings, path, settings.label)
    else:
        keeps = settings.unlabelled == "keep"
        listing = list_class_folders(path, settings.path, RECORDINGS, keeps_unlabelled=keeps)
    if settings.speaker is None:
        return listing
    speakers = tuple(_find_in_name(settings.speaker, name) or "" for name in listing.names)
    if without := [name for name, speaker in zip(listing.names, speakers, strict=True) if not speaker]:
        raise UserError(
            f"{settings.path}: speaker: the pattern {settings.speaker} finds nobody in {len(without)} of "
            f"{len(speakers)} names, such as {without[0]}; change `speaker`, or take it out"
        )
    return listing._replace(keys={**listing.keys, "speaker": speakers})


def _list_csv(settings: AudioSettings, path: Path) -> Listing:
    if settings.label is not None:
        raise UserError(f"{settings.path}: label: is for a folder; of a list, `target` names the column of the classes")
    return list_csv_files(
        path,
        settings.path,
        settings.folder,
        settings.file,
        settings.target,
        settings.target_kind,
        RECORDINGS,
        keeps_unlabelled=settings.unlabelled == "keep",
    )


def _list_labelled_names(settings: AudioSettings, path: Path, pattern: str) -> Listing:
    names, notes = list_medium_files(path, settings.path, RECORDINGS)
    found = {name: _find_in_name(pattern, name) for name in names}
    kept = {name: label for name, label in found.items() if label}
    others = tuple(name for name in names if not found[name])
    keeps = settings.unlabelled == "keep"
    skipped = tuple(Skipped(name, f"its name holds no class by the pattern {pattern}") for name in others if not keeps)
    apart = others if keeps else ()
    return Listing(path, tuple(kept), tuple(kept.values()), "class", "category", {}, skipped, tuple(notes), apart)


def _find_in_name(pattern: str, name: str) -> str | None:
    """What the group of a pattern finds in a file's name with its folders, without its ending."""
    found = re.search(pattern, name.rpartition(".")[0])
    return None if found is None else found[1]


def _read_headers(listing: Listing) -> tuple[dict[int, RecordingHeader], list[Skipped]]:
    """The headers of the files that can be read, by their place in the listing; and the others."""
    headers, unreadable = {}, []
    for row, name in enumerate(show_progress(listing.names, "recording's header", len(listing.names))):
        try:
            headers[row] = read_recording_header(listing.root / name)
        except UnreadableFile as reason:
            unreadable.append(Skipped(name, str(reason)))
    return headers, unreadable


def _choose_form(headers: Sequence[RecordingHeader], settings: AudioSettings) -> StoredForm:
    """As the settings say; else the commonest rate and the longest recording, up to the largest defaults."""
    counts = Counter(header.rate for header in headers)
    rate = settings.rate or min(MAX_DEFAULT_RATE, min(counts, key=lambda one: (-counts[one], one)))
    longest = max(header.samples / header.rate for header in headers)
    seconds = max(MIN_SECONDS, settings.seconds or min(MAX_DEFAULT_SECONDS, longest))
    return StoredForm(rate, math.ceil(seconds * rate))


def _decode_files(listing: Listing, rows: Sequence[int], form: StoredForm) -> Recordings:
    samples = allocate((len(rows), form.samples), np.int16)
    kept: list[int] = []
    skipped: list[Skipped] = []
    silent: list[str] = []
    for row in show_progress(rows, "recording", len(rows)):
        name = listing.names[row]
        try:
            found = decode_recording(listing.root / name, form.rate, form.samples)
        except UnreadableFile as reason:
            skipped.append(Skipped(name, str(reason)))
            continue
        samples[len(kept), : form.samples - len(found)] = NO_SAMPLE
        samples[len(kept), form.samples - len(found) :] = found
        if not found.any():
            silent.append(name)
        kept.append(row)
        if len(kept) % FILES_PER_RELEASE == 0:
            release_pages(samples)
    return Recordings(samples[: len(kept)], kept, skipped, silent)


def _length_findings(headers: Sequence[RecordingHeader], form: StoredForm) -> list[Finding]:
    seconds = [header.samples / header.rate for header in headers]
    limit = form.samples / form.rate
    cut = [one for one in seconds if one > limit * (1 + 1e-6)]
    if not cut:
        return []
    sentence = (
        f"{format_count(len(cut), 'recording')} of {len(seconds)} {'was' if len(cut) == 1 else 'were'} longer than "
        f"{limit:.4g} s (up to {max(cut):.4g} s): the beginning was kept. Set `seconds` to keep more."
    )
    return [Finding("cut_recordings", "notice", len(cut), sentence)]


def _silence_findings(silent: Sequence[str]) -> list[Finding]:
    if not silent:
        return []
    sentence = f"{format_count(len(silent), 'recording')} hold silence alone: {format_list(list(silent), MAX_LISTED)}."
    return [Finding("silent_recordings", "warning", len(silent), sentence)]


def _form_notes(headers: Sequence[RecordingHeader], form: StoredForm) -> list[str]:
    seconds = [header.samples / header.rate for header in headers]
    notes = [
        f"Every recording is stored as {form.samples / form.rate:.4g} s at {form.rate} samples per second with 16 "
        f"bits; the files hold {min(seconds):.3g} to {max(seconds):.3g} s. Shorter ones stand at the end."
    ]
    others = Counter(header.rate for header in headers if header.rate != form.rate)
    if others:
        rates = ", ".join(f"{rate} ({count})" for rate, count in sorted(others.items())[:MAX_LISTED])
        notes.append(f"Brought to this rate from others, in samples per second: {rates}.")
    if several := sum(header.channels > 1 for header in headers):
        notes.append(f"The channels of {format_count(several, 'recording')} were averaged.")
    if deep := sum(header.bits not in ("PCM_16", "PCM_U8", "PCM_S8") for header in headers):
        notes.append(f"{format_count(deep, 'recording')} had other samples than of 8 or 16 bits, such as of 24.")
    return notes
