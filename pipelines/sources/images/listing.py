"""Which image files a source is about, and what each of them shows."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from pipelines.runtime.user_error import Failure
from pipelines.sources.files import folders, labels
from pipelines.sources.files.csv_cells import Cells
from pipelines.sources.files.parsing import number
from pipelines.sources.files.skipped import Aside
from pipelines.sources.images.decode import ENDINGS, FOREIGN

LARGEST = 3.4e38  # of float32


class Listing(NamedTuple):
    """Files and what is known of each; N files."""

    root: Path
    names: tuple[str, ...]  # (N,), relative to `root`, sorted
    targets: tuple[str, ...]  # (N,), as text
    target: str  # what the target is called
    kind: Literal["number", "category"]
    keys: Mapping[str, tuple[str, ...]]  # (N,) each: what a split may go by
    aside: tuple[Aside, ...] = ()  # what was listed and cannot be used
    notes: tuple[str, ...] = ()


def class_folders(root: Path, called: str) -> Listing:
    """A folder for every class; above them there may be folders of parts (train, valid, test).

    Whatever lies deeper belongs to the class it lies in. Images that lie in no folder at all are of one class.

    Args:
        root: the folder.
        called: its name in the settings, for sentences.

    Raises:
        Failure: there is no image, or the classes seem to be one folder further down.
    """
    found = folders.files(root)
    names = [name for name in found if name.lower().endswith((*ENDINGS, *FOREIGN))]
    if not names:
        there = f"found {', '.join(found[:3])}{' ...' * (len(found) > 3)}" if found else "it is empty"
        raise Failure(f"{called}: this folder holds no image ({', '.join(ENDINGS)}); {there}")
    notes = []
    if others := sorted(set(found) - set(names)):
        notes.append(f"Passed over, because they are no images: {', '.join(others[:5])}{' ...' * (len(others) > 5)}.")
    parts = folders.parts(names)
    if parts:
        counts = ", ".join(f"{part} {count}" for part, count in Counter(parts).items())
        notes.append(
            f"The first folders name parts, not classes: {counts} files. `split: {{by: given}}` keeps to them."
        )
    inner = [name.split("/", 1)[1] for name in names] if parts else names
    flat = all("/" not in name for name in inner)
    if flat:
        notes.append("The images lie in no folders of classes, so all are of one class.")
    else:
        _check_depth(inner, called)
    kept = [row for row, name in enumerate(inner) if flat or "/" in name]
    stray = sorted(set(range(len(names))) - set(kept))
    return Listing(
        root,
        tuple(names[row] for row in kept),
        tuple("all" if flat else inner[row].split("/")[0] for row in kept),
        "class",
        "category",
        {"part": tuple(parts[row] for row in kept)} if parts else {},
        tuple(Aside(names[row], "lies in no folder of a class") for row in stray),
        tuple(notes),
    )


def _check_depth(inner: Sequence[str], called: str) -> None:
    """One folder that holds several with images is more likely a folder around the classes than a class."""
    classes = {name.split("/")[0] for name in inner if "/" in name}
    below = {name.split("/")[1] for name in inner if name.count("/") > 1}
    if len(classes) == 1 and len(below) > 1:
        (only,) = classes
        raise Failure(
            f"{called}: holds one folder with images, {only}, and that one holds {len(below)} "
            f"({', '.join(sorted(below)[:3])} ...); if those are the classes, set path to {called.rstrip('/')}/{only}"
        )


def image_list(
    cells: Cells, called: str, root: Path, file: str, target: str | None, kind: Literal["number", "category"] | None
) -> Listing:
    """A CSV that names image files and says what each shows; its other columns are keys that a split may go by.

    A name without an ending stands for the image of that name. Files must lie in the folder, because what lies
    elsewhere is not watched for changes.

    Args:
        cells: of the CSV.
        called: its name in the settings, for sentences.
        root: the folder that the files' names start from.
        file, target: the columns that name the file and what is to be learned.
        kind: of the target; numbers if all cells are, when absent.

    Raises:
        Failure: the CSV lacks a column, or names a file outside the folder.
    """
    places = [_column(cells, "file", file, called), _column(cells, "target", target, called)]
    lines = cells.first_line
    named = [_inside(row[places[0]].strip(), line, called) for row, line in zip(cells.rows, lines, strict=True)]
    names = [_with_ending(root, name) for name in named]
    texts = [row[places[1]] for row in cells.rows]
    found = kind or labels.target_kind(texts, lines, f"{called}, column {target}")
    if found == "number":
        _check_numbers(texts, lines, f"{called}, column {target}")
    said = [name != "" and not labels.is_missing(text, found) for name, text in zip(names, texts, strict=True)]
    rows = sorted(range(len(names)), key=names.__getitem__)
    kept = [row for row in rows if said[row]]
    return Listing(
        root,
        tuple(names[row] for row in kept),
        tuple(texts[row] for row in kept),
        str(target),
        found,
        {
            name: tuple(cells.rows[row][place] for row in kept)
            for place, name in enumerate(cells.names)
            if place not in places
        },
        tuple(
            Aside(names[row] or f"line {lines[row]}", _unsaid(names[row], lines[row])) for row in rows if not said[row]
        ),
        _kind_note(texts, found, kind, str(target)),
    )


def _unsaid(name: str, line: int) -> str:
    return f"line {line} of the CSV says nothing of it" if name else "names no file"


def _check_numbers(texts: Sequence[str], lines: Sequence[int], where: str) -> None:
    for text, line in zip(texts, lines, strict=True):
        value = number(text)
        if value is None or abs(value) > LARGEST:
            raise Failure(f"{where}, line {line}: must be a number below 3.4e38, found {text!r}")


def _kind_note(texts: Sequence[str], found: str, stated: str | None, target: str) -> tuple[str, ...]:
    different = len(set(texts))
    if stated or found == "category":
        return ()
    return (
        f"{target} holds numbers, {different} different ones, and is learned as a number; set `target_kind: category` "
        f"if they are the names of classes.",
    )


def _column(cells: Cells, setting: str, name: str | None, called: str) -> int:
    if name in cells.names:
        return list(cells.names).index(str(name))
    said = f"has no column {name!r}" if name else "is a list of files"
    raise Failure(f"{called}: {said}; set `{setting}` to one of its columns: {', '.join(cells.names)}")


def _inside(name: str, line: int, called: str) -> str:
    """The file's name relative to the folder, empty if there is none."""
    if not name:
        return ""
    whole = os.path.normpath(name.replace("\\", "/"))
    if whole.startswith("/") or whole.split("/")[0] == ".." or "\0" in whole:
        raise Failure(
            f"{called}, line {line}: {name!r} lies outside `folder`, and only files in there are watched for changes; "
            f"write names as seen from it, or set `folder` to one above all files"
        )
    return whole


def _with_ending(root: Path, name: str) -> str:
    if not name or PurePosixPath(name).suffix or (root / name).exists():
        return name
    tried = (name + ending for ending in (*ENDINGS, *(ending.upper() for ending in ENDINGS)))
    return next((one for one in tried if (root / one).is_file()), name)
