"""Masks: which class each pixel is, and which mask belongs to which image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from pipelines.runtime.user_error import UserError
from pipelines.sources.masks.load import MasksSettings
from tests.support.mask_files import CODES, loaded, photo, png, written

COLOURS = np.array([[0, 0, 0], [0, 128, 0], [255, 0, 64]], dtype=np.uint8)  # sorted as 0xRRGGBB


def pair(folder: Path, mask: bytes, name: str = "x.png", image: bytes | None = None) -> Path:
    return written(folder, {"images/x.png": photo() if image is None else image, f"masks/{name}": mask})


def twelve(folder: Path) -> Path:
    files = {f"images/{number:02}.jpg": photo(number) for number in range(12)}
    return written(folder, {**files, **{f"masks/{number:02}.png": png(CODES) for number in range(12)}})


def palette(grey: bool = False) -> Image.Image:
    image = Image.fromarray(CODES)
    image.putpalette([0, 0, 0, 128, 128, 128, 255, 255, 255] if grey else COLOURS.ravel().tolist())
    return image


def overlaid() -> np.ndarray:
    """Colours on what is transparent, and white there."""
    alpha = np.where(CODES == 0, 0, 255).astype(np.uint8)
    return np.dstack([np.where(CODES[..., None] == 0, 255, COLOURS[CODES]).astype(np.uint8), alpha])


NAMED = ("0", "colour #008000", "colour #ff0040")


KINDS: dict[str, tuple[bytes, dict[str, object], tuple[str, ...]]] = {
    "numbers": (png(CODES), {}, ("0", "1", "2")),
    "numbers with gaps": (png(CODES * 7), {}, ("0", "7", "14")),
    "greys": (png(CODES * 127), {}, ("0", "127", "254")),
    "greys saved as colour": (png(np.dstack([CODES * 127] * 3)), {}, ("0", "127", "254")),
    "16 bits": (png(CODES.astype(np.uint16) * 300), {}, ("0", "300", "600")),
    "colours": (png(COLOURS[CODES]), {}, NAMED),
    "a palette": (png(palette()), {}, NAMED),
    "a palette of greys": (png(palette(grey=True)), {}, ("0", "128", "255")),
    "colours on what is transparent": (png(overlaid()), {}, NAMED),
    "TIFF": (png(CODES, "TIFF"), {}, ("0", "1", "2")),
    "BMP": (png(COLOURS[CODES], "BMP"), {}, NAMED),
    "named numbers": (png(CODES), {"classes": {"sky": 0, "tree": 1, "house": 2}}, ("sky", "tree", "house")),
    "named numbers of a palette": (png(palette()), {"classes": {"a": 0, "b": 1, "c": 2}}, ("a", "b", "c")),
    "named colours": (
        png(COLOURS[CODES]), {"classes": {"a": "#000000", "b": [0, 128, 0], "c": "#FF0040"}}, ("a", "b", "c"),
    ),
    "named colours of a palette": (
        png(palette()), {"classes": {"a": "#000000", "b": "#008000", "c": "#ff0040"}}, ("a", "b", "c"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mask_becomes_classes(kind: str, tmp_path: Path) -> None:
    content, settings, names = KINDS[kind]
    data = loaded(pair(tmp_path, content), **settings)
    np.testing.assert_array_equal(data.part.target, CODES[None])
    assert data.schema.target.categories == names
    assert data.schema.target.model_dump(include={"name", "kind", "dtype", "shape"}) == {
        "name": "mask", "kind": "mask", "dtype": "uint8", "shape": (16, 16),
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P"])
def test_black_and_white_masks_agree_however_they_are_saved(mode: str, tmp_path: Path) -> None:
    mask = Image.fromarray(np.where(CODES > 0, 255, 0).astype(np.uint8))
    data = loaded(pair(tmp_path, png(mask.convert(mode))))
    assert data.schema.target.categories == ("0", "255")
    np.testing.assert_array_equal(data.part.target[0], CODES > 0)


def test_settings_order_the_classes_and_a_class_without_pixels_is_a_warning(tmp_path: Path) -> None:
    data = loaded(pair(tmp_path, png(CODES)), classes={"two": 2, "nine": 9, "one": 1, "zero": 0})
    np.testing.assert_array_equal(data.part.target[0], np.array([3, 2, 0])[CODES])
    (found,) = [one for one in data.findings if one.check == "class_pixels"]
    assert (found.level, found.concerns) == ("warning", 1)
    assert "No pixel is nine" in found.sentence


def test_masks_of_colours_and_of_greys_may_be_mixed(tmp_path: Path) -> None:
    files = {"images/1.png": photo(1), "images/2.png": photo(2), "masks/1.png": png(COLOURS[CODES])}
    data = loaded(written(tmp_path, {**files, "masks/2.png": png(CODES * 0)}))
    np.testing.assert_array_equal(data.part.target, [CODES, CODES * 0])


def test_the_share_of_every_class_is_said_and_a_rare_one_noticed(tmp_path: Path) -> None:
    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[:8] = 1
    mask[0, :2] = 2  # 2 of 256 pixels
    (found,) = [one for one in loaded(pair(tmp_path, png(mask))).findings if one.check == "class_pixels"]
    assert "0 50.00%, 1 49.22%, 2 0.78%" in found.sentence
    assert (found.level, found.concerns) == ("notice", 1)


@pytest.mark.parametrize(
    "name",
    ["x.png", "x.tif", "x_mask.png", "x-mask.png", "x_label.png", "x_GT.PNG", "x.mask.png", "x_segmentation.bmp"],
)
def test_a_mask_has_the_name_of_its_image(name: str, tmp_path: Path) -> None:
    kind = {"tif": "TIFF", "bmp": "BMP"}.get(name[-3:], "PNG")
    data = loaded(pair(tmp_path, png(CODES, kind), name))
    np.testing.assert_array_equal(data.part.target[0], CODES)


def test_images_and_masks_may_share_a_folder(tmp_path: Path) -> None:
    written(tmp_path, {"images/x.jpg": photo(), "images/x_mask.png": png(CODES)})
    assert len(loaded(tmp_path, masks=str(tmp_path / "images")).part.target) == 1


def test_an_image_may_be_called_mask(tmp_path: Path) -> None:
    names = ("x_mask", "mask", "x")
    written(tmp_path, {f"{place}/{name}.png": photo() if place == "images" else png(CODES)
                       for place in ("images", "masks") for name in names})  # fmt: skip
    assert len(loaded(tmp_path).part.target) == 3


def test_folders_of_parts_are_recognised(tmp_path: Path) -> None:
    names = ("train/1", "train/2", "test/1")
    written(tmp_path, {f"{place}/{name}.png": photo() if place == "images" else png(CODES)
                       for place in ("images", "masks") for name in names})  # fmt: skip
    assert loaded(tmp_path).keys["part"].tolist() == ["test", "train", "train"]


ALONE: dict[str, tuple[str, bytes, str]] = {
    "an image without a mask": ("images/x.png", photo(), "x.png (has no mask)"),
    "a mask without an image": ("masks/x.png", png(CODES), "x.png (is a mask without an image)"),
    "an empty mask": ("masks/00.png", b"", "00.png (the mask is empty (0 bytes))"),
    "half of a mask": ("masks/00.png", png(np.random.default_rng(0).integers(0, 2, (16, 16), dtype=np.uint8))[:90],
                       "00.png (the mask is damaged or cut off"),
    "a text instead of an image": ("images/00.jpg", b"hello", "00.jpg (is no picture"),
    "half of an image": ("images/00.jpg", photo()[:200], "00 (is damaged or cut off"),
    "a HEIC image": ("images/x.heic", b"\0\0", "x.heic (has no mask)"),
}  # fmt: skip


@pytest.mark.parametrize("case", ALONE)
def test_incomplete_pairs_are_skipped_and_reported(case: str, tmp_path: Path) -> None:
    name, content, words = ALONE[case]
    data = loaded(written(twelve(tmp_path), {name: content}))
    assert words in data.findings[0].sentence
    assert (data.findings[0].level, data.findings[0].concerns) == ("notice", 1)
    assert len(data.part.target) == len(data.part.inputs[0]) == (11 if "00" in name else 12)


REFUSED: dict[str, tuple[dict[str, bytes], dict[str, object], str]] = {
    "no images": ({"images/readme.txt": b"x", "masks/x.png": png(CODES)}, {}, "images: this folder holds no image"),
    "no masks": ({"images/x.png": photo(), "masks/.x.png": b""}, {}, "masks: this folder holds no image.*empty"),
    "a file instead of a folder": ({"images": b"x", "masks/x.png": png(CODES)}, {}, "must be a folder of images"),
    "no pairs": ({"images/x.png": photo(), "masks/y.png": png(CODES)}, {}, "2 of 2 pairs of an image"),
    "too many alone": (
        {"images/x.png": photo(), "images/y.png": photo(), "masks/x.png": png(CODES)}, {}, r"y.png \(has no mask\)",
    ),
    "two masks for an image": (
        {"images/x.png": photo(), "masks/x.png": png(CODES), "masks/x_mask.png": png(CODES)}, {},
        "x.png and x_mask.png both belong to x",
    ),
    "two images of a name": (
        {"images/x.png": photo(), "images/x.jpg": photo(), "masks/x.png": png(CODES)}, {}, "x.jpg and x.png both",
    ),
    "sizes that differ": (
        {"images/x.png": photo(shape=(16, 12)), "masks/x.png": png(CODES)}, {},
        r"x.png is 16 x 12 pixels \(height x width\), but its mask .*x.png is 16 x 16",
    ),
    "a mask saved as JPEG": (
        {"images/x.png": photo(shape=(64, 64)), "masks/x.jpg": png(CODES.repeat(4, 0).repeat(4, 1) * 120, "JPEG")},
        {"classes": {"a": 0, "b": 120, "c": 240}}, "holds the value .* which `classes` does not name",
    ),
    "a photograph as a mask": (
        {"images/x.png": photo(), "masks/x.png": photo(3)}, {}, "different values, x.png alone .* kept whole by PNG",
    ),
    "one class": (
        {"images/x.png": photo(), "masks/x.png": png(CODES * 0)}, {}, "every pixel of every mask is 0",
    ),
    "a value without a name": (
        {"images/x.png": photo(), "masks/x.png": png(CODES)}, {"classes": {"a": 0, "b": 1}},
        r"masks/x.png: holds the value 2, which `classes` does not name \(0, 1\)",
    ),
    "a colour without a name": (
        {"images/x.png": photo(), "masks/x.png": png(COLOURS[CODES])}, {"classes": {"a": "#000000", "b": "#008000"}},
        "holds the value colour #ff0040",
    ),
    "images smaller than a tile": (
        {"images/x.png": photo(), "masks/x.png": png(CODES)}, {"tile": 32}, "16 x 16 pixels, smaller than a tile",
    ),
    "a tile larger than the size": (
        {"images/x.png": photo(), "masks/x.png": png(CODES)}, {"tile": 32, "size": 24}, "does not fit into",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_folders_that_name_no_classes_are_refused(case: str, tmp_path: Path) -> None:
    files, settings, words = REFUSED[case]
    with pytest.raises(UserError, match=words):
        loaded(written(tmp_path, files), **settings)


@pytest.mark.parametrize(
    "wrong",
    [{"classes": {"a": 0}}, {"classes": {"a": 0, "b": 0}}, {"classes": {"a": 0, "b": "#000000"}},
     {"classes": {"a": 0, "b": "red"}}, {"classes": {"a": 0, "b": None}}, {"classes": {"a": 0, "b": -1}},
     {"classes": {"a": 0, "b": 65536}}, {"classes": {"a": 0, "b": [1, 2]}}, {"classes": {"a": 0, "b": True}},
     {"classes": ["a", "b"]}, {"tile": 0}, {"tile": 7}, {"tile": [8, 8]}, {"size": 0}, {"fit": "contain"},
     {"mask": "x"}],
)  # fmt: skip
def test_invalid_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MasksSettings.model_validate({"kind": "masks", "images": "x", "masks": "y", **wrong})


def test_settings_can_be_hashed() -> None:
    classes = {"a": 0, "b": [1, 2, 3]}
    settings = MasksSettings.model_validate({"kind": "masks", "images": "x", "masks": "y", "classes": classes})
    assert hash(settings) == hash(settings.model_copy())
    assert settings.classes == (("a", 0), ("b", "#010203"))
