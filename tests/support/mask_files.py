"""Masks for tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.data.dataset import Dataset
from pipelines.sources.masks.load import MasksSettings, load_masks

CODES = (np.add.outer(np.arange(16), np.arange(16)) // 8 % 3).astype(np.uint8)  # (16, 16), classes 0, 1, 2


def png(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(buffer, kind, **options)
    return buffer.getvalue()


def photo(seed: int = 0, shape: tuple[int, ...] = (16, 16)) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def loaded(folder: Path, **settings: object) -> Dataset:
    places = {"images": str(folder / "images"), "masks": str(folder / "masks")}
    return load_masks(MasksSettings.model_validate({"kind": "masks", **places, **settings}))
