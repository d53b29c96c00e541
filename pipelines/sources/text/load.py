"""Texts and the class of each: a CSV or TSV file with a column of texts, or a folder of .txt files for every class."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

from pipelines.data.dataset import Data, Finding
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import encoded
from pipelines.runtime.user_error import Failure
from pipelines.sources.files import folders, labels
from pipelines.sources.files.csv_cells import Cells, read_cells
from pipelines.sources.files.downloads import local
from pipelines.sources.files.skipped import Aside, set_aside
from pipelines.sources.text.findings import (
    about_classes,
    about_texts,
    empty_rows,
    wordings,
)
from pipelines.sources.text.text_file import ENDING, Unfit, read_text

LIMIT = 8192  # bytes of a text that are stored, about 1,300 English words; a network reads 256 tokens at most
MOST_CLASSES = 10  # as many classes as this may have one text each, as in a first try with a handful of texts


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class TextSettings(BaseModel):
    """`source: {kind: text, path: mail.csv, text: body, target: folder}`

    Without a line of names, columns are counted from 1: a TSV of a label, a tab and a message on each line is
    `source: {kind: text, path: sms.tsv, header: false, text: 2, target: 1}`. Of a folder only the path is said:
    `source: {kind: text, path: reviews}`, with `reviews/good/*.txt` and `reviews/bad/*.txt` in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["text"]
    path: str  # of a CSV or TSV file, or of a folder with one folder per class
    text: str | int | None = None  # of a file: the column of texts, its name or its number counted from 1
    target: str | int | None = None  # ... and the column of classes
    keys: Annotated[tuple[str | int, ...], BeforeValidator(_tuple)] = ()  # ... and columns that a split may go by
    separator: str | None = None  # found in the file when absent
    encoding: str | None = None  # UTF-8 when absent
    header: bool = True  # whether the first line of a file names its columns
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        try:
            "a".encode(name or "utf-8")
        except LookupError:
            raise ValueError(f"must be an encoding such as utf-8, cp1252 or latin-1, got {name}") from None
        return name


class Documents(NamedTuple):
    """N texts as they were found."""

    texts: Sequence[str]
    classes: Sequence[str]
    places: Sequence[str]  # where each is, for sentences: "line 3", "good/17.txt"
    keys: Mapping[str, Sequence[str]]
    names: tuple[str, str]  # what the texts and the classes are called
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def load(settings: TextSettings) -> Data:
    """Read every text and its class.

    What has no text or no class is set aside and listed; a text longer than LIMIT is cut.

    Raises:
        Failure: there is no such file, folder or column, the file is no table or not written in the stated encoding,
            more than a tenth of a folder's files cannot be used, nothing is left, or hardly any class repeats.
    """
    path = local(settings.path)
    found = _of_folder(settings, path) if path.is_dir() else _of_file(settings, path)
    kept, empty = empty_rows(found.texts, found.classes, found.places)
    if not kept:
        raise Failure(f"{settings.path}: not one of {len(found.texts)} texts has both words and a class; add some")
    texts, classes, places = ([values[row] for row in kept] for values in found[:3])
    _check_classes(settings.path, found.names[1], classes)
    target, codes = labels.categories(classes, found.names[1])
    values = encoded(texts, LIMIT)
    asked = Field(name=found.names[0], kind="text", dtype="uint8", shape=values.shape[1:])
    schema = Schema(
        inputs=(asked,),
        target=target,
        title=settings.title or f"Texts of {path.stem}",
        origin=settings.origin or f"{path.name}; its origin is not stated",
        licence=settings.licence,
    )
    keys = {name: labels.key([column[row] for row in kept]) for name, column in found.keys.items()}
    findings = (
        *found.findings,
        *empty,
        *about_texts(texts, codes, places, LIMIT),
        *about_classes(target.categories, codes),
    )
    return Data(schema, Part((values,), codes), found.notes, findings, {**keys, "wording": wordings(texts)})


def _of_file(settings: TextSettings, path: Path) -> Documents:
    cells = read_cells(path, separator=settings.separator, encoding=settings.encoding, header=settings.header)
    text, target = _column(settings, cells, "text", settings.text), _column(settings, cells, "target", settings.target)
    if text == target:
        raise Failure(f"{settings.path}: text and target are the same column, {cells.names[text]}; name two")
    others = [_column(settings, cells, "keys", name) for name in settings.keys]
    columns = list(zip(*cells.rows, strict=True))
    rows = f"{len(cells.rows)} rows; the texts are {_said(cells, text)}, the classes {_said(cells, target)}."
    unused = [name for place, name in enumerate(cells.names) if place not in (text, target, *others)]
    return Documents(
        texts=columns[text],
        classes=columns[target],
        places=[f"line {line}" for line in cells.first_line],
        keys={cells.names[place]: columns[place] for place in others},
        names=_field_names(cells.names[text], cells.names[target]) if settings.header else ("text", "class"),
        findings=(),
        notes=(rows, *((f"Columns that are not used: {', '.join(unused)}.",) if unused else ())),
    )


def _column(settings: TextSettings, cells: Cells, setting: str, named: str | int | None) -> int:
    if isinstance(named, int) and 1 <= named <= len(cells.names):
        return named - 1
    if isinstance(named, str) and named in cells.names:
        return cells.names.index(named)
    found = "must name a column, its name or its number" if named is None else f"there is no column {named!r}"
    advice = ", or count them from 1" if settings.header else ": count them from 1, because of header: false"
    raise Failure(f"{settings.path}: {setting}: {found}; the columns are {', '.join(cells.names[:50])}{advice}")


def _said(cells: Cells, place: int) -> str:
    return f"column {place + 1} ({cells.names[place]})"


def _field_names(text: str, target: str) -> tuple[str, str]:
    """What the fields are called: the columns' names, in signs that a file name and a request can have."""
    names = [re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:64] for name in (text, target)]
    asked, answer = names[0] or "text", names[1] or "class"
    return asked, f"{answer}_class" if asked.lower() == answer.lower() else answer


def _of_folder(settings: TextSettings, path: Path) -> Documents:
    if settings.text is not None or settings.target is not None or settings.keys:
        raise Failure(
            f"{settings.path}: text, target and keys name columns of a file, but this is a folder, and the folders in "
            f"it are the classes; take them out, or name a file"
        )
    found = folders.files(path)
    names = [name for name in found if name.lower().endswith(ENDING)]
    parts = folders.parts(names)
    inner = {name: name.split("/", 1)[1] if parts else name for name in names}
    _check_folders(settings.path, found, list(inner.values()))
    texts: dict[str, str] = {}
    aside = []
    for name in names:
        try:
            if "/" not in inner[name]:
                raise Unfit("lies in no folder of a class")
            texts[name] = read_text(path / name, settings.encoding, LIMIT)
        except Unfit as reason:
            aside.append(Aside(name, str(reason)))
    return Documents(
        texts=list(texts.values()),
        classes=[inner[name].split("/")[0] for name in texts],
        places=list(texts),
        keys={"part": [part for name, part in zip(names, parts, strict=True) if name in texts]} if parts else {},
        names=("text", "class"),
        findings=(set_aside(aside, len(names), settings.path),),
        notes=tuple(_folder_notes(found, names, parts)),
    )


def _check_folders(called: str, found: Sequence[str], inner: Sequence[str]) -> None:
    """There are texts, and folders of classes; one folder around several is more likely around them than a class."""
    if not inner:
        others = f"; found {', '.join(found[:3])}{' ...' * (len(found) > 3)}" if found else "; it is empty"
        raise Failure(f"{called}: this folder holds no {ENDING} file{others}")
    classes = {name.split("/")[0] for name in inner if "/" in name}
    below = {name.split("/")[1] for name in inner if name.count("/") > 1}
    if not classes:
        raise Failure(
            f"{called}: all {len(inner)} texts lie in the folder itself, and nothing says their classes; put each into "
            f"a folder named after its class"
        )
    if len(classes) == 1 and len(below) > 1:
        (only,) = classes
        raise Failure(
            f"{called}: holds one folder with texts, {only}, and that one holds {len(below)} "
            f"({', '.join(sorted(below)[:3])} ...); if those are the classes, set path to {called.rstrip('/')}/{only}"
        )


def _folder_notes(found: Sequence[str], names: Sequence[str], parts: Sequence[str] | None) -> list[str]:
    notes = [f"{len(names)} {ENDING} files, each a text; the folder it lies in is its class."]
    if others := sorted(set(found) - set(names)):
        notes.append(f"{len(others)} files that do not end in {ENDING} were passed over, such as {others[0]}.")
    if parts:
        counts = ", ".join(f"{part} {count}" for part, count in Counter(parts).items())
        notes.append(f"The first folders name parts, not classes: {counts}. `split: {{by: given}}` keeps to them.")
    return notes


def _check_classes(called: str, name: str, classes: Sequence[str]) -> None:
    different = sorted({one.strip() for one in classes})
    if len(different) > max(MOST_CLASSES, len(classes) / 2):
        raise Failure(
            f"{called}: {name} holds {len(different)} different classes for {len(classes)} texts "
            f"({', '.join(one[:30] for one in different[:3])}, ...), so hardly any repeats and none can be learned; "
            f"name the column of the classes"
        )
