"""Listing of files that are an example each, images or recordings: which there are, and the label of each."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import folders, labels
from pipelines.sources.files.csv_cells import CsvFormat
from pipelines.sources.files.csv_table import CsvTable, read_csv
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.parsing import MAX_FLOAT32, parse_number
from pipelines.sources.files.skipped import Skipped


class Medium(NamedTuple):
    """What the files of a source are."""

    noun: str  # "image"
    extensions: tuple[str, ...]  # that are read, in lower case
    others: tuple[str, ...] = ()  # that are listed too, so that whoever reads them can say why they are not read


class Listing(NamedTuple):
    """Files and what is known of each; N files."""

    root: Path
    names: tuple[str, ...]  # (N,), relative to `root`, sorted
    target_texts: tuple[str, ...]  # (N,), as text
    target_name: str  # what the target is called
    target_kind: Literal["number", "category"]
    keys: Mapping[str, tuple[str, ...]]  # (N,) each: what a split may go by
    skipped: tuple[Skipped, ...] = ()  # what was listed and cannot be used
    notes: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()  # files that are said nothing of, and kept apart


def list_class_folders(root: Path, where: str, medium: Medium, *, keeps_unlabelled: bool = False) -> Listing:
    """A folder for every class; above them there may be folders of parts (train, valid, test).

    Whatever lies deeper belongs to the class it lies in. Files that lie in no folder at all are of one class.

    Args:
        root: the folder.
        where: its name in the settings, for sentences.
        medium: what the files are.
        keeps_unlabelled: whether files beside the folders of classes are kept apart, but for those of the parts valid
            and test; else they cannot be used.

    Raises:
        UserError: there is no such file, or the classes seem to be one folder further down.
    """
    names, notes = list_medium_files(root, where, medium)
    parts = folders.parts_from_folders(names)
    if parts:
        counts = ", ".join(f"{part} {count}" for part, count in Counter(parts).items())
        notes.append(
            f"The first folders name parts, not classes: {counts} files. `split: {{by: given}}` keeps to them."
        )
    inner = [name.split("/", 1)[1] for name in names] if parts else names
    has_no_classes = all("/" not in name for name in inner)
    if has_no_classes:
        notes.append(f"The {medium.noun}s lie in no folders of classes, so all are of one class.")
    else:
        _check_depth(inner, where, medium)
    kept = [row for row, name in enumerate(inner) if has_no_classes or "/" in name]
    stray = sorted(set(range(len(names))) - set(kept))
    apart = [row for row in stray if keeps_unlabelled and (not parts or parts[row] == "train")]
    return Listing(
        root,
        tuple(names[row] for row in kept),
        tuple("all" if has_no_classes else inner[row].split("/")[0] for row in kept),
        "class",
        "category",
        {"part": tuple(parts[row] for row in kept)} if parts else {},
        tuple(Skipped(names[row], "lies in no folder of a class") for row in stray if row not in apart),
        tuple(notes),
        tuple(names[row] for row in apart),
    )


def list_medium_files(root: Path, where: str, medium: Medium) -> tuple[list[str], list[str]]:
    """The files of a medium below a folder, relative to it and sorted; and what to note of the others.

    Raises:
        UserError: there is none.
    """
    found = folders.list_files(root)
    names = [name for name in found if name.lower().endswith((*medium.extensions, *medium.others))]
    if not names:
        there = f"found {', '.join(found[:3])}{' ...' * (len(found) > 3)}" if found else "it is empty"
        raise UserError(f"{where}: this folder holds no {medium.noun} ({', '.join(medium.extensions)}); {there}")
    others = sorted(set(found) - set(names))
    listed = f"{', '.join(others[:5])}{' ...' * (len(others) > 5)}"
    return names, [f"Passed over, because they are no {medium.noun}s: {listed}."] if others else []


def _check_depth(inner: Sequence[str], where: str, medium: Medium) -> None:
    """One folder that holds several with files is more likely a folder around the classes than a class."""
    classes = {name.split("/")[0] for name in inner if "/" in name}
    below = {name.split("/")[1] for name in inner if name.count("/") > 1}
    if len(classes) == 1 and len(below) > 1:
        (only,) = classes
        raise UserError(
            f"{where}: holds one folder with {medium.noun}s, {only}, and that one holds {len(below)} "
            f"({', '.join(sorted(below)[:3])} ...); if those are the classes, set path to {where.rstrip('/')}/{only}"
        )


def list_csv_files(
    path: Path,
    where: str,
    folder: str | None,
    file: str,
    target: str | None,
    kind: Literal["number", "category"] | None,
    medium: Medium,
    *,
    keeps_unlabelled: bool = False,
) -> Listing:
    """A CSV that names files and says what each shows or holds; its other columns are keys that a split may go by.

    A name without an ending stands for the file of that name. Files must lie in the folder, because what lies
    elsewhere is not watched for changes.

    Args:
        path: of the CSV.
        where: its name in the settings, for sentences.
        folder: as in the settings, which the files' names start from.
        file, target: the columns that name the file and what is to be learned.
        kind: of the target; numbers if all cells are, when absent.
        medium: what the files are.
        keeps_unlabelled: whether files that the CSV says nothing of are kept apart; else they cannot be used.

    Raises:
        UserError: no folder is stated, the CSV lacks a column, or it names a file outside the folder.
    """
    cells = read_csv(CsvFormat(path))
    if folder is None:
        raise UserError(
            f"{where}: is a list of files; set `folder` to the folder that its names start from, "
            f"such as {Path(where).parent}"
        )
    root = resolve_location(folder)
    file_column = _check_column(cells, "file", file, where)
    target_column = _check_column(cells, "target", target, where)
    lines = cells.line_numbers.tolist()
    relative_names = [
        _relative_name(name.strip(), line, where)
        for name, line in zip(cells.column_texts(file_column), lines, strict=True)
    ]
    names = [_add_extension(root, name, medium) for name in relative_names]
    texts = cells.column_texts(target_column)
    target_kind = kind or labels.infer_target_kind(texts, lines, f"{where}, column {target}")
    if target_kind == "number":
        _check_numbers(texts, lines, f"{where}, column {target}")
    usable = [name != "" and not labels.is_missing(text, target_kind) for name, text in zip(names, texts, strict=True)]
    rows = sorted(range(len(names)), key=names.__getitem__)
    kept = [row for row in rows if usable[row]]
    apart = {row for row in rows if keeps_unlabelled and names[row] and not usable[row]}
    return Listing(
        root,
        tuple(names[row] for row in kept),
        tuple(texts[row] for row in kept),
        str(target),
        target_kind,
        {
            name: tuple(key_texts[row] for row in kept)
            for name in cells.names
            if name not in (file_column, target_column) and (key_texts := cells.column_texts(name))
        },
        tuple(
            Skipped(names[row] or f"line {lines[row]}", _skip_reason(names[row], lines[row]))
            for row in rows
            if not usable[row] and row not in apart
        ),
        _target_kind_notes(texts, target_kind, kind, str(target)),
        tuple(names[row] for row in rows if row in apart),
    )


def require_targets(listing: Listing, where: str, medium: Medium) -> None:
    """Refuse files of which none is said anything of.

    Raises:
        UserError: with how many there are.
    """
    if listing.unlabelled and not listing.names:
        raise UserError(f"{where}: not one of {len(listing.unlabelled)} {medium.noun}s has a target; add some")


def parse_targets(listing: Listing, rows: Sequence[int]) -> tuple[Field, NDArray[Any]]:
    """The target of some files: what it is, and (n,) values."""
    texts = [listing.target_texts[row] for row in rows]
    if listing.target_kind == "number":
        return labels.number_target(texts, listing.target_name)
    return labels.category_target(texts, listing.target_name)


def find_lost_classes(listing: Listing, rows: Sequence[int], medium: Medium) -> list[Finding]:
    """Classes of which every file was set aside, as only those of `rows` could be read."""
    if listing.target_kind == "number":
        return []
    lost = sorted(set(listing.target_texts) - {listing.target_texts[row] for row in rows})
    if not lost:
        return []
    sentence = f"No {medium.noun} of these classes could be read, so the models cannot name them: {', '.join(lost)}."
    return [Finding("lost_classes", "warning", len(lost), sentence)]


def _skip_reason(name: str, line: int) -> str:
    return f"line {line} of the CSV says nothing of it" if name else "names no file"


def _check_numbers(texts: Sequence[str], lines: Sequence[int], where: str) -> None:
    for text, line in zip(texts, lines, strict=True):
        value = parse_number(text)
        if value is None or abs(value) > MAX_FLOAT32:
            raise UserError(f"{where}, line {line}: must be a number below 3.4e38, found {text!r}")


def _target_kind_notes(texts: Sequence[str], found: str, stated: str | None, target: str) -> tuple[str, ...]:
    different = len(set(texts))
    if stated or found == "category":
        return ()
    return (
        f"{target} holds numbers, {different} different ones, and is learned as a number; set `target_kind: category` "
        f"if they are the names of classes.",
    )


def _check_column(cells: CsvTable, setting: str, name: str | None, where: str) -> str:
    if name is not None and name in cells.names:
        return name
    problem = f"has no column {name!r}" if name else "is a list of files"
    raise UserError(f"{where}: {problem}; set `{setting}` to one of its columns: {', '.join(cells.names)}")


def _relative_name(name: str, line: int, where: str) -> str:
    """The file's name relative to the folder, empty if there is none."""
    if not name:
        return ""
    normalised = os.path.normpath(name.replace("\\", "/"))
    if normalised.startswith("/") or normalised.split("/")[0] == ".." or "\0" in normalised:
        raise UserError(
            f"{where}, line {line}: {name!r} lies outside `folder`, and only files in there are watched for changes; "
            f"write names as seen from it, or set `folder` to one above all files"
        )
    return normalised


def _add_extension(root: Path, name: str, medium: Medium) -> str:
    if not name or PurePosixPath(name).suffix or (root / name).exists():
        return name
    candidates = (name + ending for ending in (*medium.extensions, *(ending.upper() for ending in medium.extensions)))
    return next((one for one in candidates if (root / one).is_file()), name)
