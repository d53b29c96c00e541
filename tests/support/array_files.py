"""Array files for tests."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.data.dataset import Dataset
from pipelines.sources.arrays.load import ArraysSettings, load_arrays

DRAWN = np.random.default_rng(0)


IMAGES = DRAWN.integers(0, 256, (6, 5, 4), dtype=np.uint8)


COLOURED = DRAWN.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)


ROWS = DRAWN.normal(size=(6, 3)).astype(np.float32)


SEQUENCES = DRAWN.normal(size=(6, 7, 2)).astype(np.float32)


CODES = np.array([0, 2, 1, 0, 2, 2])


def npy(values: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, **options)
    return buffer.getvalue()


def idx(values: np.ndarray) -> bytes:
    """As http://yann.lecun.com/exdb/mnist/ says: 00 00, the type, the number of axes, their lengths, the numbers."""
    number = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[values.dtype.str[1:]]
    lengths = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, number, values.ndim]) + lengths + values.astype(values.dtype.newbyteorder(">")).tobytes()


def loaded(folder: Path, x: Any, y: Any = None, **more: Any) -> Dataset:
    """Load inputs and a target that are arrays, or the bytes of files."""
    for name, content in (("x", x), ("y", y)):
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else npy(content))
    named = {"inputs": str(folder / "x")} | ({} if y is None else {"target": str(folder / "y")})
    return load_arrays(ArraysSettings.model_validate({"kind": "arrays", **named, **more}))
