"""The parts of a split on disk."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.dataset import Dataset
from pipelines.data.parts import PARTS, read_part
from pipelines.data.schema import read_schema
from pipelines.runtime.array_files import write_array
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings, load_scikit_learn
from pipelines.splitting.split import (
    SplitSettings,
    split_rows,
    write_split,
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))


def test_what_is_written_reads_back_as_the_rows_that_were_chosen(digits: Dataset, tmp_path: Path) -> None:
    rows = split_rows(digits, SplitSettings(), seed=20)
    write_split(tmp_path, digits, rows)
    assert read_schema(tmp_path / "schema.json") == digits.schema
    for name in PARTS:
        part = read_part(tmp_path / name, digits.schema)
        np.testing.assert_array_equal(part.inputs[0], digits.part.inputs[0][rows[name]])
        np.testing.assert_array_equal(part.target, digits.part.target[rows[name]])


def test_writing_by_chunks_gives_the_bytes_of_writing_at_once(digits: Dataset, tmp_path: Path) -> None:
    rows = split_rows(digits, SplitSettings(), seed=20)
    write_split(tmp_path, digits, rows)
    write_array(tmp_path / "whole.npy", digits.part.inputs[0][rows["train"]])
    assert (tmp_path / "train/image.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
