"""Loader of texts with classes: a CSV or TSV file with a column of texts, or a folder of text files per class."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from numpy.typing import NDArray
from pydantic import BeforeValidator, field_validator

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import to_bytes
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import folders, labels
from pipelines.sources.files.setting_types import list_to_tuple
from pipelines.sources.files.skipped import Skipped, UnreadableFile, UnusablePolicy, report_skipped
from pipelines.sources.files.tabular_file import TabularSettings, read_cells, resolve_rows, rows_name
from pipelines.sources.files.typed_table import CellTable
from pipelines.sources.files.unlabelled import UnlabelledPolicy, report_unlabelled
from pipelines.sources.text.findings import (
    check_class_names,
    check_texts,
    drop_empty_rows,
    normalised_text_ids,
    select_classless,
)
from pipelines.sources.text.text_file import find_text_files, read_text_prefix, text_files_noun

MAX_TEXT_BYTES = 8192  # bytes of a text that are stored, about 1,300 English words; a network reads 256 tokens at most
MAX_UNREPEATED_CLASSES = 10  # as many classes as this may have one text each, as in a first try with a handful of texts


class TextSettings(TabularSettings):
    """`source: {kind: text, path: mail.csv, text: body, target: folder}`

    Without a line of names, columns are counted from 1: a TSV of a label, a tab and a message on each line is
    `source: {kind: text, path: sms.tsv, header: false, text: 2, target: 1}`. Of a folder only the path is said:
    `source: {kind: text, path: reviews}`, with `reviews/good/*.txt` and `reviews/bad/*.txt` in it; where hardly any
    file ends in .txt, every file is taken for a text, whatever it ends in.
    """

    kind: Literal["text"]
    text: str | int | None = None  # of a file: the column of texts, its name or its number counted from 1
    target: str | int | None = None  # ... and the column of classes
    keys: Annotated[
        tuple[str | int, ...], BeforeValidator(list_to_tuple)
    ] = ()  # ... and columns that a split may go by
    header: bool = True  # whether the first line of a file names its columns
    unusable: UnusablePolicy = "refuse"  # of a folder: files that are no text, beyond a tenth: stop, or leave them out
    unlabelled: UnlabelledPolicy = "skip"  # texts without a class: leave them out, or keep them for `semi`
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, name: str | None) -> str | None:
        try:
            "a".encode(name or "utf-8")
        except LookupError:
            raise ValueError(f"must be an encoding such as utf-8, cp1252 or latin-1, got {name}") from None
        return name


class Documents(NamedTuple):
    """N texts as they were found."""

    texts: Sequence[str]
    classes: Sequence[str]
    positions: Sequence[str]  # where each is, for sentences: "line 3", "good/17.txt"
    keys: Mapping[str, Sequence[str]]
    field_names: tuple[str, str]  # what the texts and the classes are called
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def load_texts(settings: TextSettings) -> Dataset:
    """Read every text and its class.

    What has no text or no class is set aside and listed; a text longer than MAX_TEXT_BYTES is cut.

    Raises:
        UserError: there is no such file, folder or column, the file is no table or not written in the stated encoding,
            more of a folder's files than may be cannot be used, nothing is left, or hardly any class repeats.
    """
    path = Path(location := resolve_rows(settings.path))
    documents = _read_text_folder(settings, path) if path.is_dir() else _read_text_table(settings, location)
    kept, empty_findings = drop_empty_rows(documents.texts, documents.classes, documents.positions)
    if not kept:
        raise UserError(
            f"{settings.path}: not one of {len(documents.texts)} texts has both words and a class; add some"
        )
    texts, classes, positions = ([values[row] for row in kept] for values in documents[:3])
    _check_classes(settings.path, documents.field_names[1], classes)
    target, codes = labels.category_target(classes, documents.field_names[1])
    classless = select_classless(documents.texts, documents.classes) if settings.unlabelled == "keep" else []
    values = to_bytes([*texts, *classless], MAX_TEXT_BYTES)
    input_field = Field(name=documents.field_names[0], kind="text", dtype="uint8", shape=values.shape[1:])
    schema = Schema(
        inputs=(input_field,),
        target=target,
        title=settings.title or f"Texts of {Path(rows_name(settings)).stem}",
        origin=settings.origin or f"{rows_name(settings)}; its origin is not stated",
        licence=settings.licence,
    )
    keys: dict[str, NDArray[Any]] = {
        name: labels.parse_split_key([column[row] for row in kept]) for name, column in documents.keys.items()
    }
    findings = (
        *documents.findings,
        *empty_findings,
        *report_unlabelled(len(classless), "text"),
        *check_texts(texts, codes, positions, MAX_TEXT_BYTES),
        *check_class_names(target.categories, codes),
    )
    keys = {**keys, "wording": normalised_text_ids(texts)}
    unlabelled = (values[len(texts) :],) if classless else ()
    return Dataset(schema, Part((values[: len(texts)],), codes), documents.notes, findings, keys, unlabelled)


def _read_text_table(settings: TextSettings, location: str) -> Documents:
    cells = read_cells(location, settings, header=settings.header)
    text, target = (
        _column_index(settings, cells, "text", settings.text),
        _column_index(settings, cells, "target", settings.target),
    )
    if text == target:
        raise UserError(f"{settings.path}: text and target are the same column, {cells.names[text]}; name two")
    others = [_column_index(settings, cells, "keys", name) for name in settings.keys]
    rows = (
        f"{len(cells)} rows; the texts are {_describe_column(cells, text)}, the classes "
        f"{_describe_column(cells, target)}."
    )
    unused = [name for place, name in enumerate(cells.names) if place not in (text, target, *others)]
    return Documents(
        texts=cells.column_texts(cells.names[text]),
        classes=cells.column_texts(cells.names[target]),
        positions=[f"line {line}" for line in cells.line_numbers],
        keys={cells.names[place]: cells.column_texts(cells.names[place]) for place in others},
        field_names=_field_names(cells.names[text], cells.names[target]) if settings.header else ("text", "class"),
        findings=(),
        notes=(rows, *((f"Columns that are not used: {', '.join(unused)}.",) if unused else ())),
    )


def _column_index(settings: TextSettings, cells: CellTable, setting: str, column: str | int | None) -> int:
    if isinstance(column, int) and 1 <= column <= len(cells.names):
        return column - 1
    if isinstance(column, str) and column in cells.names:
        return cells.names.index(column)
    found = "must name a column, its name or its number" if column is None else f"there is no column {column!r}"
    advice = ", or count them from 1" if settings.header else ": count them from 1, because of header: false"
    raise UserError(f"{settings.path}: {setting}: {found}; the columns are {', '.join(cells.names[:50])}{advice}")


def _describe_column(cells: CellTable, place: int) -> str:
    return f"column {place + 1} ({cells.names[place]})"


def _field_names(text: str, target: str) -> tuple[str, str]:
    """What the fields are called: the columns' names, in signs that a file name and a request can have."""
    names = [re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:64] for name in (text, target)]
    input_name, target_name = names[0] or "text", names[1] or "class"
    return input_name, f"{target_name}_class" if input_name.lower() == target_name.lower() else target_name


def _read_text_folder(settings: TextSettings, path: Path) -> Documents:
    if settings.text is not None or settings.target is not None or settings.keys:
        raise UserError(
            f"{settings.path}: text, target and keys name columns of a file, but this is a folder, and the folders in "
            f"it are the classes; take them out, or name a file"
        )
    files = folders.list_files(path)
    names = find_text_files(files)
    parts = folders.parts_from_folders(names)
    inner_names = {name: name.split("/", 1)[1] if parts else name for name in names}
    _check_folders(settings.path, files, list(inner_names.values()))
    classes = {name: inner.split("/")[0] if "/" in inner else "" for name, inner in inner_names.items()}
    kept_apart = set()
    if settings.unlabelled == "keep":
        kept_apart = {name for place, name in enumerate(names) if not parts or parts[place] == "train"}
    texts: dict[str, str] = {}
    skipped = []
    for name in show_progress(names, "text", len(names)):
        try:
            if not classes[name] and name not in kept_apart:
                raise UnreadableFile("lies in no folder of a class")
            texts[name] = read_text_prefix(path / name, settings.encoding, MAX_TEXT_BYTES)
        except UnreadableFile as reason:
            skipped.append(Skipped(name, str(reason)))
    return Documents(
        texts=list(texts.values()),
        classes=[classes[name] for name in texts],
        positions=list(texts),
        keys={"part": [part for name, part in zip(names, parts, strict=True) if name in texts]} if parts else {},
        field_names=("text", "class"),
        findings=(report_skipped(skipped, len(names), settings.path, policy=settings.unusable),),
        notes=tuple(_folder_notes(files, names, parts)),
    )


def _check_folders(stated_path: str, files: Sequence[str], inner_names: Sequence[str]) -> None:
    """There are texts, and folders of classes; one folder around several is more likely around them than a class."""
    if not inner_names:
        others = f"; found {', '.join(files[:3])}{' ...' * (len(files) > 3)}" if files else "; it is empty"
        raise UserError(f"{stated_path}: this folder holds no texts in folders of their classes{others}")
    classes = {name.split("/")[0] for name in inner_names if "/" in name}
    below = {name.split("/")[1] for name in inner_names if name.count("/") > 1}
    if not classes:
        raise UserError(
            f"{stated_path}: all {len(inner_names)} texts lie in the folder itself, and nothing says their classes; "
            "put each into a folder named after its class"
        )
    if len(classes) == 1 and len(below) > 1:
        (only,) = classes
        raise UserError(
            f"{stated_path}: holds one folder with texts, {only}, and that one holds {len(below)} "
            f"({', '.join(sorted(below)[:3])} ...); if those are the classes, set path to "
            f"{stated_path.rstrip('/')}/{only}"
        )


def _folder_notes(files: Sequence[str], names: Sequence[str], parts: Sequence[str] | None) -> list[str]:
    notes = [f"{len(names)} {text_files_noun(names)}, each a text; the folder it lies in is its class."]
    if others := sorted(set(files) - set(names)):
        notes.append(f"{len(others)} other files were passed over, such as {others[0]}.")
    if parts:
        counts = ", ".join(f"{part} {count}" for part, count in Counter(parts).items())
        notes.append(f"The first folders name parts, not classes: {counts}. `split: {{by: given}}` keeps to them.")
    return notes


def _check_classes(stated_path: str, name: str, classes: Sequence[str]) -> None:
    distinct = sorted({one.strip() for one in classes})
    if len(distinct) > max(MAX_UNREPEATED_CLASSES, len(classes) / 2):
        raise UserError(
            f"{stated_path}: {name} holds {len(distinct)} different classes for {len(classes)} texts "
            f"({', '.join(one[:30] for one in distinct[:3])}, ...), so hardly any repeats and none can be learned; "
            f"name the column of the classes as `target`"
        )
