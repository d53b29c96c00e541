"""Saved arrays: what their type and shape say, what is refused, and that a large one is not loaded."""

import gzip
import io
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import ValidationError

from pipelines.data import large_arrays
from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.formats import open_array
from pipelines.sources.arrays.load import ArraysSettings, load_arrays

ROOT = Path(__file__).parents[2]
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


# what arrays say


@pytest.mark.parametrize(
    ("x", "stored"),
    [
        (IMAGES, IMAGES),
        (COLOURED, COLOURED),
        (IMAGES[..., None], IMAGES),
        (np.moveaxis(np.tile(COLOURED, (1, 2, 2, 1)), 3, 1), np.tile(COLOURED, (1, 2, 2, 1))),  # channels first
        (np.asfortranarray(COLOURED), COLOURED),
    ],
    ids=["grey", "colour", "one channel", "channels first", "Fortran's order"],
)
def test_bytes_of_three_or_four_axes_are_images(x: np.ndarray, stored: np.ndarray, tmp_path: Path) -> None:
    data = loaded(tmp_path, x, CODES)
    (field,) = data.schema.inputs
    assert (field.kind, field.dtype, field.shape, field.range) == ("image", "uint8", stored.shape[1:], (0, 255))
    np.testing.assert_array_equal(data.part.inputs[0], stored)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16", ">f4"])
def test_numbers_of_three_axes_are_sequences(dtype: str, tmp_path: Path) -> None:
    x = (SEQUENCES * 10).astype(dtype)
    data = loaded(tmp_path, x, CODES, columns=["u", "v"], step="1 h")
    (field,) = data.schema.inputs
    assert (field.kind, field.shape, field.columns, field.step) == ("steps", (7, 2), ("u", "v"), "1 h")
    assert data.part.inputs[0].dtype == np.dtype("float32")
    np.testing.assert_array_equal(data.part.inputs[0], x.astype(np.float32))


@pytest.mark.parametrize("x", [ROWS, ROWS.astype(np.float64), ROWS > 0, ROWS[:, 0], (ROWS * 9).astype(np.uint8)])
def test_numbers_of_two_axes_are_a_field_each(x: np.ndarray, tmp_path: Path) -> None:
    data = loaded(tmp_path, x, CODES)
    columns = x.reshape(6, -1).astype(np.float32)
    assert [field.name for field in data.schema.inputs] == [f"x{place}" for place in range(1, columns.shape[1] + 1)]
    for field, values, expected in zip(data.schema.inputs, data.part.inputs, columns.T, strict=True):
        assert (field.kind, field.shape, field.range) == ("number", (), (expected.min(), expected.max()))
        np.testing.assert_array_equal(values, expected)


def test_missing_numbers_are_counted(tmp_path: Path) -> None:
    x = np.array([[1, np.nan], [np.nan, np.nan], [3, np.nan]], dtype=np.float32)
    data = loaded(tmp_path, x, CODES[:3])
    assert [field.range for field in data.schema.inputs] == [(1, 3), None]
    assert data.findings[0].sentence == "4 of 6 numbers (66.7%) are missing (NaN)."


def test_shorter_sequences_end_together(tmp_path: Path) -> None:
    x = SEQUENCES.copy()
    x[1, 4:] = np.nan  # steps are missing behind
    x[2, :3] = np.nan  # ... and before
    data = loaded(tmp_path, x, CODES)
    expected = x.copy()
    expected[1, 3:], expected[1, :3] = x[1, :4], np.nan
    np.testing.assert_array_equal(data.part.inputs[0], expected)
    assert data.notes[0].startswith("2 of 6 sequences are shorter than 7 steps")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=8), behind=st.booleans())
def test_sequence_steps_keep_their_number_and_order(lengths: list[int], behind: bool, tmp_path: Path) -> None:
    x = np.full((len(lengths), 5, 2), np.nan, dtype=np.float32)
    for row, length in enumerate(lengths):
        x[row, slice(0, length) if behind else slice(5 - length, 5)] = SEQUENCES[row % 6, :length]
    stored = loaded(tmp_path, x).part.inputs[0]
    for row, length in enumerate(lengths):
        assert np.isnan(stored[row, : 5 - length]).all()
        np.testing.assert_array_equal(stored[row, 5 - length :], SEQUENCES[row % 6, :length])


@pytest.mark.parametrize(
    ("y", "names", "codes"),
    [
        (CODES, ("0", "1", "2"), CODES),
        (CODES.astype(np.uint8), ("0", "1", "2"), CODES),
        (CODES[:, None], ("0", "1", "2"), CODES),
        (CODES * 10 - 5, ("-5", "5", "15"), CODES),
        (CODES > 0, ("0", "1"), CODES > 0),
        (np.array(["b", "a", " a", "b", "a", "ü"]), ("a", "b", "ü"), [1, 0, 0, 1, 0, 2]),
        (np.array(["10", "9", "9", "9", "9", "9"]), ("9", "10"), [1, 0, 0, 0, 0, 0]),
        (np.array([b"x", b"y", b"x", b"x", b"x", b"x"]), ("x", "y"), [0, 1, 0, 0, 0, 0]),
    ],
)
def test_whole_numbers_and_texts_are_classes(y: np.ndarray, names: tuple[str, ...], codes: Any, tmp_path: Path) -> None:
    data = loaded(tmp_path, ROWS, y)
    assert (data.schema.target.kind, data.schema.target.categories) == ("category", names)
    assert data.part.target.dtype == np.int64
    np.testing.assert_array_equal(data.part.target, codes)


def test_labels_name_the_classes_even_those_that_do_not_occur(tmp_path: Path) -> None:
    data = loaded(tmp_path, ROWS, CODES, labels=["shirt", "shoe", "bag", "coat"])
    assert data.schema.target.categories == ("shirt", "shoe", "bag", "coat")
    np.testing.assert_array_equal(data.part.target, CODES)


def test_fractional_targets_are_regression_targets(tmp_path: Path) -> None:
    y = ROWS[:, 0].astype(np.float64)
    field = loaded(tmp_path, ROWS, y, unit="m").schema.target
    assert (field.kind, field.dtype, field.unit) == ("number", "float32", "m")
    assert field.range == (y.astype(np.float32).min(), y.astype(np.float32).max())


@pytest.mark.parametrize(("factor", "names"), [(1, ("0", "1", "2")), (100, ("0", "100", "200"))])
def test_numbers_for_every_pixel_are_a_mask(factor: int, names: tuple[str, ...], tmp_path: Path) -> None:
    y = (IMAGES % 3).astype(np.uint8)
    data = loaded(tmp_path, COLOURED, y * factor)
    assert (data.schema.target.kind, data.schema.target.categories) == ("mask", names)
    np.testing.assert_array_equal(data.part.target, y)


def test_without_a_target_all_are_of_one_class(tmp_path: Path) -> None:
    data = loaded(tmp_path, IMAGES)
    assert (data.schema.target.categories, data.part.target.tolist()) == (("all",), [0] * 6)


def test_published_tests_are_kept_as_a_part(tmp_path: Path) -> None:
    (tmp_path / "tx").write_bytes(npy(IMAGES[:2]))
    (tmp_path / "ty").write_bytes(npy(CODES[:2].astype(np.int8)))
    data = loaded(tmp_path, IMAGES, CODES, test_inputs=str(tmp_path / "tx"), test_target=str(tmp_path / "ty"))
    np.testing.assert_array_equal(data.part.inputs[0], np.concatenate([IMAGES, IMAGES[:2]]))
    assert data.part.target.tolist() == [*CODES, 0, 2]
    assert data.keys["part"].tolist() == ["train"] * 6 + ["test"] * 2


# formats


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_files_are_read(dtype: str, packed: bool, tmp_path: Path) -> None:
    values = DRAWN.integers(0, 100, (6, 3, 2)).astype(dtype)
    content = idx(values)
    (tmp_path / "x").write_bytes(gzip.compress(content) if packed else content)
    found = open_array(tmp_path / "x", "x")
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_an_npz_are_read(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "all.npz", a=np.asfortranarray(COLOURED), b=CODES, unused=np.array([{}], dtype=object))
    names = {"inputs": "a", "target": "b"}
    data = load_arrays(
        ArraysSettings.model_validate({"kind": "arrays", "path": str(tmp_path / "all.npz"), "arrays": names})
    )
    np.testing.assert_array_equal(data.part.inputs[0], COLOURED)
    np.testing.assert_array_equal(data.part.target, CODES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(values=arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(max_dims=3)), packed=st.booleans())
def test_npy_files_round_trip(values: np.ndarray, packed: bool, tmp_path: Path) -> None:
    if packed:
        np.savez_compressed(tmp_path / "x.npz", key=values)
        found = open_array(tmp_path / "x.npz", "x", "key")
    else:
        np.save(tmp_path / "x.npy", values)
        found = open_array(tmp_path / "x.npy", "x")
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert found.tobytes() == values.tobytes()


def test_a_large_packed_array_is_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(large_arrays, "MAX_IN_MEMORY_BYTES", 10)
    data = loaded(tmp_path, gzip.compress(idx(IMAGES)), gzip.compress(idx(CODES.astype(np.uint8))))
    assert isinstance(data.part.inputs[0], np.memmap)
    np.testing.assert_array_equal(data.part.inputs[0], IMAGES)
    assert list((tmp_path / ".state" / "sources").iterdir()) == []


@pytest.mark.parametrize(
    ("descr", "shape"),
    [("|u1", (2_000_000, 32, 32)), ("<f4", (100_000, 100, 8)), ("<f4", (2_000_000, 40))],
    ids=["images of 2 GB", "sequences of 320 MB, all of which is looked at", "rows of 320 MB"],
)
def test_a_large_file_is_opened_in_little_memory(descr: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    """The file is sparse: a header, and zeros that take no space."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    with (tmp_path / "x.npy").open("wb") as file:
        file.write(header.getvalue())
        file.truncate(len(header.getvalue()) + int(np.prod(shape)) * np.dtype(descr).itemsize)
    script = (
        "import resource\nfrom pipelines.sources.arrays.load import ArraysSettings, load_arrays\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"data = load_arrays(ArraysSettings(kind='arrays', inputs={str(tmp_path / 'x.npy')!r}))\n"
        f"assert len(data.part.inputs[0]) == {shape[0]}\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < 100_000, "kilobytes; the targets, all of one class, take 16,000 of them"


# what is refused


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
    with pytest.raises(UserError, match=r"1001 different whole numbers .* save them as float32"):
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
