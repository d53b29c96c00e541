"""CSV files that list images with their targets and keys."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.images.decode import FIT_METHODS
from pipelines.sources.images.load import ImagesSettings
from tests.support.image_files import loaded, many


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
