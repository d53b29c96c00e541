"""Image files for tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.data.dataset import Dataset
from pipelines.sources.images.load import ImagesSettings, load_images

RAMP = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4  # grey levels 0, 4, ... 252


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(seed: int = 0, kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    return saved(Image.fromarray(pixels), kind)


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def loaded(path: Path, **settings: object) -> Dataset:
    return load_images(ImagesSettings.model_validate({"kind": "images", "path": str(path), **settings}))


def many(folder: Path, count: int = 12) -> Path:
    """Enough good images for one bad file to be set aside."""
    return written(folder, {f"{'ab'[number % 2]}/{number:02}.png": grey(number) for number in range(count)})
