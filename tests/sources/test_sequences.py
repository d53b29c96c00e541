"""Labelled sequences: what is read from a file, what is refused, and how unequal lengths are aligned."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.sequences.load import SequencesSettings, load_sequences
from pipelines.splitting.split import SplitSettings, split_rows

HEADER = "# a comment\n@problemName Moves\n@timeStamps false\n@univariate false\n@classLabel true up down\n@data\n"
LINES = ["1,2,3:10,20,30:up", "4,5:40,50:down", "6:60:up", "7,8,9:70,80,90:down"]


def write(folder: Path, text: str, name: str = "moves.ts") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **more: object) -> Dataset:
    return load_sequences(SequencesSettings.model_validate({"kind": "sequences", "path": str(path)} | more))


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


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "moves.npz"
    np.savez(path, **arrays)
    return path


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


ROWS = "who,when,x,y,move,site\na,2,3,4,up,north\na,1,1,2,up,north\nb,1,5,6,down,south\nb,2,7,8,,south\n"
COLUMNS = {"id": "who", "step": "when", "target": "move", "keys": ["site"]}


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


HOSTILE_TS = {
    "no data": (HEADER, "no sequence after @data"),
    "no header": ("\n".join(LINES), "line 1: found '1,2,3:10,20,30:up' before @data"),
    "no @data": (HEADER.replace("@data\n", ""), "there is no line @data"),
    "nothing": ("", "no line @data"),
    "times beside the values": (HEADER.replace("timeStamps false", "timeStamps true") + LINES[0], "@timeStamps true"),
    "no labels": (HEADER.replace("true up down", "false") + "1:2", "nothing says what is to be learned"),
    "an undeclared label": (HEADER + "1:2:left", "line 7: the label 'left' is not one of @classLabel: up, down"),
    "a line that is cut off": (HEADER + "1,2,3", "line 7: there is no ':' before the label"),
    "a word among numbers": (HEADER + "1,two:3,4:up", "line 7: a value must be a number, found 'two'"),
    "an infinite value": (HEADER + "1,inf:3,4:up", "line 7: a value is too large"),
    "variables of two lengths": (HEADER + "1,2:3:up", "line 7: the variables have 1 to 2 steps"),
    "another number of variables": (HEADER + "1:2:up\n1:2:3:up", "line 8: 3 variables, but the first sequence has 2"),
    "another number than said": ("@dimensions 3\n" + HEADER + "1:2:up", "line 8: found 2, .* says @dimensions 3"),
    "unequal though said equal": (
        "@equalLength true\n@seriesLength 2\n" + HEADER + "1,2:1,2:up\n1:2:up",
        "line 10: found 1, but the header says @serieslength 2",
    ),
    "a target that is no number": (
        HEADER.replace("@classLabel true up down", "@targetLabel true") + "1:2:up",
        "line 7: the target must be a number, found 'up'",
    ),
    "a NUL character": (HEADER + "1:2:up\0", "NUL character"),
}


@pytest.mark.parametrize("case", HOSTILE_TS)
def test_a_ts_file_that_breaks_the_form_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    text, words = HOSTILE_TS[case]
    with pytest.raises(UserError, match=words):
        read(write(tmp_path, text))


X, Y = np.ones((4, 2, 3)), np.arange(4)
HOSTILE_NPZ = {
    "no x": ({"y": Y}, "no array 'x'; found: y"),
    "no y": ({"x": X}, "no array 'y'; found: x"),
    "another count": ({"x": X, "y": Y[:3]}, r"x of shape \(4, 2, 3\) does not go with 3 labels"),
    "objects": ({"x": np.array([[1], [1, 2]], dtype=object), "y": Y}, "not as an array of objects"),
    "texts as values": ({"x": np.full((4, 2), "a"), "y": Y}, "x must hold numbers"),
    "four dimensions": ({"x": np.ones((4, 2, 3, 1)), "y": Y}, "x must hold numbers"),
    "nothing": ({"x": np.ones((0, 2, 3)), "y": Y[:0]}, "holds nothing"),
    "infinite values": ({"x": np.where(X > 0, np.inf, X), "y": Y}, "infinite or too large"),
    "enormous values": ({"x": X * 1e99, "y": Y}, "infinite or too large"),
    "nothing but missing values": ({"x": X * np.nan, "y": Y}, "4 of 4 sequences cannot be used"),
    "lengths beyond x": ({"x": X, "y": Y, "lengths": np.array([1, 2, 3, 2])}, "lengths says 3 steps, but x has 2"),
    "negative lengths": ({"x": X, "y": Y, "lengths": np.array([1, 2, -1, 2])}, "lengths must be a whole number"),
    "lengths of another sum": ({"x": np.ones(9), "y": Y, "lengths": Y}, "does not go with 4 labels"),
    "one label for all": ({"x": X, "y": np.array(1)}, "y must be one label or number for each sequence"),
    "many labels for each": ({"x": X, "y": np.ones((4, 2))}, "y must be one label or number for each sequence"),
}


@pytest.mark.parametrize("case", HOSTILE_NPZ)
def test_arrays_that_are_no_sequences_are_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    arrays, words = HOSTILE_NPZ[case]
    with pytest.raises(UserError, match=words):
        read(npz(tmp_path, **arrays))


def test_a_truncated_or_empty_archive_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = npz(tmp_path, x=X, y=Y)
    whole = path.read_bytes()
    for content in (whole[:-40], whole[:100], b"", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is no readable"):
            read(path)


HOSTILE_ROWS = {
    "two labels in one sequence": (
        ROWS.replace("1,1,2,up", "1,1,2,down"),
        {},
        "line 2 says 'up' and line 3 says 'down'",
    ),
    "two sites in one sequence": (ROWS.replace("1,2,up,north", "1,2,up,south"), {}, "has one site"),
    "a step that stands twice": (ROWS.replace("a,1", "a,2"), {}, "lines 2 and 3 are both step 2 of a"),
    "no id": (ROWS.replace("a,1", ",1"), {}, "line 3: who is empty"),
    "no step": (ROWS.replace("a,1", "a,"), {}, "line 3: when must be a number or a time, found ''"),
    "numbers and times": (ROWS.replace("a,1", "a,2020-01-01"), {}, "line 3: when is '2020-01-01', but other rows"),
    "a word among numbers": (ROWS.replace("1,2,up", "one,2,up"), {}, "line 3: x must be a number, found 'one'"),
    "no such column": (ROWS, {"target": "label"}, "there is no column 'label'; found: who, when, x"),
    "no column of values": ("who,when,move,site\na,1,up,n\nb,1,up,n\n", {}, "no column with values"),
    "no step setting": (ROWS, {"step": ""}, "needs the settings id, step and target; state step"),
    "no label anywhere": (ROWS.replace("up", "").replace("down", ""), {}, "2 of 2 sequences cannot be used"),
    "a slip in the numbers": (
        ROWS.replace("up", "0.5"),
        {"target_kind": "number"},
        "the target must be a number, found 'down'; or target_kind: category",
    ),
}


@pytest.mark.parametrize("case", HOSTILE_ROWS)
def test_rows_that_are_no_sequences_are_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    text, more, words = HOSTILE_ROWS[case]
    with pytest.raises(UserError, match=words):
        read(write(tmp_path, text, "moves.csv"), **(COLUMNS | more))


def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    train = write(tmp_path, HEADER + "\n".join(LINES))
    test = write(tmp_path, HEADER + "1,2,3:up", "test.ts")
    with pytest.raises(UserError, match=r"test\.ts: its variables \(1: variable 1\) must be those of"):
        read(train, test_path=str(test))


@pytest.mark.parametrize(
    ("name", "words"), [("moves.xyz", "sequences are read from .ts, .npz"), ("moves", "no ending")]
)
def test_other_files_are_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(write(tmp_path, "1", name))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"longest": 0}, "greater than or equal to 1"),
        ({"id": "a", "step": "a"}, "'a' is named twice among id, step, target, columns and keys"),
        ({"target_kind": "text"}, "Input should be '"),
        ({"windw": 3}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SequencesSettings.model_validate({"kind": "sequences", "path": "a.ts"} | wrong)
