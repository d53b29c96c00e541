"""Images on disk: every kind of file becomes the same pixels, and what is no image is set aside and said."""

import io
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from pipelines.data import large_arrays
from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.labels import sort_class_names
from pipelines.sources.images.decode import FIT_METHODS
from pipelines.sources.images.load import ImagesSettings, load_images

RAMP = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4  # grey levels 0, 4, ... 252
COLOURS = np.stack([RAMP, 255 - RAMP, np.full_like(RAMP, 100)], axis=-1)  # (8, 8, 3)


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


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is that large, and holds one byte."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


# what a file holds -> what is stored of it


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


# sizes


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


# folders


def test_a_folder_is_a_class_and_whatever_lies_deeper_belongs_to_it(tmp_path: Path) -> None:
    files = {"10/x.png": grey(0), "9/deep/er/x.png": grey(1), "9/y.png": grey(2)}
    data = loaded(written(tmp_path, files))
    assert data.schema.target.categories == ("9", "10")  # by size, not by alphabet
    assert data.part.target.tolist() == [1, 0, 0]  # in the order of paths: 10/x, 9/deep/er/x, 9/y


@given(st.lists(st.text(), min_size=1, unique=True))
def test_the_order_of_classes_does_not_depend_on_the_order_of_files(names: list[str]) -> None:
    backwards = names[::-1]
    assert sort_class_names(set(names)) == sort_class_names(set(backwards))
    assert sorted(sort_class_names(set(names))) == sorted(names)


def test_folders_of_parts_above_the_classes_are_recognised(tmp_path: Path) -> None:
    files = {"train/a/0.png": grey(0), "Train/b/1.png": grey(1), "val/a/2.png": grey(2), "test/b/3.png": grey(3)}
    data = loaded(written(tmp_path, files))
    assert data.schema.target.categories == ("a", "b")
    assert data.keys["part"].tolist() == ["train", "test", "train", "valid"]
    assert any("train 2, test 1, valid 1 files" in note for note in data.notes)


def test_a_class_called_train_beside_others_is_a_class(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, {"train/0.png": grey(0), "bus/1.png": grey(1)}))
    assert data.schema.target.categories == ("bus", "train")
    assert "part" not in data.keys


def test_images_without_folders_are_of_one_class(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, {"0.png": grey(0), "1.png": grey(1)}))
    assert (data.schema.target.categories, data.part.target.tolist()) == (("all",), [0, 0])
    parted = loaded(written(tmp_path / "parted", {"train/0.png": grey(0), "test/1.png": grey(1)}))
    assert (parted.schema.target.categories, parted.keys["part"].tolist()) == (("all",), ["test", "train"])


def test_hidden_files_and_what_systems_leave_are_passed_over(tmp_path: Path) -> None:
    many(tmp_path)
    written(tmp_path, {"a/.x.png": b"", "a/Thumbs.db": b"x", "__MACOSX/a/._x.png": b"x", ".git/x.png": b"x"})
    data = loaded(written(tmp_path, {"README.md": b"about"}))
    assert len(data.part.target) == 12
    assert data.findings[0].level == "fine"
    assert "Passed over, because they are no images: README.md." in data.notes


def test_links_are_followed_and_a_folder_inside_itself_ends_there(tmp_path: Path) -> None:
    many(tmp_path / "images")
    (tmp_path / "images" / "a" / "again").symlink_to(tmp_path / "images")
    (tmp_path / "elsewhere").mkdir()
    written(tmp_path, {"elsewhere/x.png": grey(99)})
    (tmp_path / "images" / "c").symlink_to(tmp_path / "elsewhere")
    assert loaded(tmp_path / "images").schema.target.categories == ("a", "b", "c")


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = loaded(many(tmp_path / "1" / "x")), loaded(many(tmp_path / "2" / "x"))
    assert one.part.inputs[0].tobytes() == other.part.inputs[0].tobytes()
    assert one.notes == other.notes
    assert one.findings == other.findings


def test_large_image_sets_are_memory_mapped_from_an_unlinked_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(large_arrays, "MAX_IN_MEMORY_BYTES", 100)
    many(tmp_path / "images")
    stored = loaded(tmp_path / "images").part.inputs[0]
    monkeypatch.setattr(large_arrays, "MAX_IN_MEMORY_BYTES", 10**9)
    assert isinstance(stored, np.memmap)
    np.testing.assert_array_equal(stored, loaded(tmp_path / "images").part.inputs[0])
    assert list((tmp_path / ".state" / "sources").iterdir()) == []


# what is no image

BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a/x.png", b"", "is empty"),
    "text": ("a/x.png", b"hello", "no picture"),
    "half of a PNG": ("a/x.png", grey(1, size=(64, 64))[:2000], "cut off"),
    "half of a JPEG": ("a/x.jpg", grey(1, "JPEG", (64, 64))[:1500], "cut off"),
    "half of a BMP": ("a/x.bmp", grey(1, "BMP", (64, 64))[:2000], "cut off"),
    "half of a TIFF": ("a/x.tif", grey(1, "TIFF", (64, 64))[:2000], "cut off"),
    "half of a GIF": ("a/x.gif", grey(1, "GIF", (64, 64))[:2000], "cut off"),
    "half of a WebP": ("a/x.webp", grey(1, "WEBP", (64, 64))[:900], "cut off"),
    "a PNG's first bytes": ("a/x.png", grey()[:20], "cut off|no picture"),
    "a PNG with a hole": ("a/x.png", grey()[:45] + grey()[-12:], "damaged"),
    "a bomb": ("a/x.png", png_header(20_000, 20_000), "million pixels"),
    "a smaller bomb": ("a/x.png", png_header(10_001, 10_000), "would unfold to 100 million pixels"),
    "a line of pixels without end": ("a/x.png", png_header(2**31 - 1, 1), "million pixels"),
    "no pixels": ("a/x.png", png_header(0, 8), "damaged|no picture"),
    "floats": ("a/x.tif", saved(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), "32-bit"),
    "32 bits": ("a/x.tif", saved(Image.fromarray(RAMP.astype(np.int32)), "TIFF"), "32-bit"),
    "a phone's HEIC": ("a/x.heic", b"\0\0\0\x18ftypheic", "save it as PNG or JPEG"),
    "a drawing": ("a/x.svg", b"<svg/>", "save it as PNG or JPEG"),
    "a PDF called PNG": ("a/x.png", b"%PDF-1.7 ...", "no picture"),
    "an image in no class": ("x.png", grey(), "no folder of a class"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_among_good_ones_is_set_aside_and_said(case: str, tmp_path: Path) -> None:
    name, content, words = BAD[case]
    data = loaded(written(many(tmp_path), {name: content}))
    finding = data.findings[0]
    assert len(data.part.inputs[0]) == len(data.part.target) == 12
    assert (finding.check, finding.level, finding.concerns) == ("skipped_files", "notice", 1)
    assert name in finding.sentence
    assert any(word in finding.sentence for word in words.split("|")), finding.sentence
    assert str(tmp_path) not in finding.sentence


@pytest.mark.parametrize("case", BAD)
def test_too_many_bad_files_stop_the_stage(case: str, tmp_path: Path) -> None:
    name, content, words = BAD[case]
    with pytest.raises(UserError, match="1 of 4 files cannot be used, and at most 10%") as failure:
        loaded(written(many(tmp_path, 3), {name: content}))
    assert any(word in str(failure.value) for word in words.split("|"))


def test_a_link_to_nothing_and_an_unreadable_file_are_set_aside(tmp_path: Path) -> None:
    many(tmp_path, 30)
    (tmp_path / "a" / "x.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "a" / "x.jpg").mkdir()  # a folder is a folder, whatever it is called
    os.mkfifo(tmp_path / "a" / "pipe.png")  # reading it would wait without end
    assert "a/x.png (is a link to nothing)" in loaded(tmp_path).findings[0].sentence
    if os.geteuid():  # root may read everything
        (tmp_path / "b" / "01.png").chmod(0)
        assert "b/01.png (may not be read" in loaded(tmp_path).findings[0].sentence


def test_a_class_of_which_nothing_can_be_read_is_warned_of(tmp_path: Path) -> None:
    data = loaded(written(many(tmp_path), {"c/x.png": b"no"}))
    assert data.schema.target.categories == ("a", "b")
    assert [one.check for one in data.findings if one.level == "warning"] == ["lost_classes"]


FOLDERS: dict[str, tuple[dict[str, bytes], str]] = {
    "an empty folder": ({}, "holds no image.*it is empty"),
    "a folder without images": (
        {"notes.txt": b"x", "a/table.csv": b"y"},
        "holds no image.*found a/table.csv, notes.txt",
    ),
    "a folder around the classes": ({"all/a/0.png": grey(), "all/b/1.png": grey()}, "set path to .*/x/all"),
    "only bad files": ({"a/0.png": b"", "b/1.png": b""}, "2 of 2 files cannot be used"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_without_images_is_refused(case: str, tmp_path: Path) -> None:
    files, words = FOLDERS[case]
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match=words):
        loaded(written(tmp_path / "x", files))


def test_a_missing_folder_is_named_with_what_is_there(tmp_path: Path) -> None:
    many(tmp_path / "photos")
    with pytest.raises(UserError, match=r"no such file or folder; .* holds photos\."):
        loaded(tmp_path / "photo")


# lists of files


def listed(folder: Path, text: str) -> Path:
    many(folder / "photos", 30)
    (folder / "list.csv").write_text(text)
    return folder / "list.csv"


GOOD_ROWS = "".join(f"{'ab'[number % 2]}/{number:02}.png,{number / 4},p{number % 3}\n" for number in range(12))


def from_list(path: Path, **settings: object) -> Dataset:
    return loaded(path, folder=str(path.parent / "photos"), **{"target": "age", **settings})


def test_a_list_names_files_targets_and_keys(tmp_path: Path) -> None:
    path = listed(tmp_path, "file,age,patient,day\nb/01.png,2.5,p1,2020-01-02\na/00.png,1e2,p0,2020-01-01\n")
    data = from_list(path)
    assert data.schema.target.model_dump(include={"name", "kind", "range"}) == {
        "name": "age", "kind": "number", "range": (2.5, 100.0),
    }  # fmt: skip
    assert data.part.target.tolist() == [100.0, 2.5]  # in the order of the files' names
    assert data.keys["patient"].tolist() == ["p0", "p1"]
    assert data.keys["day"].dtype.kind == "M"
    np.testing.assert_array_equal(data.part.inputs[0][0], np.array(Image.open(tmp_path / "photos" / "a" / "00.png")))


@pytest.mark.parametrize(
    ("values", "kind", "categories"),
    [(("cat", "dog"), None, ("cat", "dog")), (("1", "0"), "category", ("0", "1")), (("NA", "x"), None, ("NA", "x"))],
)
def test_a_target_of_a_list_may_be_a_class(
    values: tuple[str, str], kind: str | None, categories: tuple[str, ...], tmp_path: Path
) -> None:
    path = listed(tmp_path, f"file,age\na/00.png,{values[0]}\nb/01.png,{values[1]}\n")
    data = from_list(path, target_kind=kind)
    assert (data.schema.target.kind, data.schema.target.categories) == ("category", categories)


def test_names_without_ending_and_with_backslashes_are_understood(tmp_path: Path) -> None:
    data = from_list(listed(tmp_path, "file,age\na/00,1\nb\\01.png,2\n"))
    assert data.part.target.tolist() == [1, 2]


def test_a_target_column_may_be_called_image(tmp_path: Path) -> None:
    data = from_list(listed(tmp_path, "file,image\na/00.png,1\nb/01.png,2\n"), target="image")
    assert [data.schema.inputs[0].name, data.schema.target.name] == ["picture", "image"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a/gone.png,1,p", "a/gone.png (there is no such file)"),
        ("a,1,p", "a (is a folder, not a file)"),
        (",1,p", "line 14 (names no file)"),
        ("a/28.png,NA,p", "a/28.png (line 14 of the CSV says nothing of it)"),
        ("../list.csv.png,1,p", None),
    ],
)
def test_an_incomplete_row_is_skipped(row: str, words: str | None, tmp_path: Path) -> None:
    path = listed(tmp_path, f"file,age,patient\n{GOOD_ROWS}{row}\n")
    if words is None:
        with pytest.raises(UserError, match=r"line 14: '../list.csv.png' lies outside `folder`"):
            from_list(path)
        return
    data = from_list(path)
    assert len(data.part.target) == len(data.keys["patient"]) == 12
    assert words in data.findings[0].sentence


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        ("file,age\n/etc/passwd,1\n", {}, "outside `folder`"),
        ("file,age\na/../../x.png,1\n", {}, "outside `folder`"),
        ("name,age\na/00.png,1\n", {}, r"has no column 'file'; set `file` to one of its columns: name, age"),
        ("file,age\na/00.png,1\n", {"target": "size"}, "has no column 'size'"),
        ("file,age\na/00.png,1\n", {"target": None}, "set `target`"),
        ("file,age\na/00.png,old\n", {"target_kind": "number"}, "line 2: must be a number .*'old'"),
        ("file,age\na/00.png,1e39\n", {}, "line 2: must be a number below"),
        ("file,age\na/00.png,\n", {}, "1 of 1 files cannot be used"),
        ("file,age\n" + GOOD_ROWS.replace(",p0", "").replace(",p1", "").replace(",p2", "") + "a/28.png,old\n", {},
         "line 14: holds 'old', but 12 of 13"),
        ("file,age\n" + "a/gone.png,1\n" * 3, {}, "3 of 3 files cannot be used"),
        ("", {}, "empty"),
        ("file,age\na/00.png,1\n", {"folder": None}, "set `folder`"),
        ("file,age\na/00.png,1\n", {"folder": "nowhere-at-all"}, "no such file or folder"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_used_is_refused(
    text: str, settings: dict[str, object], words: str, tmp_path: Path
) -> None:
    path = listed(tmp_path, text)
    with pytest.raises(UserError, match=words):
        loaded(path, **{"folder": str(path.parent / "photos"), "target": "age", **settings})


def test_every_fit_of_the_settings_is_one_of_the_table() -> None:
    schema = ImagesSettings.model_json_schema()
    assert set(schema["properties"]["fit"]["enum"]) == set(FIT_METHODS)
