"""Image files: kinds, orientation, sizes and colours."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from pipelines.sources.images.decode import FIT_METHODS
from pipelines.sources.images.load import ImagesSettings
from tests.support.image_files import RAMP, grey, loaded, many, saved, written

COLOURS = np.stack([RAMP, 255 - RAMP, np.full_like(RAMP, 100)], axis=-1)  # (8, 8, 3)


def transparent() -> Image.Image:
    alpha = np.zeros((8, 8), dtype=np.uint8)
    alpha[:, 4:] = 255
    return Image.fromarray(np.dstack([COLOURS, alpha]))


def with_palette(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels // 4)
    image.putpalette([level for number in range(64) for level in (4 * number, 255 - 4 * number, 100)])
    return image


HALF_BLACK = np.where((np.arange(8) >= 4)[None, :, None], COLOURS, 0).astype(np.uint8)


KINDS: dict[str, tuple[str, bytes, np.ndarray]] = {
    "grey": ("x.png", saved(Image.fromarray(RAMP), "PNG"), RAMP),
    "colour": ("x.png", saved(Image.fromarray(COLOURS), "PNG"), COLOURS),
    "an upper-case ending": ("x.PNG", saved(Image.fromarray(RAMP), "PNG"), RAMP),
    "BMP": ("x.bmp", saved(Image.fromarray(COLOURS), "BMP"), COLOURS),
    "TIFF": ("x.tif", saved(Image.fromarray(COLOURS), "TIFF"), COLOURS),
    "packed TIFF": ("x.TIFF", saved(Image.fromarray(COLOURS), "TIFF", compression="tiff_lzw"), COLOURS),
    "WebP": ("x.webp", saved(Image.fromarray(COLOURS), "WEBP", lossless=True), COLOURS),
    "a PNG called JPEG": ("x.jpg", saved(Image.fromarray(RAMP), "PNG"), RAMP),
    "grey with alpha": ("x.png", saved(Image.fromarray(RAMP).convert("LA"), "PNG"), RAMP),
    "transparent": ("x.png", saved(transparent(), "PNG"), HALF_BLACK),
    "palette": ("x.png", saved(with_palette(RAMP), "PNG"), COLOURS),
    "GIF": ("x.gif", saved(Image.fromarray(RAMP), "GIF"), RAMP),
    "1 bit": ("x.png", saved(Image.fromarray(RAMP >= 128), "PNG"), np.where(RAMP >= 128, 255, 0).astype(np.uint8)),
    "16 bits": ("x.png", saved(Image.fromarray(RAMP.astype(np.uint16) * 257), "PNG"), RAMP),  # 257 = 65535 / 255
    "16 bits in TIFF": ("x.tif", saved(Image.fromarray(RAMP.astype(np.uint16) * 257), "TIFF"), RAMP),
    "inks": ("x.tif", saved(Image.fromarray(np.dstack([255 - COLOURS, 0 * RAMP]), "CMYK"), "TIFF"), COLOURS),
}


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_becomes_pixels(kind: str, tmp_path: Path) -> None:
    name, content, pixels = KINDS[kind]
    data = loaded(written(tmp_path, {f"a/{name}": content}))
    np.testing.assert_array_equal(data.part.inputs[0], pixels[None])
    assert data.schema.inputs[0].shape == pixels.shape


def test_jpeg_pixels_are_within_compression_error(tmp_path: Path) -> None:
    smooth = Image.fromarray(np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 4)
    data = loaded(written(tmp_path, {"a/x.JPG": saved(smooth, "JPEG", quality=95)}))
    assert np.abs(data.part.inputs[0][0].astype(int) - np.array(smooth)).max() <= 4


@pytest.mark.parametrize("mark", range(1, 9))
def test_exif_orientation_is_applied(mark: int, tmp_path: Path) -> None:
    """https://jdhao.github.io/2019/07/31/image_rotation_exif_info/ draws the eight of them."""
    upright = RAMP[:, :5]  # taller than wide
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright), 7: np.rot90(upright, 2).T, 8: np.rot90(upright, -1),
    }[mark]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = mark
    for kind in ("PNG", "TIFF"):
        content = saved(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
        data = loaded(written(tmp_path / kind, {f"a/x.{kind.lower()}": content}))
        np.testing.assert_array_equal(data.part.inputs[0], upright[None], kind)
        assert any("0 of" not in note and "Turned upright" in note for note in data.notes) == (mark > 1)


def test_the_first_of_several_frames_is_taken_and_said(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((8, 8), level, dtype=np.uint8)) for level in (10, 200)]
    files = {
        f"a/x.{kind}": saved(frames[0], kind, save_all=True, append_images=frames[1:])
        for kind in ("gif", "tiff", "png")
    }
    data = loaded(written(tmp_path, files))
    assert (data.part.inputs[0] == 10).all()
    assert "Of several frames or pages, the first was taken: 3 of 3 images, the first of them a/x.gif." in data.notes


def test_dark_16_bit_images_are_warned_of(tmp_path: Path) -> None:
    twelve_bits = saved(Image.fromarray(RAMP.astype(np.uint16) * 16), "PNG")  # at most 4032 of 65535
    (warning,) = [one for one in loaded(written(tmp_path, {"a/x.png": twelve_bits})).findings if one.level == "warning"]
    assert (warning.check, warning.concerns) == ("dark_images", 1)
    assert "4032 of 65535, so they use 16 of 256 levels" in warning.sentence


def test_the_commonest_size_is_taken_and_others_are_fitted_in(tmp_path: Path) -> None:
    wide = np.full((4, 8), 200, dtype=np.uint8)
    wide[1:3, 1:7] = 90
    files = {"a/0.png": grey(0), "a/1.png": grey(1), "b/2.png": saved(Image.fromarray(wide), "PNG")}
    data = loaded(written(tmp_path, files))
    expected = np.full((8, 8), 200)  # the border's median
    expected[3:5, 1:7] = 90
    np.testing.assert_array_equal(data.part.inputs[0][2], expected)
    assert "8 x 8 pixels (height x width), the commonest size (2 of 3 files)" in data.notes[0]


def test_large_images_without_a_size_are_stored_small_and_it_is_said(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, {"a/x.png": saved(Image.new("L", (640, 320), 9), "PNG")}))
    assert data.part.inputs[0].shape == (1, 64, 128)
    assert "no side is stored longer than 128" in data.notes[0]


@pytest.mark.parametrize("fit", FIT_METHODS)
@given(shape=st.tuples(st.integers(1, 40), st.integers(1, 40)), size=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_every_fit_gives_the_size_asked_for_and_keeps_a_single_colour(
    fit: str, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    fitted = FIT_METHODS[fit](Image.new("L", shape, 77), *size)
    assert fitted.size == size
    assert (np.array(fitted) == 77).all()


@pytest.mark.parametrize(("size", "stored"), [(16, (16, 16)), ([4, 6], (4, 6)), ((4, 6), (4, 6))])
def test_a_size_is_one_number_or_height_and_width(size: object, stored: tuple[int, int], tmp_path: Path) -> None:
    assert loaded(many(tmp_path), size=size).part.inputs[0].shape == (12, *stored)


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"size": -3}, {"size": [8]}, {"size": [8, 8, 3]}, {"size": "8"}, {"size": 8.5}, {"size": True},
     {"size": 10**6}, {"colour": "sepia"}, {"fit": "cover"}, {"colours": "grey"}, {"path": None}, {"path": 3}],
)  # fmt: skip
def test_invalid_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImagesSettings.model_validate({"kind": "images", "path": "photos", **wrong})


def test_settings_can_be_hashed() -> None:
    settings = ImagesSettings.model_validate({"kind": "images", "path": "photos", "size": [8, 8]})
    assert hash(settings) == hash(settings.model_copy())


@pytest.mark.parametrize(("colour", "shape"), [(None, (8, 8, 3)), ("grey", (8, 8)), ("rgb", (8, 8, 3))])
def test_one_coloured_image_makes_all_of_them_coloured(
    colour: str | None, shape: tuple[int, ...], tmp_path: Path
) -> None:
    files = {"a/x.png": grey(), "b/y.png": saved(Image.fromarray(COLOURS), "PNG")}
    assert loaded(written(tmp_path, files), colour=colour).schema.inputs[0].shape == shape
