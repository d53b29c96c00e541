"""A split keeps which examples of a part belong together, so that they are resampled and tested together."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.dataset import Dataset
from pipelines.data.dependence import ALONE, read_dependence, write_dependence
from pipelines.data.parts import PARTS, Part
from pipelines.data.schema import Field, Schema
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings, load_scikit_learn
from pipelines.sources.series.load import cut_windows
from pipelines.splitting.clusters import find_dependence
from pipelines.splitting.split import SplitSettings, split_dataset, write_split


def table(values: np.ndarray, **keys: np.ndarray) -> Dataset:
    """One column of numbers and a target."""
    schema = Schema(
        inputs=(Field(name="x", kind="number", dtype="float32", shape=()),),
        target=Field(name="y", kind="number", dtype="float32", shape=()),
        title="Stand-in",
        origin="made here",
        licence="none",
    )
    column = values.astype(np.float32)
    return Dataset(schema, Part((column,), column), keys=keys)


def series(steps: int, horizon: int, stride: int = 1) -> Dataset:
    times = np.datetime64("2020-01-01") + np.arange(steps)
    values = np.random.default_rng(0).normal(size=(steps, 1)).astype(np.float32)
    names = {"names": ("load",), "targets": ("load",), "title": "Stand-in", "origin": "", "licence": ""}
    return cut_windows(
        values, times.astype("datetime64[s]"), window=4, horizon=horizon, step="1 day", stride=stride, **names
    )


def linked(data: Dataset, settings: SplitSettings) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The rows of each part and their clusters."""
    rows, clusters, _ = split_dataset(data, settings, seed=3)
    found = {name: find_dependence(data, clusters, rows[name]) for name in PARTS}
    return {name: (rows[name], one.units) for name, one in found.items() if one.units is not None}


def test_rows_of_one_group_are_one_cluster() -> None:
    groups = np.repeat(np.arange(30), 4)
    found = linked(table(np.arange(120), group=groups), SplitSettings(by="group"))
    assert list(found) == list(PARTS)
    for rows, units in found.values():
        assert np.array_equal(units[:, None] == units, groups[rows][:, None] == groups[rows])
        assert set(units) == set(range(len(set(units))))


def test_twins_are_one_cluster_and_link_the_groups_that_they_are_in() -> None:
    values = np.arange(120)
    values[[0, 4, 8]] = 500  # in the first three groups of four
    groups = np.repeat(np.arange(30), 4)
    for rows, units in linked(table(values, group=groups), SplitSettings(by="group")).values():
        merged = np.where(groups < 3, 0, groups)[rows]
        for group in set(merged):
            assert len(set(units[merged == group])) == 1 or group == 0
    found = linked(table(values), SplitSettings(by="random"))
    sizes = {name: np.bincount(units).max() for name, (_, units) in found.items()}
    assert list(sizes.values()) == [3]


def test_rows_that_are_alone_leave_no_file(tmp_path: Path) -> None:
    data = table(np.arange(60))
    write_split(tmp_path, data, *split_dataset(data, SplitSettings(by="random"), seed=0))
    assert not list(tmp_path.rglob("dependence.npz"))
    assert read_dependence(tmp_path / "test") is ALONE


def test_equal_rows_of_a_table_with_few_values_are_no_copies() -> None:
    data = table(np.arange(90) % 9)
    rows, clusters, _ = split_dataset(data, SplitSettings(by="random"), seed=0)
    assert find_dependence(data, clusters, rows["test"]) is ALONE


def test_a_copied_digit_is_in_the_cluster_of_its_original(tmp_path: Path) -> None:
    digits = load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))
    twice = np.append(np.arange(300), np.arange(20))
    data = digits._replace(part=Part((digits.part.inputs[0][twice],), digits.part.target[twice]))
    split = split_dataset(data, SplitSettings(), seed=0)
    write_split(tmp_path, data, *split)
    copies = 0
    for name in PARTS:
        units = read_dependence(tmp_path / name).units
        if units is not None:
            originals = twice[split.rows[name]]
            assert np.array_equal(units[:, None] == units, originals[:, None] == originals)
            copies += len(units) - len(set(units))
    assert copies == 20


@pytest.mark.parametrize(
    ("by", "stride", "kind"), [("time", 1, "series"), ("random", 1, "overlapping"), ("random", 3, "series")]
)
def test_windows_of_a_series_are_in_time_or_overlap(by: str, stride: int, kind: str, tmp_path: Path) -> None:
    data = series(200, 3, stride)
    settings = SplitSettings.model_validate({"by": by})
    rows, clusters, _ = split_dataset(data, settings, seed=0)
    write_split(tmp_path, data, rows, clusters)
    found = read_dependence(tmp_path / "test")
    assert found.kind == kind
    assert found.units is not None
    assert np.array_equal(found.units, data.keys["origin"][rows["test"]])


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    write_dependence(tmp_path, ALONE._replace(kind="clusters", units=np.array([0, 1, 0])))
    found = read_dependence(tmp_path)
    assert (found.kind, found.units is not None and found.units.tolist()) == ("clusters", [0, 1, 0])
