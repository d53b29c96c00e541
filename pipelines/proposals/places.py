"""Places: which kind of source a file or a folder is, by its content and its names."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from pipelines.proposals.array_files import is_array_file, propose_array_files, propose_npz
from pipelines.proposals.image_folders import find_image_folders, find_masks, propose_images, propose_masks
from pipelines.proposals.recordings import propose_recordings
from pipelines.proposals.rows import propose_rows
from pipelines.proposals.source_proposal import SourceProposal, Wishes
from pipelines.proposals.text_folders import holds_texts, propose_text_folder
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.load import ArraysSettings
from pipelines.sources.audio.decode import RECORDINGS
from pipelines.sources.audio.load import AudioSettings
from pipelines.sources.files import folders
from pipelines.sources.files.database_address import is_database_address
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.packing import inner_path
from pipelines.sources.images.decode import EXTENSIONS
from pipelines.sources.images.load import ImagesSettings
from pipelines.sources.masks.load import MasksSettings
from pipelines.sources.sequences.load import SequencesSettings
from pipelines.sources.series.load import SeriesSettings
from pipelines.sources.table.load import TableSettings
from pipelines.sources.text.load import TextSettings
from pipelines.sources.text.text_file import TEXT_SUFFIX

TABULAR_SUFFIXES = (
    *(".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".jsonl", ".ndjson", ".parquet", ".pq"),
    *(".db", ".sqlite", ".sqlite3"),
)
KINDS = ("table", "series", "sequences", "text", "images", "audio", "masks", "arrays")  # what --kind may be
SOURCE_MODELS: tuple[type[BaseModel], ...] = (
    *(TableSettings, SeriesSettings, SequencesSettings, TextSettings),
    *(ImagesSettings, AudioSettings, MasksSettings, ArraysSettings),
)
OWN_FOLDERS = ("data", "artifacts", ".state")  # which `make clean` deletes
TS_NAME = re.compile(r"(.*)_(TRAIN|TEST)(\.ts)", re.IGNORECASE)


class Place(NamedTuple):
    """A file or a folder, and what the user said of it."""

    stated: str  # as it will stand in params.yaml
    path: Path  # on this machine
    wishes: Wishes


def propose_source(stated: str, wishes: Wishes) -> SourceProposal:
    """The source that reads a file, a folder, an address or a database.

    Args:
        stated: where it is, as the user wrote it.
        wishes: what the user said of it.

    Raises:
        UserError: there is nothing there, or nothing that a source reads.
    """
    _check_settings(wishes.settings)
    if is_database_address(stated):
        return propose_rows(stated, wishes)
    path = resolve_location(stated)
    if any(_is_below(path, Path(folder)) for folder in OWN_FOLDERS) and "://" not in stated:
        raise UserError(
            f"{stated}: lies in a folder that `make clean` deletes ({', '.join(OWN_FOLDERS)}); put it elsewhere"
        )
    return (_propose_folder if path.is_dir() else _propose_file)(Place(stated, path, wishes))


def _check_settings(settings: Mapping[str, Any]) -> None:
    known = {name for model in SOURCE_MODELS for name in model.model_fields}
    for name in settings:
        if name not in known:
            raise UserError(f"no source has a setting {name}; docs/settings.md lists those of each kind")


def _is_below(path: Path, folder: Path) -> bool:
    return path.absolute().is_relative_to(folder.absolute())


def _propose_file(place: Place) -> SourceProposal:
    name = place.path.name
    suffix = inner_path(place.path).suffix.lower()
    if suffix == ".npz":
        return propose_npz(place.stated, place.wishes)
    if is_array_file(name):
        names = [one.name for one in sorted(place.path.parent.iterdir()) if is_array_file(one.name)]
        return propose_array_files(str(Path(place.stated).parent), names, place.wishes)
    if suffix == ".ts":
        return _propose_ts(place, [name])
    if suffix in EXTENSIONS:
        raise UserError(f"{place.stated}: is one picture; name the folder of the pictures")
    if suffix in RECORDINGS.extensions:
        raise UserError(f"{place.stated}: is one recording; name the folder of the recordings")
    return propose_rows(place.stated, place.wishes)


def _propose_folder(place: Place) -> SourceProposal:
    names = folders.list_files(place.path)
    inner = _only_folder(place.path, names)
    if inner is not None:
        return _propose_folder(place._replace(stated=f"{place.stated.rstrip('/')}/{inner}", path=place.path / inner))
    if place.wishes.kind == "text":
        return _propose_texts(place, names)
    for holds, propose in FOLDER_CONTENTS:
        if fitting := [name for name in names if holds(name)]:
            return propose(place, names if propose is _propose_texts else fitting)
    if holds_texts(place.path, names):
        return _propose_texts(place, names)
    there = f"found {', '.join(names[:3])}{' ...' * (len(names) > 3)}" if names else "it is empty"
    raise UserError(f"{place.stated}: nothing in this folder is read by a source (see docs/settings.md); {there}")


def _only_folder(path: Path, names: Sequence[str]) -> str | None:
    """The folder that holds all the data of another, as the one in an unpacked archive."""
    if any(holds(name) for name in names if "/" not in name for holds, _ in FOLDER_CONTENTS):
        return None
    tops = {name.partition("/")[0] for name in names if "/" in name}
    if len(tops) != 1:
        return None
    (top,) = tops
    deeper = {name.split("/")[1] for name in names if name.count("/") > 1}
    return top if deeper else None


def _propose_pictures(place: Place, names: Sequence[str]) -> SourceProposal:
    masks = None if place.wishes.kind == "images" else find_masks(find_image_folders(place.path))
    if masks is None and place.wishes.kind == "masks":
        raise UserError(
            f"{place.stated}: no two folders in it pair pictures with masks; name them with --set images=FOLDER "
            "--set masks=FOLDER"
        )
    if masks is not None:
        return propose_masks(place.stated, place.path, masks, place.wishes)
    return propose_images(place.stated, place.path, place.wishes)


def _propose_ts(place: Place, names: Sequence[str]) -> SourceProposal:
    """Sequences of a .ts file, or of a folder's NAME_TRAIN.ts and NAME_TEST.ts."""
    folder = place.path if place.path.is_dir() else place.path.parent
    stated = place.stated.rstrip("/") if place.path.is_dir() else str(Path(place.stated).parent)
    stems = sorted({found[1] if (found := TS_NAME.fullmatch(name)) else name for name in names})
    if len(stems) > 1:
        raise UserError(f"{place.stated}: holds {len(stems)} data sets, {', '.join(stems)}; name a file of one of them")
    found = TS_NAME.fullmatch(names[0])
    source = {"kind": "sequences", "path": f"{stated}/{names[0]}"}
    parts = {} if found is None else {part: f"{found[1]}_{part}{found[3]}" for part in ("TRAIN", "TEST")}
    has_both = bool(parts) and all((folder / name).is_file() for name in parts.values())
    if has_both:
        source |= {"path": f"{stated}/{parts['TRAIN']}", "test_path": f"{stated}/{parts['TEST']}"}
    source |= {name: value for name, value in place.wishes.settings.items() if name in SequencesSettings.model_fields}
    return SourceProposal(
        source,
        "sequences with their labels",
        split={"by": "given"} if has_both else {},
        reasons=("The published test set stays the test part.",) if has_both else (),
    )


def _propose_texts(place: Place, names: Sequence[str]) -> SourceProposal:
    return propose_text_folder(place.stated, place.path, names, place.wishes)


def _propose_row_files(place: Place, names: Sequence[str]) -> SourceProposal:
    if len(names) > 1:
        raise UserError(f"{place.stated}: holds {len(names)} files ({', '.join(names[:5])}); name one of them")
    inner = f"{place.stated.rstrip('/')}/{names[0]}"
    return _propose_file(Place(inner, place.path / names[0], place.wishes))


def _has_suffix(*suffixes: str) -> Callable[[str], bool]:
    return lambda name: inner_path(Path(name)).suffix.lower() in suffixes


# What a folder may hold; the first of which there is a file decides
FOLDER_CONTENTS: tuple[tuple[Callable[[str], bool], Callable[[Place, Sequence[str]], SourceProposal]], ...] = (
    (_has_suffix(*EXTENSIONS), _propose_pictures),
    (
        _has_suffix(*RECORDINGS.extensions),
        lambda place, names: propose_recordings(place.stated, place.path, place.wishes),
    ),
    (_has_suffix(".ts"), _propose_ts),
    (
        is_array_file,
        lambda place, names: propose_array_files(place.stated, names, place.wishes),
    ),
    (_has_suffix(".npz", *TABULAR_SUFFIXES), _propose_row_files),
    (_has_suffix(TEXT_SUFFIX), _propose_texts),
)
