"""Fingerprints: hashes of files and folders, and of all that a source names."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.runtime.hash_cache import HashCache
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.database import DatabaseRows, fingerprint_database
from pipelines.sources.files.database_address import is_database_address
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.folders import list_files
from pipelines.sources.files.locations import source_locations


def fingerprint(path: Path, hashes: HashCache) -> dict[str, Any]:
    """Hash a file, or every file below a folder by name and content.

    Hidden files do not count. A file whose size and time of change are those in `hashes` is not read again.

    Returns:
        `files` (how many), `bytes` (together) and `sha256`, which names neither the folder nor the time.

    Raises:
        UserError: there is no such file or folder, or it cannot be read.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    names = list_files(path) if path.is_dir() else [""]
    combined_hash, size = hashlib.sha256(), 0
    for name in names:
        found = hashes.hash_file(path / name if name else path)
        size += found.size
        combined_hash.update(f"{name or path.name}\0{found.size}\0{found.sha256}\n".encode(errors="surrogateescape"))
    hashes.keep_only(path, names)
    return {"files": len(names), "bytes": size, "sha256": combined_hash.hexdigest()}


def fingerprint_source(source: Mapping[str, Any], downloads: Path, hashes: HashCache) -> list[dict[str, Any]]:
    """What every place that a source names holds now; an address is fetched to `downloads` first.

    Of a database's server, the rows that the source reads are hashed: they are read for it every time.

    A place that is missing is no error here, it is written down as missing: the stage that reads it reports it.
    """
    return [
        _fingerprint_place(setting, place, source, downloads, hashes) for setting, place in source_locations(source)
    ]


def _fingerprint_place(
    setting: str, place: str, source: Mapping[str, Any], downloads: Path, hashes: HashCache
) -> dict[str, Any]:
    try:
        if is_database_address(place):
            rows = DatabaseRows(place, source.get("table"), source.get("query"))
            return {"setting": setting, **fingerprint_database(rows)}
        return {"setting": setting, **fingerprint(resolve_location(place, downloads), hashes)}
    except (UserError, OSError):
        return {"setting": setting, "missing": True}
