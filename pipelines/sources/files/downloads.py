"""Locations resolved: a file, a folder, or an address that is downloaded once."""

import difflib
import hashlib
import http.client
import re
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pipelines.runtime.locks import exclusive_lock
from pipelines.runtime.user_error import UserError

DOWNLOAD_FOLDER = Path(".state", "downloads")
TIMEOUT_SECONDS = 30  # seconds without a byte, after which a connection is given up
BLOCK_BYTES = 2**18  # bytes read at once
SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
URL_PATTERN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def resolve_location(location: str, cache: Path = DOWNLOAD_FOLDER) -> Path:
    """Find what a path of the settings means: itself if it exists, or the fetched copy of an http(s) address.

    An address is fetched into `cache/<sha256>/<file name>` once. A connection that breaks off is taken up where it
    broke, at once while the file grows, or in a later call. Nothing is unpacked.

    Args:
        location: a path, absolute or relative to the project's folder, or an address with its file's sha256 behind it:
            `https://example.org/x.npy#sha256=<64 digits>`.
        cache: the folder of fetched files.

    Raises:
        UserError: there is no such file or folder; or the address has no sha256, cannot be fetched or holds another
            file.
    """
    if not URL_PATTERN.match(location):
        if not Path(location).exists():
            raise UserError(_missing_path_error(Path(location)))
        return Path(location)
    url, _, fragment = location.partition("#")
    redacted_url = re.sub(r"//[^/@]*@", "//", url)  # without a password
    sha256 = fragment.removeprefix("sha256=").lower()
    _check_url(url, redacted_url)
    if not SHA256_PATTERN.fullmatch(sha256):
        raise UserError(
            f"{redacted_url}: an address needs the sha256 of its file behind it, 64 digits of 0-9 and a-f, "
            f"{f'found {sha256!r}' if sha256 else 'found none'}; take it from the publisher, or fetch the file, look "
            f"at it and run `sha256sum FILE`, then write {redacted_url}#sha256=<the digits>"
        )
    target = cache / sha256 / _file_name(url)
    if not target.exists():
        with exclusive_lock(cache / sha256 / "lock", f"waiting: another process is fetching {redacted_url}"):
            if not target.exists():
                _download(url, redacted_url, sha256, target)
    return target


def _check_url(url: str, redacted_url: str) -> None:
    if url.partition("://")[0].lower() not in ("http", "https"):
        raise UserError(
            f"{redacted_url}: an address begins with http:// or https://; fetch it yourself and name the file"
        )
    try:
        parts = urlsplit(url)
        is_usable = bool(parts.hostname) and (parts.port is None or parts.port > 0) and not re.search(r"\s", url)
    except ValueError:  # a port that is no number, say
        is_usable = False
    if not is_usable:
        raise UserError(
            f"{redacted_url}: is no usable address; it must be written as https://example.org/folder/file.npy"
        )


def _file_name(url: str) -> str:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    clean = re.sub(r"[^\w.,=+ -]", "_", name).lstrip(".")[-120:]
    return clean if clean not in ("", "lock") else "download"


def _missing_path_error(path: Path) -> str:
    """Which folder above is the last that exists, and what is there instead."""
    if path.is_symlink():
        return f"{path} is a link to nothing; repair the link"
    above = next(folder for folder in (*path.parents, Path()) if folder.exists())
    if not above.is_dir():
        return f"{path}: there is no such file: {above} is a file, not a folder"
    place = "the project's folder" if above == Path() else str(above)
    wanted = path.relative_to(above).parts[0]
    try:
        there = sorted(entry.name for entry in above.iterdir() if not entry.name.startswith("."))
    except PermissionError:
        return f"{path}: {place} may not be looked into; permit it (chmod u+rx)"
    near = difflib.get_close_matches(wanted, there, n=3) or there[:8]
    found = f"{place} holds {', '.join(near)}{' ...' * (len(near) < len(there))}" if there else f"{place} is empty"
    return f"{path}: there is no such file or folder; {found}. A path is relative to the project's folder"


def _download(url: str, redacted_url: str, sha256: str, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    while True:
        before = _file_size(part)
        failure_reason = _resume_download(url, redacted_url, part)
        if failure_reason is None:
            break
        if _file_size(part) <= before:
            raise UserError(
                f"{redacted_url}: {failure_reason}; {_file_size(part)} bytes are kept, and the next run goes on from "
                "there"
            )
    with part.open("rb") as content:
        actual_sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    if actual_sha256 != sha256:
        size = _file_size(part)
        part.unlink()
        raise UserError(
            f"{redacted_url}: the fetched file ({size} bytes) has the sha256 {actual_sha256}, but the settings say "
            f"{sha256}: it is another file, or was damaged on its way, and is not kept. Look at it before you change "
            "the setting"
        )
    part.replace(target)


def _file_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _resume_download(url: str, redacted_url: str, part: Path) -> str | None:
    """Fetch what a file still lacks; None if it is whole, otherwise why the connection ended.

    Raises:
        UserError: the server refuses.
    """
    offset = _file_size(part)
    headers = {"User-Agent": "bakeoff", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS) as response:
            range_start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            is_resumed = response.status == 206 and range_start is not None and int(range_start[1]) == offset
            return _write_response(response, part, offset if is_resumed else 0)
    except urllib.error.HTTPError as error:
        if error.code == 416 and offset:  # nothing is left to fetch, or the file there is another one
            if error.headers.get("Content-Range", "") == f"bytes */{offset}":
                return None
            part.unlink()
            return _resume_download(url, redacted_url, part)
        raise UserError(f"{redacted_url}: the server answers {error.code} {error.reason}; check the address") from None
    except urllib.error.URLError as error:
        return f"cannot be reached ({_describe_error(error.reason)}); check the address and the network"
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # our disk, not their network
        return f"the connection broke off ({_describe_error(error)})"


def _write_response(response: http.client.HTTPResponse, part: Path, offset: int) -> str | None:
    """Write the body of a response behind the first `offset` bytes; None if it is as long as its header says."""
    content_length = response.headers.get("Content-Length")
    with part.open("ab" if offset else "wb") as file:
        while block := response.read(BLOCK_BYTES):
            file.write(block)
    received_bytes = _file_size(part) - offset
    if content_length is not None and received_bytes < int(content_length):
        return f"the connection broke off after {offset + received_bytes} of {offset + int(content_length)} bytes"
    return None


def _describe_error(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no byte for {TIMEOUT_SECONDS} seconds"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
