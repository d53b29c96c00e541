"""Refusals that few files meet: what may not be read, parts that do not fit each other, too many of something."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.formats import open_array
from pipelines.sources.arrays.load import ArraysSettings, load_arrays
from pipelines.sources.bundled import docstrings
from pipelines.sources.files.csv_cells import CsvFormat
from pipelines.sources.files.csv_table import read_csv
from pipelines.sources.files.encoding import map_bytes
from pipelines.sources.files.excel import read_excel
from pipelines.sources.files.folders import list_files
from pipelines.sources.files.parquet import read_parquet
from pipelines.sources.files.tabular_file import read_cells
from pipelines.sources.series.load import SeriesSettings, load_series
from pipelines.sources.table.load import TableSettings
from tests.support import sequence_files

NOBODY = 65534  # the user with the fewest rights, as Linux has it
PICTURES = np.zeros((4, 5, 4), np.uint8)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, who may read everything."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if own == 0:
            os.seteuid(own)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody reaches; those that pytest makes are for their owner alone."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (lambda path: open_array(path, "x.npy"), r"x.npy: cannot be read \(Permission denied\); check its permissions"),
        (map_bytes, r"cannot be read \(Permission denied\); check its permissions"),
        (lambda path: read_excel(path, None, True), r"cannot be read \(Permission denied\)"),
    ],
    ids=["array", "text", "workbook"],
)
def test_a_file_that_may_not_be_read_is_said(
    read: Callable[[Path], object], sentence: str, public_folder: Path
) -> None:
    (public_folder / "locked").write_bytes(b"x")
    (public_folder / "locked").chmod(0)
    with as_nobody(), pytest.raises(UserError, match=sentence):
        read(public_folder / "locked")


def test_a_folder_that_may_not_be_read_is_said(public_folder: Path) -> None:
    (public_folder / "locked").mkdir(mode=0)
    with as_nobody(), pytest.raises(UserError, match="this folder may not be read; permit it"):
        list_files(public_folder)


def load_saved(folder: Path, **saved: np.ndarray) -> Dataset:
    for name, values in saved.items():
        np.save(folder / f"{name}.npy", values)
    stated = {name: str(folder / f"{name}.npy") for name in saved}
    return load_arrays(ArraysSettings.model_validate({"kind": "arrays", **stated}))


def test_targets_for_testing_have_the_shape_of_those_for_training(tmp_path: Path) -> None:
    masks = np.arange(80, dtype=np.uint8).reshape(4, 5, 4) % 2
    with pytest.raises(UserError, match=r"test_target.npy: must have the shape of .*target.npy, found \(4, 5, 3\)"):
        load_saved(tmp_path, inputs=PICTURES, target=masks, test_inputs=PICTURES, test_target=masks[:, :, :3])


def test_very_many_different_texts_are_no_classes(tmp_path: Path) -> None:
    names = np.array([f"name {number}" for number in range(1001)])
    with pytest.raises(UserError, match="1001 different texts are too many classes, at most 1000 are"):
        load_saved(tmp_path, inputs=np.zeros((1001, 2), np.float32), target=names)


def test_a_mask_with_a_class_that_has_no_label_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", PICTURES)
    np.save(tmp_path / "y.npy", np.arange(80, dtype=np.uint8).reshape(4, 5, 4) % 3)
    stated = {
        "kind": "arrays",
        "inputs": str(tmp_path / "x.npy"),
        "target": str(tmp_path / "y.npy"),
        "labels": ["a", "b"],
    }
    with pytest.raises(UserError, match="holds the class 2, but 2 labels stand for 0 to 1; add labels"):
        load_arrays(ArraysSettings.model_validate(stated))


def test_a_library_that_is_not_installed_is_named() -> None:
    with pytest.raises(UserError, match="reads the sources of Nothing, which is not installed; run `make`"):
        docstrings._package_folder("Nothing", "nothing_is_called_so")


def test_a_separator_of_two_characters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="separator: must be one character other than a quote, found '::'"):
        read_csv(CsvFormat(tmp_path / "t.csv", "::"))


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2])], names=["a", "a"]),
            "two columns are called 'a'",
        ),
        (pyarrow.table({"a": pyarrow.array([], "int64")}), "is empty: it must hold at least one column and one row"),
    ],
    ids=["doubled", "empty"],
)
def test_a_parquet_file_without_rows_or_with_a_name_twice_is_refused(
    table: pyarrow.Table, sentence: str, tmp_path: Path
) -> None:
    parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(UserError, match=sentence):
        read_parquet(tmp_path / "t.parquet")


def test_a_column_of_lists_has_no_texts(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": [1, 2], "b": 1}\n')
    path = str(tmp_path / "t.jsonl")
    cells = read_cells(path, TableSettings(kind="table", path=path, target="b"))
    with pytest.raises(UserError, match="a holds lists, not one text, number or time per row; leave it out"):
        cells.column_texts("a")


def test_names_for_other_variables_than_there_are_are_refused(tmp_path: Path) -> None:
    path = sequence_files.write(tmp_path, sequence_files.HEADER + "\n".join(sequence_files.LINES))
    with pytest.raises(UserError, match="columns names 1 variables, found 2"):
        sequence_files.read(path, columns=["x"])


def test_parts_with_targets_of_two_kinds_are_refused(tmp_path: Path) -> None:
    header = sequence_files.HEADER
    train = sequence_files.write(tmp_path, header + "\n".join(sequence_files.LINES))
    numbers = header.replace("@classLabel true up down", "@targetLabel true")
    test = sequence_files.write(tmp_path, numbers + "1,2:1,2:0.5\n3,4:3,4:-2", "test.ts")
    with pytest.raises(UserError, match=r"test.ts: its target must be of the kind that .*moves.ts has"):
        sequence_files.read(train, test_path=str(test))


def test_a_time_has_six_columns_at_most(tmp_path: Path) -> None:
    units = ("year", "month", "day", "hour", "minute", "second", "tick")
    lines = [f"2024,1,{day},0,0,0,0,{day}" for day in range(1, 29)]
    (tmp_path / "s.csv").write_text("\n".join([",".join((*units, "load")), *lines, ""]))
    settings = SeriesSettings.model_validate({"kind": "series", "path": str(tmp_path / "s.csv"), "time": list(units)})
    with pytest.raises(
        UserError, match="time names 7 columns, but a time has year, month, day, hour, minute, second at"
    ):
        load_series(settings)
