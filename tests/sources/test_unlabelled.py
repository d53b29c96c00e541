"""Rows without a target: left out unless the source keeps them; kept apart, and never those that are held out."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.data.dataset import Dataset
from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.data.text import from_bytes
from pipelines.data.unlabelled import read_unlabelled
from pipelines.data_checks.manifest import build_manifest
from pipelines.sources.images.load import ImagesSettings, load_images
from pipelines.sources.table.load import TableSettings, load_table
from pipelines.sources.text.load import TextSettings, load_texts
from pipelines.splitting.split import write_split


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


def test_a_file_of_texts_keeps_those_without_a_class(tmp_path: Path) -> None:
    rows = [f"message {number} of many,{'spam' if number % 2 else 'ham'}" for number in range(30)]
    path = tmp_path / "mail.csv"
    path.write_text("\n".join(["body,folder", *rows, "nobody knows what this much longer one is,", ",spam", " ,", ""]))
    settings = TextSettings(kind="text", path=str(path), text="body", target="folder", unlabelled="keep")
    data = load_texts(settings)
    assert from_bytes(data.unlabelled[0]) == ["nobody knows what this much longer one is"]
    assert data.unlabelled[0].shape[1:] == data.schema.inputs[0].shape
    assert len(data.part.target) == 30
    assert findings_of(data)["unlabelled_rows"].startswith("1 text without a target was kept apart")
    assert load_texts(settings.model_copy(update={"unlabelled": "skip"})).unlabelled == ()


def test_a_list_of_images_keeps_those_it_says_nothing_of(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(12):
        Image.new("L", (8, 8), 20 * number).save(tmp_path / "photos" / f"{number:02}.png")
    lines = [f"{number:02}.png,{'cat' if number % 2 else 'dog'}" for number in range(8)]
    listing = tmp_path / "list.csv"
    listing.write_text("\n".join(["file,animal", *lines, *(f"{number:02}.png," for number in range(8, 12)), ""]))
    settings = ImagesSettings(
        kind="images", path=str(listing), folder=str(tmp_path / "photos"), target="animal", unlabelled="keep"
    )
    data = load_images(settings)
    assert data.unlabelled[0][:, 0, 0].tolist() == [160, 180, 200, 220]
    assert len(data.part.target) == 8
    assert "All 12 files could be used" in findings_of(data)["skipped_files"]
    assert findings_of(data)["unlabelled_rows"].startswith("4 images without a target were kept apart")
