"""The augmentation preview: layout, sizes, the same bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.reporting.plots.augmentation_preview import SHEET_COLUMNS, augmentation_sheet, write_preview


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def schema_of(shape: tuple[int, ...], classes: int) -> Schema:
    names = tuple(f"class {number} with a long name" for number in range(classes))
    return Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=shape, range=(0, 255)),),
        target=Field(name="label", kind="category", dtype="int64", shape=(), categories=names),
        title="Noise",
        origin="made here",
        licence="none",
    )


def sheet_of(path: Path, images: np.ndarray, classes: int = 2) -> Image.Image:
    target = np.broadcast_to(np.arange(images.shape[1]) % classes, images.shape[:2])
    write_preview(path, schema_of(images.shape[2:], classes), Part((images,), target), "Turned by up to 10°")
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize(
    "shape", [(4, 30, 8, 8), (1, 30, 8, 8), (4, 3, 28, 28, 1), (3, 30, 60, 90, 3), (2, 4, 500, 300, 3), (30, 2, 5, 1)]
)
def test_a_sheet_is_drawn_for_images_of_any_size_and_number(tmp_path: Path, shape: tuple[int, ...]) -> None:
    sheet = sheet_of(tmp_path / "preview.png", noise(*shape))
    assert sheet.mode == "RGB"
    assert 600 < sheet.width < 1600
    assert 150 < sheet.height < 1200


def test_the_same_images_give_the_same_bytes_without_metadata(tmp_path: Path) -> None:
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    sheet = sheet_of(first, noise(4, 20, 8, 8))
    sheet_of(again, noise(4, 20, 8, 8))
    assert first.read_bytes() == again.read_bytes()
    assert sheet.info == {}


def test_pixels_are_enlarged_without_smoothing() -> None:
    colour = (10, 200, 90)
    images = np.zeros((2, 1, 8, 8, 3), dtype=np.uint8)
    images[1, 0, ::2, ::2] = colour
    sheet = augmentation_sheet(images, [("a", np.array([0]))], "", "")
    pixels = np.asarray(sheet).reshape(-1, 3)
    assert np.count_nonzero((pixels == colour).all(1)) == 16 * 9 * 9  # 16 pixels, 9 times as wide and high


def test_at_most_ten_classes_are_shown_and_the_sheet_says_so(tmp_path: Path) -> None:
    ten = sheet_of(tmp_path / "ten.png", noise(2, 40, 8, 8), classes=10)
    twenty = sheet_of(tmp_path / "twenty.png", noise(2, 40, 8, 8), classes=20)
    assert twenty.height == ten.height
    assert twenty.tobytes() != ten.tobytes()


def test_no_row_has_more_images_than_fit() -> None:
    many = augmentation_sheet(noise(100, 2, 8, 8), [("a", np.array([0, 1]))], "", "")
    few = augmentation_sheet(noise(SHEET_COLUMNS, 2, 8, 8), [("a", np.array([0, 1]))], "", "")
    assert many.size == few.size
