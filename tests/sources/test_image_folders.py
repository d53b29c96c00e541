"""Folders of images: classes, parts, and files that are no images."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.data import large_arrays
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.labels import sort_class_names
from tests.support.image_files import RAMP, grey, loaded, many, saved, written


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is that large, and holds one byte."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


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
