"""Large arrays: in memory while they are small, in a memory-mapped scratch file when they are not."""

import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipelines.data.dataset import chunks

if TYPE_CHECKING:
    import pyarrow

MAX_IN_MEMORY_BYTES = 2**24  # bytes; what is larger is written to a file and mapped
SCRATCH_FOLDER = Path(".state", "sources")


def allocate(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros to be filled.

    The file of a large one has no name: the system frees its space when the array, or the process, is gone, however
    it goes. All of the space is asked for at once, because a disk that fills up under a mapped array ends the
    process without a word.

    Raises:
        OSError: the disk of `.state/` has too little space.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= MAX_IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with open_scratch_file() as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(SCRATCH_FOLDER)) from None
        return np.memmap(file, dtype, "r+", shape=shape)


def take_rows(values: NDArray[Any], rows: NDArray[np.bool_]) -> NDArray[Any]:
    """The rows of `values` (N, ...) that are marked in `rows` (N,)."""
    places = np.flatnonzero(rows)
    selected = allocate((len(places), *values.shape[1:]), values.dtype)
    for part in chunks(selected):
        selected[part] = values[places[part]]
    return selected


def read_batches(reader: "pyarrow.RecordBatchReader", size: int) -> "pyarrow.Table":
    """All batches of a reader of about `size` bytes as a table; that of a large one lies in a file without a name.

    Raises:
        OSError: the disk of `.state/` has too little space.
    """
    import pyarrow

    if size <= MAX_IN_MEMORY_BYTES:
        return reader.read_all()
    with open_scratch_file() as file:
        with pyarrow.ipc.new_stream(pyarrow.PythonFile(file, "w"), reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        file.flush()
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pyarrow.ipc.open_stream(pyarrow.py_buffer(content)).read_all()


@final
class BatchStore:
    """Batches of rows that come one by one, each with columns and types of its own; many of them lie on disk."""

    def __init__(self) -> None:
        self._held: list[pyarrow.RecordBatch] = []  # in memory
        self._size = 0  # bytes of these
        self._file: IO[bytes] | None = None
        self._starts: list[int] = []  # of each batch in the file

    def add(self, batch: "pyarrow.RecordBatch") -> None:
        """Keep a batch.

        Raises:
            OSError: the disk of `.state/` has too little space.
        """
        self._held.append(batch)
        self._size += batch.nbytes
        if self._size > MAX_IN_MEMORY_BYTES:
            self._write_held()

    def take_batches(self) -> "list[pyarrow.RecordBatch]":
        """All of them, in their order; nothing is kept or taken afterwards."""
        import pyarrow

        if self._file is None:
            return self._held
        self._write_held()
        with self._file as file:
            content = pyarrow.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return [pyarrow.ipc.open_stream(content.slice(start)).read_next_batch() for start in self._starts]

    def _write_held(self) -> None:
        import pyarrow

        if self._file is None:
            self._file = open_scratch_file()
        for batch in self._held:
            self._starts.append(self._file.tell())
            with pyarrow.ipc.new_stream(pyarrow.PythonFile(self._file, "w"), batch.schema) as writer:
                writer.write_batch(batch)
        self._file.flush()
        self._held, self._size = [], 0


def release_pages(values: NDArray[Any]) -> None:
    """Give back the memory that holds what was read of, or written to, a mapped file; its content stays as it is.

    Otherwise all of a file that was walked through counts as memory of this process until another one needs it.
    """
    mapped = getattr(values, "_mmap", None)
    if isinstance(mapped, mmap.mmap) and getattr(values, "mode", "c") != "c":  # "c" holds changes in memory alone
        mapped.madvise(mmap.MADV_DONTNEED)


def released_chunks(values: NDArray[Any]) -> Iterator[slice]:
    """Walk through the rows of an array in `chunks`, forgetting each."""
    for rows in chunks(values):
        yield rows
        release_pages(values)


def open_scratch_file() -> IO[bytes]:
    """A file without a name on the disk of `.state/`, gone when it is closed and nothing maps it."""
    SCRATCH_FOLDER.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=SCRATCH_FOLDER)
