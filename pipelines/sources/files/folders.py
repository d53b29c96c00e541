"""Folder listing: every file below a folder, in an order that does not depend on the disk."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.data.parts import PartName
from pipelines.runtime.user_error import UserError

SYSTEM_FILES = (
    "thumbs.db",
    "desktop.ini",
    "__macosx",
)  # what systems leave in folders, beside files named ".something"

PART_FOLDER_NAMES: dict[str, PartName] = {  # what a folder is called -> the part it holds
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


def list_files(folder: Path) -> list[str]:
    """Every file below a folder: names relative to it with `/`, sorted.

    Hidden files and what systems leave behind are passed over. Links are followed, and a folder inside itself ends
    there. A link to nothing is listed, so that whoever reads it can say so; pipes and devices are not.

    Raises:
        UserError: a folder may not be read.
    """
    return sorted(_walk_files(folder, "", ()))


def _walk_files(folder: Path, prefix: str, parent_ids: tuple[tuple[int, int], ...]) -> Iterator[str]:
    try:
        stat = folder.stat()
        folder_id = (stat.st_dev, stat.st_ino)
        if folder_id in parent_ids:
            return
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not _is_ignored(entry.name)]
    except PermissionError:
        raise UserError(f"{folder}: this folder may not be read; permit it (chmod u+rx) or remove it") from None
    for entry in entries:
        if entry.is_dir():
            yield from _walk_files(Path(entry.path), f"{prefix}{entry.name}/", (*parent_ids, folder_id))
        elif entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists()):
            yield prefix + entry.name


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def parts_from_folders(names: Sequence[str]) -> list[PartName] | None:
    """The part that each file's first folder names; None unless all of them do, and name at least two parts.

    Args:
        names: files relative to a folder, as `files` lists them.
    """
    tops = [name.split("/")[0].lower() if "/" in name else "" for name in names]
    if not set(tops) <= set(PART_FOLDER_NAMES):
        return None
    found = [PART_FOLDER_NAMES[top] for top in tops]
    return found if len(set(found)) > 1 else None
