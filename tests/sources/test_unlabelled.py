"""Rows without a target: left out unless the source keeps them; kept apart, and never those that are held out."""

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from pipelines.data.dataset import Dataset
from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.data.unlabelled import read_unlabelled
from pipelines.data_checks.manifest import build_manifest
from pipelines.runtime.user_error import UserError
from pipelines.settings.params import load_params
from pipelines.sources.arrays.load import ArraysSettings, load_arrays
from pipelines.sources.images.load import ImagesSettings, load_images
from pipelines.sources.kinds import LOADERS, WITHOUT_UNLABELLED, SourceSettings
from pipelines.sources.sequences.load import SequencesSettings, load_sequences
from pipelines.sources.table.load import TableSettings, load_table
from pipelines.splitting.split import write_split
from tests.support.image_files import grey, written
from tests.support.unlabelled_sources import CASES, MISSING, ROWS, load_case


def findings_of(data: Dataset) -> dict[str, str]:
    return {finding.check: finding.sentence for finding in data.findings}


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    """Forty rows with a target, and four without, one of them of a colour that no other has."""
    rows = [f"{number}.5,{'red' if number % 2 else 'blue'},{'yes' if number % 3 else 'no'}" for number in range(40)]
    rows[5:5] = ["100.5,green,", "101.5,red,", ",blue,"]
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(["size,colour,sold", *rows, "102.5,red,", ""]))
    return path


def test_a_table_keeps_rows_without_a_target_where_it_is_asked_to(table_file: Path) -> None:
    settings = TableSettings(kind="table", path=str(table_file), target="sold", unlabelled="keep")
    data = load_table(settings)
    assert len(data.part.target) == 40
    assert data.part.target.min() == 0
    assert [field.name for field in data.schema.inputs] == ["size", "colour"]
    size, colour = data.unlabelled
    np.testing.assert_array_equal(size, np.array([100.5, 101.5, np.nan, 102.5], np.float32))
    categories = data.schema.inputs[1].categories
    assert [categories[code] for code in colour] == ["green", "red", "blue", "red"]
    assert (size.dtype, colour.dtype) == (np.float32, np.int64)
    assert findings_of(data)["unlabelled_rows"].startswith("4 rows without a target were kept apart; contenders with")
    skipping = load_table(settings.model_copy(update={"unlabelled": "skip"}))
    assert skipping.unlabelled == ()
    assert "unlabelled_rows" not in findings_of(skipping)
    np.testing.assert_array_equal(skipping.part.target, data.part.target)
    np.testing.assert_array_equal(skipping.part.inputs[0], data.part.inputs[0])


def test_a_split_drops_unlabelled_rows_that_are_held_out_with_a_label(table_file: Path, tmp_path: Path) -> None:
    lines = table_file.read_text().splitlines()
    table_file.write_text("\n".join([*lines, "3.5,red,", "33.5,red,", ""]))  # as the rows 3 and 33 are
    data = load_table(TableSettings(kind="table", path=str(table_file), target="sold", unlabelled="keep"))
    rows = {"train": np.arange(30), "valid": np.arange(30, 35), "test": np.arange(35, 40)}
    write_split(tmp_path / "split", data, rows)
    schema = read_schema(tmp_path / "split" / "schema.json")
    kept = read_unlabelled(tmp_path / "split" / "train", schema)
    np.testing.assert_array_equal(kept[0], np.array([100.5, 101.5, np.nan, 102.5, 3.5], np.float32))
    assert len(read_part(tmp_path / "split" / "train", schema).target) == 30
    manifest = build_manifest(data, rows, tmp_path / "split")
    assert manifest["unlabelled"] == 5
    assert manifest["examples"] == 40, "they are no part of what is counted"
    write_split(tmp_path / "without", data._replace(unlabelled=()), rows)
    assert "unlabelled" not in json.dumps(list(build_manifest(data, rows, tmp_path / "without")))
    assert not (tmp_path / "without" / "train" / "unlabelled").exists()


ONLY_WHERE_KEPT = "sequences with classes"  # -1 is a class there, unless such sequences are kept


def rows_of(arrays: tuple[np.ndarray, ...]) -> list[bytes]:
    """Every row as bytes."""
    return [b"".join(values[row].tobytes() for values in arrays) for row in range(len(arrays[0]))]


@pytest.mark.parametrize("name", CASES)
def test_rows_without_a_target_are_kept_where_it_is_asked_for(name: str, tmp_path: Path) -> None:
    everything = load_case(name, tmp_path / "all", missing=())
    target_of = dict(zip(rows_of(everything.part.inputs), everything.part.target.tolist(), strict=True))
    keeping = load_case(name, tmp_path / "some", unlabelled="keep")
    skipping = load_case(name, tmp_path / "some", unlabelled="skip")
    for data in (keeping, *([] if name == ONLY_WHERE_KEPT else [skipping])):
        assert data.schema.target.categories == everything.schema.target.categories
        found = zip(rows_of(data.part.inputs), data.part.target.tolist(), strict=True)
        assert all(np.array_equal(target_of[row], target) for row, target in found)
        assert len(data.part.target) == ROWS - len(MISSING)
        assert all(len(values) == ROWS - len(MISSING) for values in data.keys.values())
    for values, field in zip(keeping.unlabelled, keeping.schema.inputs, strict=True):
        assert (values.dtype, values.shape[1:]) == (field.dtype, field.shape)
    assert len(keeping.unlabelled[0]) == len(MISSING)
    assert sorted([*rows_of(keeping.unlabelled), *rows_of(keeping.part.inputs)]) == sorted(target_of)
    sentence = findings_of(keeping)["unlabelled_rows"]
    assert sentence.startswith("4 ")
    assert "without a target were kept apart; contenders with `semi`" in sentence
    assert skipping.unlabelled == ()
    assert "unlabelled_rows" not in findings_of(skipping)


def settings_by_kind() -> dict[str, type[BaseModel]]:
    return {
        get_args(settings.model_fields["kind"].annotation)[0]: settings
        for settings in get_args(get_args(SourceSettings)[0])
    }


@pytest.mark.parametrize("kind", LOADERS)
def test_every_kind_keeps_such_rows_or_says_why_it_has_none(kind: str, tmp_path: Path) -> None:
    if kind not in WITHOUT_UNLABELLED:
        assert "unlabelled" in settings_by_kind()[kind].model_fields
        for place, case in enumerate(CASES.values()):
            (tmp_path / str(place)).mkdir()
            if case.write(tmp_path / str(place), MISSING)["kind"] == kind:
                return
        pytest.fail("tests/support/unlabelled_sources.py has no case of it")
    source = {"kind": kind, "unlabelled": "keep"}
    problem = {"task": "classification", "source": source, "split": {"by": "random"}}
    params = {"seed": 1, "problems": {"x": problem}, "contenders": {"y": {"problem": "x", "architecture": "mlp"}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(UserError) as refused:
        load_params(tmp_path / "params.yaml")
    where = "problems.x.source.unlabelled: is for rows without a target"
    assert f"{where}, and kind: {kind} has none: {WITHOUT_UNLABELLED[kind]}; leave it out" in str(refused.value)


def load_array(folder: Path, targets: list[Any], **settings: Any) -> Dataset:
    np.save(folder / "x.npy", np.zeros((len(targets), 3), np.float32))
    np.save(folder / "y.npy", np.array(targets))
    stated = {"inputs": str(folder / "x.npy"), "target": str(folder / "y.npy"), "unlabelled": "keep", **settings}
    return load_arrays(ArraysSettings.model_validate({"kind": "arrays", **stated}))


@pytest.mark.parametrize(("target", "settings", "message"), [
    ([-1, 1, -1, 1], {}, "-1 says that there is no class, and every other target is 1; if -1 is a class, leave"),
    ([np.nan] * 4, {}, "not one of 4 examples has a target"),
    ([0, 1, 0, 1], {"target": None}, "keep is for examples of which some have a target, and no target is named"),
    ([[[0, 1]] * 2] * 4, {}, r"is for one class or number of each example; .* found shape \(4, 2, 2\)"),
])  # fmt: skip
def test_arrays_of_which_nothing_says_what_is_missing_are_refused(
    target: list[Any], settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        load_array(tmp_path, target, **settings)


@pytest.mark.parametrize(("target", "message"), [
    ([0.5, np.nan], "leave out the 1 examples without a finite target, or state `unlabelled: skip`"),
    (["a", " "], "state `unlabelled: skip`, which leaves such examples out, or `keep`"),
])  # fmt: skip
def test_arrays_without_a_target_are_refused_unless_it_is_said_what_to_do(
    target: list[Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        load_array(tmp_path, target, unlabelled="refuse")


def test_minus_one_is_a_class_or_a_number_where_nothing_else_is_said(tmp_path: Path) -> None:
    assert load_array(tmp_path, [-1, 0, 1], unlabelled="refuse").schema.target.categories == ("-1", "0", "1")
    data = load_array(tmp_path, [-1, 0, 1], target_kind="number")
    assert (data.part.target.tolist(), data.unlabelled) == ([-1, 0, 1], ())


def test_what_was_published_for_testing_is_never_kept(tmp_path: Path) -> None:
    np.save(tmp_path / "test_x.npy", np.ones((3, 3), np.float32))
    np.save(tmp_path / "test_y.npy", np.array([0, -1, 1]))
    tests = {"test_inputs": str(tmp_path / "test_x.npy"), "test_target": str(tmp_path / "test_y.npy")}
    arrays = load_array(tmp_path, [0, 1, -1], **tests)
    assert arrays.unlabelled[0].tolist() == [0]
    assert arrays.keys["part"].tolist() == ["train", "train", "test", "test"]
    assert findings_of(arrays)["rows_without_target"] == "1 example without a target was left out."
    written(tmp_path / "photos", {f"{part}/{n}.png": grey(n) for n, part in enumerate(["train", "valid", "test"])})
    written(tmp_path / "photos", {f"{part}/cat/{n}.png": grey(n) for n in range(9) for part in ("train", "test")})
    settings = {"kind": "images", "path": str(tmp_path / "photos"), "unlabelled": "keep"}
    images = load_images(ImagesSettings.model_validate(settings))
    assert len(images.unlabelled[0]) == 1
    assert "2 of 21 files cannot be used" in findings_of(images)["skipped_files"]


def test_a_longer_sequence_without_a_label_keeps_its_end(tmp_path: Path) -> None:
    lines = ["1,2,3:a", "4,5:b", "6,7,8,9:?", "6:?"]
    header = "@timeStamps false\n@classLabel true a b\n@data\n"
    files = {"s.ts": f"{header}{chr(10).join(lines)}\n".encode(), "t.ts": f"{header}1,1:a\n2,2:?\n3,3:b\n".encode()}
    folder = written(tmp_path, files)
    settings = {"kind": "sequences", "path": str(folder / "s.ts"), "test_path": str(folder / "t.ts")}
    data = load_sequences(SequencesSettings.model_validate({**settings, "unlabelled": "keep"}))
    np.testing.assert_array_equal(data.unlabelled[0][:, :, 0], [[7, 8, 9], [np.nan, np.nan, 6]])
    assert "t.ts, line 5: its label is missing" in findings_of(data)["skipped_sequences"]


@pytest.mark.parametrize("name", ["a list of images", "names of recordings", "sequences in .ts"])
def test_a_source_without_any_target_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not one (of 30|sequence that can be used has a label)"):
        load_case(name, tmp_path, missing=range(ROWS), unlabelled="keep")
