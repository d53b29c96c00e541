"""Masks of another size, tiles, and the camera's orientation."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.sources.masks.load import cut_tiles
from tests.support.mask_files import CODES, loaded, photo, png, written


@pytest.mark.parametrize("fit", ["stretch", "crop"])
def test_a_mask_goes_with_its_image_to_another_size_and_mixes_no_classes(fit: str, tmp_path: Path) -> None:
    blocks = np.kron(CODES[:8, :8], np.ones((4, 4), dtype=np.uint8))  # (32, 32)
    shown = (blocks * 100).astype(np.uint8)
    written(tmp_path, {"images/x.png": png(shown), "masks/x.png": png(blocks)})
    data = loaded(tmp_path, size=[16, 16], fit=fit)
    np.testing.assert_array_equal(data.part.target[0], blocks[::2, ::2])
    np.testing.assert_array_equal(data.part.inputs[0][0][1:-1:2, 1:-1:2].shape, (7, 7))
    inside = data.part.inputs[0][0] % 100 == 0  # pixels that no border runs through
    np.testing.assert_array_equal(data.part.inputs[0][0][inside] // 100, data.part.target[0][inside])


def test_tiles_of_an_image_keep_its_name_and_cover_what_fits(tmp_path: Path) -> None:
    files = {"images/b.png": photo(1, (20, 27)), "masks/b.png": png(np.resize(CODES, (20, 27))),
             "images/a.png": photo(2, (8, 8)), "masks/a.png": png(CODES[:8, :8])}  # fmt: skip
    data = loaded(written(tmp_path, files), tile=8)
    whole = np.array(Image.open(tmp_path / "images" / "b.png"))
    assert data.keys["image"].tolist() == ["a"] + ["b"] * 6  # 2 rows of 3
    np.testing.assert_array_equal(data.part.inputs[0][1:4], [whole[:8, :8], whole[:8, 8:16], whole[:8, 16:24]])
    np.testing.assert_array_equal(data.part.target[4], np.resize(CODES, (20, 27))[8:16, :8])
    left_out = 1 - (64 + 6 * 64) / (64 + 20 * 27)
    assert f"{left_out:.1%} of the pixels" in data.notes[0]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 9), st.sampled_from([(), (3,)]))
def test_tiles_put_together_are_the_image(high: int, wide: int, side: int, channels: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, (high, wide, *channels), dtype=np.uint8)
    cut = cut_tiles(values, side)
    assert cut.shape == ((high // side) * (wide // side), side, side, *channels)
    for number, tile in enumerate(cut):
        row, column = divmod(number, wide // side)
        np.testing.assert_array_equal(tile, values[row * side :, column * side :][:side, :side])


def test_exif_orientation_turns_image_and_mask(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    turned = np.rot90(CODES[:, :10]).copy()
    shown, mask = png((turned * 100).astype(np.uint8), exif=exif), png(turned, exif=exif)
    written(tmp_path, {"images/x.png": shown, "masks/x.png": mask})
    data = loaded(tmp_path)
    np.testing.assert_array_equal(data.part.target[0], CODES[:, :10])
    np.testing.assert_array_equal(data.part.inputs[0][0], CODES[:, :10] * 100)
