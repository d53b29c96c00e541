"""Arrays that are refused, and the sentence about each."""

import gzip
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.load import ArraysSettings, load_arrays
from tests.support.array_files import CODES, COLOURED, DRAWN, IMAGES, ROWS, SEQUENCES, idx, loaded, npy


def patched(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new)


class Grenade:
    """What a pickle may do when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was read",))


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


PACKED = gzip.compress(idx(IMAGES))


FILES: dict[str, tuple[bytes, str]] = {
    "an empty file": (b"", "is empty"),
    "a text": (b"a,b,c\n1,2,3\n", "text that begins with 'a,b,c'; use `kind: table`"),
    "a pickle": (pickle.dumps(IMAGES), "a pickle, which may run any program"),
    "objects": (npy(np.array([Grenade(), 1], dtype=object), allow_pickle=True), "holds Python objects"),
    "sequences of other lengths": (npy(np.array([[1], [1, 2]], dtype=object), allow_pickle=True), "of one length"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "kind: images"),
    "Parquet": (b"PAR1....", "Parquet"),
    "noise": (b"\xf3\x01\x99\xaa", "begins with the bytes f3 01 99 aa"),
    "half of a .npy": (npy(IMAGES)[:150], "is cut off: its header says 120 bytes"),
    "a .npy and more": (npy(IMAGES) + npy(IMAGES), "holds more than one array"),
    "half of a header": (npy(IMAGES)[:40], "its header cannot be read"),
    "a header that lies": (patched(npy(IMAGES), b"(6, 5, 4)", b"(9, 5, 4)"), "is cut off"),
    "a header that asks for everything": (patched(npy(IMAGES), b"(6, 5, 4), }     ", b"(999999999999,), }"), "cut off"),
    "a header that is a program": (patched(npy(IMAGES), b"(6, 5, 4)", b"exit(1), "), "header cannot be read"),
    "lengths below zero": (patched(npy(IMAGES), b"(6, 5, 4), ", b"(-6, 5, 4),"), "header|cut off"),
    "a later version": (patched(npy(IMAGES), b"\x93NUMPY\x01", b"\x93NUMPY\x09"), "header cannot be read"),
    "an .npz": (archive(("x.npy", npy(IMAGES))), "holds several arrays; set `path`"),
    "half of a packed idx": (PACKED[: len(PACKED) // 2], "damaged or cut off"),
    "a packed idx with a hole": (PACKED[:60] + b"\0" * 20 + PACKED[80:], "damaged or cut off"),
    "a packed idx and more": (gzip.compress(idx(IMAGES) + b"1"), "goes on after the 120 bytes"),
    "a packed idx that lies": (gzip.compress(idx(IMAGES)[:-1]), "is cut off after 119 of 120 bytes"),
    "a packed idx that asks for everything": (
        gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), "unfold to .*, which cannot be",
    ),
    "a packed text": (gzip.compress(b"hello"), "is no idx file: it must begin with 00 00.*found 68 65 6c 6c"),
    "a packed .npy": (gzip.compress(npy(IMAGES)), "unpack it"),
    "an idx of another type": (patched(idx(IMAGES), b"\0\0\x08", b"\0\0\x0a"), "is no idx file"),
    "an idx without axes": (b"\0\0\x08\0" + b"1" * 8, "is no idx file"),
    "half of an idx": (idx(IMAGES)[:-5], "is cut off"),
    "half of an idx's header": (idx(IMAGES)[:9], "is cut off within its header"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_without_an_array_is_refused(case: str, tmp_path: Path) -> None:
    content, words = FILES[case]
    with pytest.raises(UserError, match=words) as failure:
        loaded(tmp_path, content, CODES)
    assert str(failure.value).startswith(str(tmp_path / "x"))


X: dict[str, tuple[np.ndarray, str]] = {
    "no examples": (IMAGES[:0], r"holds no examples \(shape \(0, 5, 4\)\)"),
    "one number": (np.float32(1), "holds no examples"),
    "complex numbers": (ROWS.astype(np.complex64), "must hold numbers, found complex64"),
    "texts": (np.array(["a"] * 6), "must hold numbers"),
    "dates": (np.array(["2020-01-01"] * 6, dtype="datetime64[D]"), "must hold numbers"),
    "records": (np.zeros(6, dtype=[("a", "f4"), ("b", "i4")]), "must hold numbers"),
    "images of floats": (COLOURED / 255, "images that hold other numbers must be scaled to 0..255"),
    "five axes": (COLOURED[None].repeat(6, 0), "neither images"),
    "images without pixels": (IMAGES[:, :0], "have no pixels"),
    "images of 13 channels": (np.zeros((6, 20, 20, 13), np.uint8), "no axis of 1 to 4 channels"),
    "pixels in a row": (np.zeros((6, 784), np.float32), "784 numbers .* at most 256 are; if they are pixels"),
    "no columns": (ROWS[:, :0], "holds no numbers"),
    "no steps": (SEQUENCES[:, :0], "holds no steps"),
    "infinity": (np.where(np.arange(18).reshape(6, 3) == 10, -np.inf, ROWS), "example 3 .* holds an infinite x2"),
    "numbers beyond float32": (np.where(np.arange(18).reshape(6, 3) == 0, 1e300, 1), "example 0 .* x1, or one beyond"),
    "an infinite step": (np.where(SEQUENCES[5, 6, 1] == SEQUENCES, np.inf, SEQUENCES), "example 5 .* infinite x2"),
    "a step in part": (np.where(SEQUENCES[4, 2, 1] == SEQUENCES, np.nan, SEQUENCES), "example 4 .* lacks numbers"),
    "a gap": (np.where(SEQUENCES[4, 2:3] == SEQUENCES, np.nan, SEQUENCES), "example 4 .* lacks numbers"),
    "a sequence of nothing": (np.where(SEQUENCES[2] == SEQUENCES, np.nan, SEQUENCES), "example 2 .* lacks numbers"),
}


@pytest.mark.parametrize("case", X)
def test_invalid_inputs_are_refused(case: str, tmp_path: Path) -> None:
    x, words = X[case]
    with pytest.raises(UserError, match=words):
        loaded(tmp_path, x, CODES[: np.shape(x)[0] if np.ndim(x) else 1])


Y: dict[str, tuple[np.ndarray, dict[str, Any], str]] = {
    "too few": (CODES[:5], {}, "y: must have a target for each of the 6 examples of .*x, found 5"),
    "too many": (np.repeat(CODES, 2), {}, "found 12"),
    "NaN": (np.array([1, 2, np.nan, 4, 5, np.nan]), {}, "example 2 .* is nan; leave out the 2 examples"),
    "infinity": (np.array([1, 2, 3, 4, 5, np.inf]), {}, "example 5 .* is inf"),
    "beyond float32": (np.array([1, 2, 3, 4, 5, 1e39]), {}, "example 5"),
    "a row for each class": (np.eye(3)[CODES], {}, r"numpy.argmax\(array, axis=1\)"),
    "complex numbers": (CODES * 1j, {}, "found complex128"),
    "dates": (CODES.astype("datetime64[D]"), {}, "found datetime64"),
    "an empty text": (np.array(["a", "b", " ", "a", "b", "c"]), {}, "example 2 .* has no target"),
    "a code without a label": (CODES, {"labels": ["a", "b"]}, "example 1 .* is 2, but 2 labels stand for 0 to 1"),
    "a code below zero": (CODES - 1, {"labels": ["a", "b", "c"]}, "example 0 .* is -1"),
    "labels of numbers": (ROWS[:, 0], {"labels": ["a", "b"]}, "source.labels: name whole numbers"),
    "a mask without images": (IMAGES, {}, "are a mask, which needs images of that height and width"),
    "objects": (npy(np.array([Grenade()] * 6, dtype=object), allow_pickle=True), {}, "holds Python objects"),
    "names for other columns": (CODES, {"columns": ["a", "b"]}, "must name the 3 variables .* found 2 names"),
}


@pytest.mark.parametrize("case", Y)
def test_invalid_targets_are_refused(case: str, tmp_path: Path) -> None:
    y, more, words = Y[case]
    with pytest.raises(UserError, match=words):
        loaded(tmp_path, ROWS, y, **more)


def test_more_whole_numbers_than_classes_can_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1001 different whole numbers .* state `target_kind: number`"):
        loaded(tmp_path, np.zeros((1001, 2), np.float32), np.arange(1001))


@pytest.mark.parametrize(
    ("y", "words"), [(np.zeros_like(IMAGES), "every pixel of every mask is 0"), (IMAGES[:, 1:], "needs images of that")]
)
def test_invalid_masks_are_refused(y: np.ndarray, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        loaded(tmp_path, COLOURED, y)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (COLOURED[:2], CODES[:2], r"must have the shape and type of .*\(5, 4\) of uint8"),
        (IMAGES[:2].astype(np.float32), CODES[:2], "found .* of float32"),
        (IMAGES[:2], CODES[:3], "ty: must have a target for each of the 2 examples"),
        (IMAGES[:0], CODES[:0], "tx: holds no examples"),
        (IMAGES[:2], CODES[:2] / 2 + np.nan, "ty: example 0 .* is nan"),
    ],
)
def test_a_published_test_must_be_like_the_rest(x: np.ndarray, y: np.ndarray, words: str, tmp_path: Path) -> None:
    (tmp_path / "tx").write_bytes(npy(x))
    (tmp_path / "ty").write_bytes(npy(y))
    with pytest.raises(UserError, match=words):
        loaded(tmp_path, IMAGES, CODES, test_inputs=str(tmp_path / "tx"), test_target=str(tmp_path / "ty"))


ARCHIVES: dict[str, tuple[bytes, str]] = {
    "no .npz": (npy(IMAGES), "is no .npz, which `path` must name"),
    "another array": (archive(("y.npy", npy(IMAGES))), "holds no array 'x'; it holds y"),
    "no arrays": (archive(("readme.txt", b"hello")), "it holds no arrays"),
    "objects": (archive(("x.npy", npy(np.array([Grenade()], object), allow_pickle=True))), "holds Python objects"),
    "text": (archive(("x.npy", b"hello")), "header cannot be read"),
    "half": (archive(("x.npy", npy(DRAWN.bytes(3000))))[:1500], "damaged, cut off or locked"),
    "a hole": (
        (lambda whole: whole[:1000] + b"\0" * 100 + whole[1100:])(
            archive(("x.npy", npy(DRAWN.integers(0, 255, 5000, dtype=np.uint8))))
        ),
        "damaged|cut off",
    ),
    "a header that lies": (archive(("x.npy", npy(IMAGES)[:-20])), "is cut off"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_an_archive_without_the_array_is_refused(case: str, tmp_path: Path) -> None:
    content, words = ARCHIVES[case]
    (tmp_path / "all.npz").write_bytes(content)
    settings = {"kind": "arrays", "path": str(tmp_path / "all.npz"), "arrays": {"inputs": "x"}}
    with pytest.raises(UserError, match=words):
        load_arrays(ArraysSettings.model_validate(settings))


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").mkdir()
    for name, words in (("x.npy", "but is a folder"), ("x.np", r"no such file or folder; .* holds x\.npy")):
        with pytest.raises(UserError, match=words):
            load_arrays(ArraysSettings(kind="arrays", inputs=str(tmp_path / name)))


@pytest.mark.parametrize(
    "wrong",
    [{"inputs": None}, {"inputs": 3}, {"path": "a.npz"}, {"path": "a.npz", "arrays": {"inputs": "x"}},
     {"arrays": {"inputs": "x"}}, {"test_inputs": "t"}, {"test_target": "t"},
     {"target": None, "test_inputs": "t", "test_target": "t"}, {"labels": ["a", "a"]}, {"labels": "ab"},
     {"columns": ["a/b"]}, {"columns": [".a"]}, {"columns": [""]}, {"columns": ["class"]}, {"labels": {"a": 1}},
     {"input": "x"}, {"unit": 3}],
)  # fmt: skip
def test_invalid_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ArraysSettings.model_validate({"kind": "arrays", "inputs": "x.npy", "target": "y.npy", **wrong})


def test_settings_can_be_hashed() -> None:
    given = ArraysSettings.model_validate(
        {"kind": "arrays", "path": "a.npz", "arrays": {"inputs": "x"}, "labels": [0, "a"]}
    )
    assert hash(given) == hash(given.model_copy())
    assert given.labels == ("0", "a")
