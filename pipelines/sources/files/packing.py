"""Packed files: gzip, bzip2, xz and Zstandard, known by how they begin and unpacked as a stream."""

import bz2
import gzip
import lzma
import mmap
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from pipelines.data.large_arrays import MAX_IN_MEMORY_BYTES, open_scratch_file
from pipelines.runtime.user_error import UserError

BLOCK_BYTES = 2**20  # bytes unpacked at once
MAX_UNPACKED_BYTES = 2**36  # bytes that one file may unfold to
TAR_OFFSET, TAR_MARK = 257, b"ustar"  # where a tar archive says that it is one


class Packing(NamedTuple):
    """One way to pack a file."""

    name: str
    signature: bytes  # how a packed file begins
    suffix: str  # how its name ends
    open: Callable[[Path], Any]  # a stream of what is inside


def _open_zstandard(path: Path) -> Any:
    import pyarrow

    return pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd")


PACKINGS = (
    Packing("gzip", b"\x1f\x8b", ".gz", gzip.open),
    Packing("bzip2", b"BZh", ".bz2", bz2.open),
    Packing("xz", b"\xfd7zXZ\0", ".xz", lzma.open),
    Packing("Zstandard", b"\x28\xb5\x2f\xfd", ".zst", _open_zstandard),
)


def find_packing(beginning: bytes) -> Packing | None:
    """How a file that begins so is packed; None if it is not."""
    return next((packing for packing in PACKINGS if beginning.startswith(packing.signature)), None)


def inner_path(path: Path) -> Path:
    """The name of what is inside: sales.csv of sales.csv.gz."""
    return path.with_suffix("") if path.suffix.lower() in {packing.suffix for packing in PACKINGS} else path


def map_file(path: Path) -> "mmap.mmap | bytes":
    """The bytes of a file, unpacked; those of a large one in memory that the system may take back.

    Raises:
        OSError: there is no such file, it cannot be read, or the disk of `.state/` has too little space.
        UserError: it is packed and damaged, or would unfold to more than MAX_UNPACKED_BYTES.
    """
    with path.open("rb") as file:
        packing = find_packing(file.read(8))
        if packing is None:
            return _map(file) if file.seek(0, 2) else b""
    blocks = _unpack(path, packing)
    beginning = b""
    for block in blocks:
        beginning += block
        if len(beginning) > MAX_IN_MEMORY_BYTES:
            break
    else:
        return beginning
    with open_scratch_file() as scratch:
        scratch.write(beginning)
        scratch.writelines(blocks)
        scratch.flush()
        return _map(scratch)


def _map(file: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _unpack(path: Path, packing: Packing) -> Iterator[bytes]:
    count = 0
    try:
        with packing.open(path) as stream:
            for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
                if not count and block[TAR_OFFSET:].startswith(TAR_MARK):
                    raise UserError(f"{path} is a packed tar archive; unpack it, and name a file that was in it")
                count += len(block)
                if count > MAX_UNPACKED_BYTES:
                    raise UserError(f"{path} unfolds to more than {MAX_UNPACKED_BYTES} bytes; name a shorter file")
                yield block
    except UserError:
        raise
    except (EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # our disk, not the file
        what = " ".join(str(error).split())[:100]
        raise UserError(
            f"{path} is packed by {packing.name}, and damaged or cut off ({what}); fetch it again"
        ) from None
