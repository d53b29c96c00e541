"""Where a path of the settings leads, and what is there: a file, a folder, or an address that is fetched once."""

import difflib
import hashlib
import http.client
import re
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pipelines.runtime.locks import alone
from pipelines.runtime.user_error import Failure

CACHE = Path(".state", "downloads")
TIMEOUT = 30  # seconds without a byte, after which a connection is given up
BLOCK = 2**18  # bytes read at once
HASH = re.compile(r"[0-9a-f]{64}")
ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def local(path: str, cache: Path = CACHE) -> Path:
    """Find what a path of the settings means: itself if it exists, or the fetched copy of an http(s) address.

    An address is fetched into `cache/<sha256>/<file name>` once. A connection that breaks off is taken up where it
    broke, at once while the file grows, or in a later call. Nothing is unpacked.

    Args:
        path: relative to the project's folder, absolute, or an address with the sha256 of its file behind it:
            `https://example.org/x.npy#sha256=<64 digits>`.
        cache: the folder of fetched files.

    Raises:
        Failure: there is no such file or folder; or the address has no sha256, cannot be fetched or holds another
            file.
    """
    if not ADDRESS.match(path):
        if not Path(path).exists():
            raise Failure(_missing(Path(path)))
        return Path(path)
    address, _, fragment = path.partition("#")
    said = re.sub(r"//[^/@]*@", "//", address)  # without a password
    stated = fragment.removeprefix("sha256=").lower()
    _check_address(address, said)
    if not HASH.fullmatch(stated):
        raise Failure(
            f"{said}: an address needs the sha256 of its file behind it, 64 digits of 0-9 and a-f, "
            f"{f'found {stated!r}' if stated else 'found none'}; take it from the publisher, or fetch the file, look "
            f"at it and run `sha256sum FILE`, then write {said}#sha256=<the digits>"
        )
    target = cache / stated / _name(address)
    if not target.exists():
        with alone(cache / stated / "lock", f"waiting: another process is fetching {said}"):
            if not target.exists():
                _fetch(address, said, stated, target)
    return target


def _check_address(address: str, said: str) -> None:
    if address.partition("://")[0].lower() not in ("http", "https"):
        raise Failure(f"{said}: an address begins with http:// or https://; fetch it yourself and name the file")
    try:
        whole = urlsplit(address)
        usable = bool(whole.hostname) and (whole.port is None or whole.port > 0) and not re.search(r"\s", address)
    except ValueError:  # a port that is no number, say
        usable = False
    if not usable:
        raise Failure(f"{said}: is no usable address; it must be written as https://example.org/folder/file.npy")


def _name(address: str) -> str:
    name = PurePosixPath(unquote(urlsplit(address).path)).name
    clean = re.sub(r"[^\w.,=+ -]", "_", name).lstrip(".")[-120:]
    return clean if clean not in ("", "lock") else "download"


def _missing(path: Path) -> str:
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


def _fetch(address: str, said: str, sha256: str, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    while True:
        before = _size(part)
        broken = _continued(address, said, part)
        if broken is None:
            break
        if _size(part) <= before:
            raise Failure(f"{said}: {broken}; {_size(part)} bytes are kept, and the next run goes on from there")
    with part.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        size = _size(part)
        part.unlink()
        raise Failure(
            f"{said}: the fetched file ({size} bytes) has the sha256 {found}, but the settings say {sha256}: it is "
            f"another file, or was damaged on its way, and is not kept. Look at it before you change the setting"
        )
    part.replace(target)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _continued(address: str, said: str, part: Path) -> str | None:
    """Fetch what a file still lacks; None if it is whole, otherwise why the connection ended.

    Raises:
        Failure: the server refuses.
    """
    have = _size(part)
    headers = {"User-Agent": "bakeoff", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=TIMEOUT) as reply:
            begins = re.match(r"bytes (\d+)-", reply.headers.get("Content-Range", ""))
            goes_on = reply.status == 206 and begins is not None and int(begins[1]) == have
            return _received(reply, part, have if goes_on else 0)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is left to fetch, or the file there is another one
            if error.headers.get("Content-Range", "") == f"bytes */{have}":
                return None
            part.unlink()
            return _continued(address, said, part)
        raise Failure(f"{said}: the server answers {error.code} {error.reason}; check the address") from None
    except urllib.error.URLError as error:
        return f"cannot be reached ({_reason(error.reason)}); check the address and the network"
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # our disk, not their network
        return f"the connection broke off ({_reason(error)})"


def _received(reply: http.client.HTTPResponse, part: Path, have: int) -> str | None:
    """Write what a reply brings behind the first `have` bytes; None if it is as long as the reply promised."""
    promised = reply.headers.get("Content-Length")
    with part.open("ab" if have else "wb") as file:
        while block := reply.read(BLOCK):
            file.write(block)
    got = _size(part) - have
    if promised is not None and got < int(promised):
        return f"the connection broke off after {have + got} of {have + int(promised)} bytes"
    return None


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no byte for {TIMEOUT} seconds"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
