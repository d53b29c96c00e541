"""Saved arrays: which shapes and types are which kind of input and target."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.runtime.user_error import UserError
from tests.support.array_files import CODES, COLOURED, IMAGES, ROWS, SEQUENCES, loaded, npy


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


@pytest.mark.parametrize(
    ("target", "kind", "found"),
    [
        (np.arange(6), "number", "number"),
        (np.arange(6) > 2, "number", "number"),
        (np.arange(6.0), "category", "category"),
    ],
)
def test_a_stated_kind_of_target_outranks_its_type(target: np.ndarray, kind: str, found: str, tmp_path: Path) -> None:
    data = loaded(tmp_path, ROWS, target, target_kind=kind)
    assert data.schema.target.kind == found
    np.testing.assert_array_equal(data.part.target, target.astype(data.part.target.dtype))


def test_fractions_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"example 0 \(counted from 0\) is 0.5; state `target_kind: number`"):
        loaded(tmp_path, ROWS, np.full(6, 0.5), target_kind="category")


@pytest.mark.parametrize("pictures", [IMAGES, COLOURED], ids=["grey", "colour"])
def test_pictures_for_pictures_are_their_clean_form_where_it_is_stated(pictures: np.ndarray, tmp_path: Path) -> None:
    data = loaded(tmp_path, 255 - pictures, pictures, target_kind="image")
    target = data.schema.target
    assert (target.name, target.kind, target.shape) == ("clean", "image", pictures.shape[1:])
    np.testing.assert_array_equal(data.part.target, pictures)


@pytest.mark.parametrize(
    ("inputs", "target"), [(IMAGES, IMAGES[:, :4]), (IMAGES, COLOURED), (ROWS, IMAGES), (IMAGES, ROWS)]
)
def test_a_clean_form_of_another_shape_is_refused(inputs: np.ndarray, target: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="target_kind: image needs a picture of the shape of its input"):
        loaded(tmp_path, inputs, target, target_kind="image")
