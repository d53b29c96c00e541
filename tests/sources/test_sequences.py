"""Sequences: aligned, cleaned and labelled, from every form of file."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.splitting.split import SplitSettings, split_rows
from tests.support.sequence_files import COLUMNS, HEADER, LINES, ROWS, npz, read, write


def said(data: Dataset, check: str) -> str:
    return next(finding.sentence for finding in data.findings if finding.check == check)


def test_shorter_sequences_are_aligned_with_the_ends_of_longer_ones(tmp_path: Path) -> None:
    data = read(write(tmp_path, HEADER + "\n".join(LINES)))
    nan = np.nan
    np.testing.assert_array_equal(
        data.part.inputs[0],
        [
            [[1, 10], [2, 20], [3, 30]],
            [[nan, nan], [4, 40], [5, 50]],
            [[nan, nan], [nan, nan], [6, 60]],
            [[7, 70], [8, 80], [9, 90]],
        ],
    )
    field, target = data.schema.inputs[0], data.schema.target
    assert (field.kind, field.dtype, field.shape) == ("steps", "float32", data.part.inputs[0].shape[1:])
    assert field.columns == ("variable 1", "variable 2")
    assert target.categories == ("down", "up")
    assert data.part.target.tolist() == [1, 0, 1, 0]
    assert "1 to 3 steps" in said(data, "lengths")
    assert "1 sequence of a single step" in said(data, "single_steps")


def test_missing_values_are_carried_forward_and_said(tmp_path: Path) -> None:
    data = read(write(tmp_path, HEADER + "?,2,?,4:1,?,?,4:up\n?,?,1,?:?,5,6,?:down"))
    np.testing.assert_array_equal(data.part.inputs[0][0], [[2, 1], [2, 1], [2, 1], [4, 4]])
    # the first and last steps of the second have no value at all: they are no steps
    np.testing.assert_array_equal(data.part.inputs[0][1], [[np.nan, np.nan], [np.nan, np.nan], [1, 5], [1, 6]])
    assert "5 values were missing in 2 sequences" in said(data, "missing_steps")


def test_a_long_sequence_keeps_its_end_and_that_is_said(tmp_path: Path) -> None:
    data = read(write(tmp_path, HEADER + "\n".join(LINES)), longest=2)
    assert data.part.inputs[0][0, :, 0].tolist() == [2, 3]
    assert "2 sequences were longer than 2 steps (up to 3)" in said(data, "cut")


def test_unusable_sequences_are_skipped_with_the_reason(tmp_path: Path) -> None:
    lines = [*LINES, "::up", "?,?:?,?:up", "1,2:?,?:up", "1,2:1,2:?"]
    data = read(write(tmp_path, HEADER + "\n".join(lines)))
    assert len(data.part.target) == 4
    sentence = said(data, "skipped_sequences")
    assert "4 sequences set aside" in sentence
    assert "moves.ts, line 11: it has no step with a value; moves.ts, line 12" in sentence
    assert "moves.ts, line 13: variable 2 has no value" in sentence


def test_too_many_unusable_sequences_stop_the_reading(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"2 of 3 sequences cannot be used; moves.ts, line 8: its label is missing"):
        read(write(tmp_path, HEADER + "1:2:up\n1:2:?\n1:2:?"))


def test_official_files_become_parts(tmp_path: Path) -> None:
    train = write(tmp_path, HEADER + "\n".join(LINES * 5))
    test = write(tmp_path, HEADER + "1,2,3,4,5:1,2,3,4,5:up\n1:1:down", "test.ts")
    data = read(train, test_path=str(test))
    assert data.schema.inputs[0].shape == (5, 2)
    assert data.keys["part"].tolist() == ["train"] * 20 + ["test"] * 2
    rows = split_rows(data._replace(part=distinct(data)), SplitSettings(by="given"), seed=0)
    assert [len(part) for part in rows.values()] == [16, 4, 2]


def distinct(data: Dataset) -> object:
    count = len(data.part.target)
    return data.part._replace(inputs=(np.arange(count, dtype=np.float32)[:, None, None],))


def test_numbers_are_targets_where_the_header_says_so(tmp_path: Path) -> None:
    header = HEADER.replace("@classLabel true up down", "@targetLabel true")
    data = read(write(tmp_path, header + "1,2:1,2:0.5\n3,4:3,4:-2"), unit="cm")
    assert (data.schema.target.kind, data.schema.target.unit) == ("number", "cm")
    assert data.part.target.tolist() == [0.5, -2]


def test_declared_labels_without_a_sequence_are_said(tmp_path: Path) -> None:
    data = read(write(tmp_path, HEADER.replace("up down", "up down left") + "\n".join(LINES)))
    assert data.schema.target.categories == ("down", "up")
    assert "declares: left" in said(data, "declared_labels")


@pytest.mark.parametrize(
    ("arrays", "first"),
    [
        ({"x": np.arange(8.0).reshape(4, 2)}, [[0], [1]]),
        ({"x": np.arange(16.0).reshape(4, 2, 2)}, [[0, 1], [2, 3]]),
        ({"X": np.arange(16.0).reshape(4, 2, 2), "lengths": np.array([1, 2, 2, 2])}, [[np.nan] * 2, [0, 1]]),
        ({"x": np.arange(14.0).reshape(7, 2), "lengths": np.array([1, 2, 2, 2])}, [[np.nan] * 2, [0, 1]]),
        ({"x": np.arange(7), "lengths": np.array([1, 2, 2, 2])}, [[np.nan], [0]]),
    ],
)
def test_arrays_of_equal_and_of_ragged_sequences_are_read(
    tmp_path: Path, arrays: dict[str, np.ndarray], first: list[list[float]]
) -> None:
    data = read(npz(tmp_path, **arrays, y=np.array([3, 10, 3, 10]), writer=np.array(["a", "b", "a", "b"])))
    np.testing.assert_array_equal(data.part.inputs[0][0], first)
    assert data.schema.target.categories == ("3", "10")
    assert data.keys["writer"].tolist() == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("y", "more", "kind", "categories"),
    [
        (np.array([0.5, 1, 2, 3]), {}, "number", ()),
        (np.array([1.0, 2, 1, 2]), {"target_kind": "category"}, "category", ("1", "2")),
        (np.array([1, 2, 1, 2]), {"target_kind": "number"}, "number", ()),
        (np.array([True, False, True, False]), {}, "category", ("False", "True")),
        (np.array([b"a", b"b", b"a", b"b"]), {}, "category", ("a", "b")),
        (np.array([[1], [2], [1], [2]]), {}, "category", ("1", "2")),
    ],
)
def test_the_type_of_y_says_what_is_learned(
    tmp_path: Path, y: np.ndarray, more: dict[str, object], kind: str, categories: tuple[str, ...]
) -> None:
    target = read(npz(tmp_path, x=np.ones((4, 2)), y=y), **more).schema.target
    assert (target.kind, target.categories) == (kind, categories)


def test_rows_become_sequences_in_the_order_of_their_steps(tmp_path: Path) -> None:
    data = read(write(tmp_path, ROWS, "moves.csv"), **COLUMNS)
    np.testing.assert_array_equal(data.part.inputs[0], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    assert data.schema.inputs[0].columns == ("x", "y")
    assert (data.schema.target.name, data.schema.target.categories) == ("move", ("down", "up"))
    assert {name: values.tolist() for name, values in data.keys.items()} == {
        "who": ["a", "b"],
        "site": ["north", "south"],
    }
    assert "The rows of 1 sequence were not in the order of when" in said(data, "order_of_steps")


def test_steps_may_be_times_and_numbers_may_have_commas(tmp_path: Path) -> None:
    days = ROWS.replace("a,2,3", "a,2020-01-02 10:00,3|5").replace("a,1", "a,2020-01-01").replace("b,1", "b,2020-01-01")
    text = days.replace("b,2,", "b,2020-01-02,").replace(",", ";").replace("|", ",")
    data = read(write(tmp_path, text, "moves.csv"), **COLUMNS, decimal=",")
    assert data.part.inputs[0][0, 1].tolist() == [3.5, 4]


@pytest.mark.parametrize(
    ("labels", "kind"), [(("1", "2"), "category"), (("0.5", "2"), "number"), (("0.5", "x"), "category")]
)
def test_whole_numbers_are_classes_and_fractions_are_numbers(
    tmp_path: Path, labels: tuple[str, str], kind: str
) -> None:
    text = ROWS.replace("up", labels[0]).replace("down", labels[1])
    assert read(write(tmp_path, text, "moves.csv"), **COLUMNS).schema.target.kind == kind


def test_an_id_in_both_files_is_said(tmp_path: Path) -> None:
    train, test = (write(tmp_path, ROWS, name) for name in ("train.csv", "test.csv"))
    data = read(train, test_path=str(test), **COLUMNS)
    assert "2 ids are in both files (a)" in said(data, "repeated_ids")
