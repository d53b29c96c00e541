"""The manifest of a split: counts, summaries, findings and hashes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.data.dataset import Dataset
from pipelines.data_checks.manifest import build_manifest
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings, load_scikit_learn
from pipelines.splitting.split import (
    SplitSettings,
    split_rows,
    write_split,
)
from tests.support.small_datasets import draws, table


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))


def test_the_manifest_counts_every_example_and_hashes_every_file(digits: Dataset, tmp_path: Path) -> None:
    rows = split_rows(digits, SplitSettings(), seed=20)
    write_split(tmp_path, digits, rows)
    record = build_manifest(digits, rows, tmp_path)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["examples"] == sum(part["examples"] for part in record["parts"].values()) == 1797
    for label, count in record["classes"].items():
        assert count == sum(part["classes"][label] for part in record["parts"].values())
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(record["files"]) == written
    for name, entry in record["files"].items():
        content = (tmp_path / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_the_manifest_sums_up_numbers_and_counts_what_was_left_out(tmp_path: Path) -> None:
    target = np.arange(100, dtype=np.float32)
    data = table({"age": draws(100), "town": np.arange(100) % 3}, target)._replace(keys={"time": np.arange(100)})
    rows = split_rows(data, SplitSettings(by="time", embargo=5), seed=0)
    write_split(tmp_path, data, rows)
    record = build_manifest(data, rows, tmp_path)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert (record["examples"], record["left_out"], record["classes"]) == (100, 10, {})
    assert record["parts"]["train"] == {
        "examples": 60,
        "share": 0.6667,
        "classes": {},
        "target": {
            "height": {
                "mean": 29.5,
                "standard_deviation": 17.3181,  # sqrt((60**2 - 1) / 12)
                "smallest": 0,
                "lower_quartile": 14.75,
                "median": 29.5,
                "upper_quartile": 44.25,
                "largest": 59,
            }
        },
    }
    left_out = next(one for one in record["findings"] if one["check"] == "left_out")
    assert "10 of 100 examples are in no part: 10 are put in no part by the split strategy." in left_out["sentence"]
