"""Files that hold no sequences, and the sentence about each."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.runtime.user_error import UserError
from pipelines.sources.sequences.load import SequencesSettings
from tests.support.sequence_files import COLUMNS, HEADER, LINES, ROWS, npz, read, write

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
