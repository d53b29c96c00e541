"""Hashes of files and of folders of code, remembered while the files do not change."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.user_error import UserError

MIN_FILE_AGE_SECONDS = (
    2  # seconds since a file was changed, before its hash is remembered: a later change may bear the same time
)
NO_CODE = ("__pycache__", ".")  # names in folders of code that the interpreter, a writer or an editor leaves
NO_CODE_ENDINGS = (".pyc", ".tmp")


class FileHash(NamedTuple):
    size: int  # bytes
    sha256: str  # empty for a link to nothing


class HashCache:
    """Hashes of files by their path, size and time of change, kept in a JSON file that may be deleted at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stored = _read_entries(path)
        self.entries = dict(self.stored)  # size, time of change (ns) and hash, by absolute path

    def hash_file(self, file: Path) -> FileHash:
        """The hash of a file, which is read only if its size or time of change is new.

        Raises:
            UserError: the file cannot be read.
        """
        place = os.path.abspath(file)  # noqa: PTH100  Path.absolute keeps ".." and takes ten times as long
        entry = self.entries.get(place)
        try:
            stat = file.stat()
            if entry is not None and entry[:2] == [stat.st_size, stat.st_mtime_ns]:
                return FileHash(entry[0], entry[2])
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except FileNotFoundError:
            return FileHash(0, "")
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({error.strerror}); check its permissions") from None
        self.entries.pop(place, None)
        if time.time_ns() - stat.st_mtime_ns > MIN_FILE_AGE_SECONDS * 10**9:
            self.entries[place] = [stat.st_size, stat.st_mtime_ns, digest]
        return FileHash(stat.st_size, digest)

    def keep_only(self, folder: Path, names: list[str]) -> None:
        """Forget the files of a folder that have gone; `names` are those that are there."""
        place = str(folder.absolute())
        there = {f"{place}/{name}" if name else place for name in names}
        for gone in [one for one in self.entries if one == place or one.startswith(f"{place}/")]:
            if gone not in there:
                del self.entries[gone]

    def save(self) -> None:
        """Write the hashes down, if there are new ones."""
        if self.entries != self.stored:
            write_json(self.path, self.entries)
            self.stored = dict(self.entries)


def hash_code(path: Path, hashes: HashCache) -> str:
    """The hash of a file of code, or of every file below a folder by name and content.

    What the interpreter and unfinished writers leave there does not count, as .dvcignore says to DVC.

    Raises:
        UserError: there is no such file or folder.
    """
    if path.is_file():
        return hashes.hash_file(path).sha256
    if not path.is_dir():
        raise UserError(f"dvc.yaml: `code` names {path}, and there is no such file or folder; correct the path")
    combined = hashlib.sha256()
    for file in sorted(_code_files(str(path))):
        combined.update(f"{os.path.relpath(file, path)}\0{hashes.hash_file(Path(file)).sha256}\n".encode())
    return combined.hexdigest()


def _code_files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(NO_CODE) or entry.name.endswith(NO_CODE_ENDINGS):
                continue
            if entry.is_dir():
                yield from _code_files(entry.path)
            else:
                yield entry.path


def _read_entries(path: Path) -> dict[str, list[Any]]:
    """What an earlier process wrote; nothing if that is missing or damaged."""
    try:
        found = read_json(path)
    except UserError:
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, list) and len(entry) == 3}
