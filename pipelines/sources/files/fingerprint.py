"""Fingerprints: hashes of files and folders, remembered while they do not change."""

import hashlib
import time
from pathlib import Path
from typing import Any

from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.folders import list_files

MIN_FILE_AGE_SECONDS = (
    2  # seconds since a file was changed, before its hash is remembered: a later change may bear the same time
)


def fingerprint(path: Path, hash_cache: Path) -> dict[str, Any]:
    """Hash a file, or every file below a folder by name and content.

    Hidden files do not count. A file whose size and time of change are those in `hash_cache` is not read again.

    Args:
        path: of a file or a folder.
        hash_cache: a JSON file of hashes; it may be missing, and is brought up to date.

    Returns:
        `files` (how many), `bytes` (together) and `sha256`, which names neither the folder nor the time.

    Raises:
        UserError: there is no such file or folder, or it cannot be read.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    names = list_files(path) if path.is_dir() else [""]
    cached_entries = _read_hash_cache(hash_cache)
    place = str(path.absolute())
    new_entries = {
        name: entry for name, entry in cached_entries.items() if name != place and not name.startswith(f"{place}/")
    }
    combined_hash, size = hashlib.sha256(), 0
    for name in names:
        file = path / name if name else path
        digest, entry = _hash_file(file, cached_entries.get(str(file.absolute())))
        size += entry[0]
        combined_hash.update(f"{name or path.name}\0{entry[0]}\0{digest}\n".encode(errors="surrogateescape"))
        if time.time_ns() - entry[1] > MIN_FILE_AGE_SECONDS * 10**9:
            new_entries[str(file.absolute())] = entry
    if new_entries != cached_entries:
        write_json(hash_cache, new_entries)
    return {"files": len(names), "bytes": size, "sha256": combined_hash.hexdigest()}


def _hash_file(file: Path, entry: list[Any] | None) -> tuple[str, list[Any]]:
    """The hash of a file, and the entry to remember: size, time of change (ns) and hash."""
    try:
        stat = file.stat()
        if entry is not None and entry[:2] == [stat.st_size, stat.st_mtime_ns]:
            return str(entry[2]), entry
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        return "", [0, time.time_ns(), ""]  # a link to nothing is not remembered
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check its permissions") from None
    return digest, [stat.st_size, stat.st_mtime_ns, digest]


def _read_hash_cache(hash_cache: Path) -> dict[str, list[Any]]:
    """What an earlier call wrote; nothing if that is missing or damaged."""
    try:
        found = read_json(hash_cache)
    except UserError:
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, list) and len(entry) == 3}
