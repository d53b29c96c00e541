"""Arrays in files: `.npy`, `.npz` and idx (the format of MNIST), opened without loading what need not be loaded.

A file is known by how it begins, not by its name. Nothing is ever unpickled.

.npy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
idx: https://yann.lecun.com/exdb/mnist/ (bottom of the page)
"""

import gzip
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.data.large_arrays import allocate, release_pages
from pipelines.runtime.user_error import UserError

BLOCK_BYTES = 2**22  # bytes read at once
MAX_DEFLATE_RATIO = 1032  # the most bytes that one packed byte can unfold to, in gzip and in .npz
IDX_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}  # the third byte of an idx file
NON_ARRAY_SIGNATURES = (  # how files begin that hold no such array, and what to do about each
    (b"\x80", "a pickle, which may run any program when it is read; save the array with numpy.save"),
    (b"\x89HDF", "HDF5 (Keras and MATLAB 7.3 write it); save the array with numpy.save"),
    (b"MATLAB 5", "of MATLAB; save the array with numpy.save"),
    (b"PAR1", "a Parquet file; use `kind: table`"),
    (b"\x89PNG", "a picture; use `kind: images`"),
    (b"\xff\xd8\xff", "a picture; use `kind: images`"),
)


class ByteStream(Protocol):
    """Anything that bytes are read from, packed or not."""

    def read(self, size: int = -1, /) -> bytes: ...


class NamedArray(NamedTuple):
    """An array and what it is called in sentences."""

    file: str
    where: str
    values: NDArray[Any]


def open_array(path: Path, where: str, key: str | None = None) -> NDArray[Any]:
    """Open an array; a `.npy` and an unpacked idx file are memory-mapped, read-only.

    Args:
        path: the file.
        where: its name in the settings, for sentences.
        key: which array of an `.npz`; None for the other formats.

    Raises:
        UserError: the file is empty, cut off, of another format, or holds Python objects.
    """
    if not path.is_file():
        raise UserError(f"{where}: must be a file with an array, but is a folder")
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise UserError(f"{where}: cannot be read ({error.strerror}); check its permissions") from None
    if not start:
        raise UserError(f"{where}: is empty (0 bytes)")
    is_archive = start.startswith(b"PK")
    if is_archive and key is None:
        raise UserError(
            f"{where}: holds several arrays; set `path` to it, and `arrays: {{inputs: ..., target: ...}}` to what they "
            "are called"
        )
    if key is not None and not is_archive:
        raise UserError(f"{where}: is no .npz, which `path` must name; name it as `inputs` or `target` instead")
    if key is not None:
        return _read_npz_member(path, where, key)
    for beginning, reader in READERS.items():
        if start.startswith(beginning):
            return reader(path, where)
    raise UserError(f"{where}: is no .npy, .npz or idx file but {_describe_content(start)}")


def _describe_content(start: bytes) -> str:
    for beginning, what in NON_ARRAY_SIGNATURES:
        if start.startswith(beginning):
            return what
    if all(byte >= 32 or byte in b"\t\r\n" for byte in start):
        line = (start.decode("utf-8", "replace").splitlines() or [""])[0][:40]
        return f"text that begins with {line!r}; use `kind: table` for rows of text, or save the array with numpy.save"
    return f"begins with the bytes {start[:4].hex(' ')}; save the array with numpy.save"


def _open_npy(path: Path, where: str) -> NDArray[Any]:
    with path.open("rb") as stream:
        shape, fortran, dtype = _read_npy_header(stream, where)
        offset = stream.tell()
    _check_size(path.stat().st_size - offset, shape, dtype, where)
    if not math.prod(shape):
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")


def _read_npy_header(stream: ByteStream, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and dtype that a .npy begins with."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = readers[version](stream)
    except Exception as error:  # NumPy's reader evaluates the header and raises many kinds
        what = " ".join(str(error).split())[:100]
        raise UserError(f"{where}: is damaged, its header cannot be read ({what}); save it again") from None
    if dtype.hasobject:
        raise UserError(
            f"{where}: holds Python objects (dtype {dtype}), which are pickled and may run any program when read; "
            f"save an array of numbers: numpy.save(file, array.astype(float)), sequences of one length"
        )
    return shape, fortran, dtype


def _check_size(found: int, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    expected = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or found != expected:
        what = "is cut off" if found < expected else "holds more than one array"
        raise UserError(
            f"{where}: {what}: its header says {expected} bytes of numbers ({dtype}, shape {shape}), found {found}; "
            f"save or fetch it again"
        )


def _read_npz_member(path: Path, where: str, key: str) -> NDArray[Any]:
    """One array of an .npz, unpacked into memory, or on disk if it is large."""
    try:
        with zipfile.ZipFile(path) as archive:
            keys = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            if key not in keys:
                raise UserError(
                    f"{where}: holds no array {key!r}; it holds {', '.join(keys[:20]) or 'no arrays'}; "
                    "name one under `arrays`"
                )
            member_info = archive.getinfo(f"{key}.npy")
            member = f"{where}, array {key}"
            with archive.open(member_info) as stream:
                shape, fortran, dtype = _read_npy_header(stream, member)
                _check_size(member_info.file_size - stream.tell(), shape, dtype, member)
                _check_deflate_ratio(member_info.file_size, member_info.compress_size, member)
                return _read_stream_values(stream, shape[::-1] if fortran else shape, dtype, member, transposed=fortran)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{where}: is damaged, cut off or locked ({error}); save or fetch it again") from None


def _check_deflate_ratio(size: int, packed: int, where: str) -> None:
    if size > MAX_DEFLATE_RATIO * packed + BLOCK_BYTES:
        raise UserError(f"{where}: says that {packed} bytes unfold to {size}, which cannot be; save or fetch it again")


def _read_stream_values(
    stream: ByteStream, shape: tuple[int, ...], dtype: np.dtype[Any], where: str, transposed: bool = False
) -> NDArray[Any]:
    """Read an array from what is left of a stream."""
    array = allocate(shape, dtype)
    flat = array.reshape(-1).view(np.uint8) if array.size else np.empty(0, np.uint8)
    offset = 0
    while offset < len(flat):
        block = stream.read(min(BLOCK_BYTES, len(flat) - offset))
        if not block:
            raise UserError(f"{where}: is cut off after {offset} of {len(flat)} bytes of numbers; fetch it again")
        flat[offset : offset + len(block)] = np.frombuffer(block, np.uint8)
        offset += len(block)
        release_pages(array)
    if stream.read(1):
        raise UserError(
            f"{where}: goes on after the {len(flat)} bytes that its header says (shape {shape}); fetch it again"
        )
    return array.T if transposed else array


def _read_gzip_idx(path: Path, where: str) -> NDArray[Any]:
    try:
        with gzip.open(path) as stream:
            shape, dtype = _read_idx_header(stream, where)
            _check_deflate_ratio(math.prod(shape) * dtype.itemsize, path.stat().st_size, where)
            return _to_native_byte_order(_read_stream_values(stream, shape, dtype, where))
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{where}: is damaged or cut off ({error}); fetch it again") from None


def _open_idx(path: Path, where: str) -> NDArray[Any]:
    with path.open("rb") as stream:
        shape, dtype = _read_idx_header(stream, where)
        offset = stream.tell()
    _check_size(path.stat().st_size - offset, shape, dtype, where)
    return _to_native_byte_order(
        np.memmap(path, dtype, "r", offset, shape) if math.prod(shape) else np.zeros(shape, dtype)
    )


def _read_idx_header(stream: ByteStream, where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Two zero bytes, the type, how many axes; then the length of each axis in four bytes."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_DTYPES or not 1 <= magic[3] <= 4:
        unpack = "; unpack it if it is a packed .npy" if magic == b"\x93NUM" else ""
        raise UserError(
            f"{where}: is no idx file: it must begin with 00 00, a type ({', '.join(f'{n:02x}' for n in IDX_DTYPES)}) "
            f"and 1 to 4 axes, found {magic.hex(' ') or 'nothing'}{unpack}"
        )
    lengths = stream.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise UserError(f"{where}: is cut off within its header; fetch it again")
    return tuple(int(length) for length in np.frombuffer(lengths, ">u4")), np.dtype(IDX_DTYPES[magic[2]])


def _to_native_byte_order(array: NDArray[Any]) -> NDArray[Any]:
    """In this machine's order of bytes; idx is written in the other one."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


READERS: dict[bytes, Callable[[Path, str], NDArray[Any]]] = {  # how a file begins -> what opens it
    b"\x93NUMPY": _open_npy,
    b"\x1f\x8b": _read_gzip_idx,
    b"\0\0": _open_idx,
}
