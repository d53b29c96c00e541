"""What would let a network know what it is examined on is planted; the split keeps it together, drops or reports it.

Every test is run over every way to split, so that a new way is tested by being in the table.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.parts import PARTS, Part, read_part
from pipelines.data.schema import Field, Schema
from pipelines.data_checks.checks import run_checks
from pipelines.data_checks.manifest import build_manifest
from pipelines.sources.series.load import cut_windows
from pipelines.splitting.settings import PartValues
from pipelines.splitting.split import (
    STRATEGIES,
    SplitRows,
    SplitSettings,
    split_rows,
    write_split,
)

COUNT = 240
SEEDS = range(5)
FOLDS = PartValues(train=("0", "1", "2"), valid=("3",), test=("4",))
FOR_WAY: dict[str, dict[str, Any]] = {"column": {"column": "fold", "parts": FOLDS}}  # what a way cannot do without
BY_GROUP = ("group", "group_in_time")  # strategies that keep groups whole

every_strategy = pytest.mark.parametrize("by", STRATEGIES)


def way(by: str, **more: Any) -> SplitSettings:
    return SplitSettings(by=by, **FOR_WAY.get(by, {}), **more)


def patients(seed: int) -> Dataset:
    """Measures of patients on days, with everything that a split may go by; the label is drawn."""
    random = np.random.default_rng(seed)
    measures = tuple(random.normal(size=COUNT).astype(np.float32) for _ in range(3))
    schema = Schema(
        inputs=tuple(Field(name=name, kind="number", dtype="float32", shape=()) for name in ("age", "pulse", "weight")),
        target=Field(name="ill", kind="category", dtype="int64", shape=(), categories=("no", "yes")),
        title="Patients",
        origin="made here",
        licence="none",
    )
    group = np.sort(random.integers(0, 40, COUNT))
    keys = {
        "group": group,
        "time": np.datetime64("2020-01-01", "s") + (group + random.integers(0, 60, COUNT)) * np.timedelta64(86400, "s"),
        "part": random.choice(PARTS, COUNT, p=(0.6, 0.2, 0.2)),
        "fold": random.integers(0, 5, COUNT),
    }
    return Dataset(schema, Part(measures, random.integers(0, 2, COUNT)), keys=keys)


def hours(
    steps: int = 300, horizon: int = 6, seed: int = 0, known: np.ndarray | None = None, **columns: Any
) -> Dataset:
    """Windows of a random walk, of a few more variables, and with everything that a split may go by."""
    walk = np.random.default_rng(seed).normal(size=steps + horizon).cumsum().astype(np.float32)
    values = np.stack([walk[:steps], *(make(walk, steps) for make in columns.values())], axis=1)
    times = np.datetime64("2020-01-01", "s") + np.arange(steps) * np.timedelta64(3600, "s")
    data = cut_windows(
        values, times, ("walk", *columns), window=12, horizon=horizon, targets=("walk",), step="1 h", title="Walk",
        origin="made here", licence="none", last_known_steps=known,
    )  # fmt: skip
    count = len(data.part.target)
    fold = np.random.default_rng(seed).integers(0, 5, count)
    part = np.array(PARTS)[np.clip(fold - 2, 0, 2)]
    return data._replace(keys={**data.keys, "fold": fold, "part": part, "group": np.arange(count) // 10})


def report(data: Dataset, rows: SplitRows, check: str) -> Finding | None:
    return next((finding for finding in run_checks(data, rows) if finding.check == check), None)


def parts_of(rows: SplitRows, count: int) -> np.ndarray:
    places = np.full(count, "none", dtype="U5")
    for name, members in rows.items():
        places[members] = name
    return places


def usual(by: str, data: Dataset) -> SplitSettings:
    """A number cannot be split by classes."""
    return way("random" if by == "stratified" and data.schema.target.kind != "category" else by)


@every_strategy
def test_planted_duplicates_never_straddle_parts(by: str) -> None:
    for seed in SEEDS:
        data = patients(seed)
        twins = np.random.default_rng(seed).permutation(COUNT)[:80].reshape(40, 2)
        for values in data.part.inputs:
            values[twins[:, 1]] = values[twins[:, 0]]
        rows = split_rows(data, way(by), seed)
        places = parts_of(rows, COUNT)[twins]
        apart = places[:, 0] != places[:, 1]
        assert np.all((places[apart] == "none").any(axis=1))  # one of the two is out, or both are together
        finding = report(data, rows, "duplicates")
        assert finding is not None
        assert (finding.level, finding.concerns) == ("notice", 80)
        if apart.any():
            left_out = report(data, rows, "left_out")
            assert left_out is not None
            assert "are identical to an example in a later part" in left_out.sentence


@every_strategy
def test_the_test_part_keeps_its_twin_and_train_loses_its_own(by: str) -> None:
    order = {"none": 0, "train": 1, "valid": 2, "test": 3}
    for seed in SEEDS:
        data = patients(seed)
        before = parts_of(split_rows(data, way(by), seed), COUNT)
        for values in data.part.inputs:
            values[0] = values[-1]
        after = parts_of(split_rows(data, way(by), seed), COUNT)
        if by in ("stratified", "random"):
            assert after[0] == after[-1]
        elif before[0] != before[-1] and "none" not in (before[0], before[-1]):
            first, last = sorted((0, COUNT - 1), key=lambda row: order[before[row]])
            assert (after[first], after[last]) == ("none", before[last])


@every_strategy
def test_contradicting_labels_stay_together_and_are_reported(by: str) -> None:
    for seed in SEEDS:
        data = patients(seed)
        for values in data.part.inputs:
            values[:20:2] = values[1:20:2]
        data.part.target[:20:2], data.part.target[1:20:2] = 0, 1
        rows = split_rows(data, way(by), seed)
        places = parts_of(rows, COUNT)[:20].reshape(10, 2)
        assert np.all((places[:, 0] == places[:, 1]) | (places == "none").any(axis=1))
        finding = report(data, rows, "contradictions")
        assert finding is not None
        assert (finding.level, finding.concerns) == ("notice", 10)  # rows of a table may be alike by chance


@every_strategy
def test_groups_that_straddle_parts_are_reported(by: str) -> None:
    for seed in SEEDS:
        data = patients(seed)
        data = data._replace(
            keys={name: values for name, values in data.keys.items() if name != "fold" or by == "column"}
        )
        rows = split_rows(data, way(by), seed)
        places = parts_of(rows, COUNT)
        kept = places != "none"
        straddling = sum(len(set(places[kept & (data.keys["group"] == group)])) > 1 for group in range(40))
        finding = report(data, rows, "groups")
        assert finding is not None
        if by in BY_GROUP:
            assert straddling == 0
            assert finding.level == "fine"
        else:
            assert straddling > 0
            assert (finding.level, f"{straddling} of 40 by group" in finding.sentence) == ("warning", True)


@every_strategy
def test_test_examples_from_before_the_end_of_training_are_reported(by: str) -> None:
    for seed in SEEDS:
        data = patients(seed)
        rows = split_rows(data, way(by), seed)
        time = data.keys["time"]
        early = int((time[rows["test"]] <= time[rows["train"]].max()).sum())
        finding = report(data, rows, "time_order")
        assert finding is not None
        if by == "time":
            assert (early, finding.level) == (0, "fine")
            assert "Every test example is later than every train example" in finding.sentence
        else:
            assert early > 0
            assert (finding.level, finding.concerns) == ("notice", early)


def copies(target: np.ndarray, kind: str) -> np.ndarray:
    """The target under another name."""
    return {
        "as it is": target,
        "in another unit": target * np.float32(2.54) + 32,
        "negated": -target,
    }[kind].astype(np.float32)


@every_strategy
@pytest.mark.parametrize("kind", ["as it is", "in another unit", "negated"])
@pytest.mark.parametrize("target", ["category", "number"])
def test_a_copy_of_the_target_is_reported(by: str, kind: str, target: str) -> None:
    data = patients(seed=1)
    age, pulse, _ = data.part.inputs
    if target == "number":
        height = Field(name="height", kind="number", dtype="float32", shape=())
        data = data._replace(schema=data.schema.model_copy(update={"target": height}))
        data = data._replace(
            part=Part(data.part.inputs, np.random.default_rng(9).normal(size=COUNT).astype(np.float32))
        )
    copy = copies(data.part.target, kind)
    copied = data._replace(part=Part((age, copy, pulse), data.part.target))
    rows = split_rows(copied, usual(by, copied), seed=1)
    finding = report(copied, rows, "target_copies")
    assert finding is not None
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert finding.sentence.startswith(f"pulse tells {data.schema.target.name} exactly")
    honest = report(data, split_rows(data, usual(by, data), seed=1), "target_copies")
    assert honest is not None
    assert honest.level == "fine"


@every_strategy
def test_windows_that_share_a_foretold_step_are_kept_apart_or_reported(by: str) -> None:
    for seed in SEEDS:
        data = hours(seed=seed)
        rows = split_rows(data, usual(by, data), seed)
        origin = data.keys["origin"]
        forecast = {
            name: {step for first in origin[part] for step in range(first, first + 6)} for name, part in rows.items()
        }
        shown = {
            step for name in ("train", "valid") for first in origin[rows[name]] for step in range(first - 12, first)
        }
        finding = report(data, rows, "time_order")
        assert finding is not None
        if by == "time":
            assert not forecast["test"] & (forecast["train"] | forecast["valid"] | shown)
            assert not forecast["valid"] & forecast["train"]
            assert finding.level == "fine"
            assert "Every step that test forecasts is later than every step that train or valid" in finding.sentence
        elif forecast["test"] & (forecast["train"] | forecast["valid"] | shown):
            assert finding.level == "warning"


@every_strategy
def test_windows_filled_with_the_help_of_their_future_are_in_no_part(by: str) -> None:
    known = np.arange(300)
    known[100:104], known[200:203] = 104, 203  # two gaps that were filled on a line to what came after
    data = hours(known=known)
    rows = split_rows(data, usual(by, data), seed=2)
    knowing = set(np.flatnonzero(data.keys["known"] >= data.keys["origin"]).tolist())
    assert sorted(data.keys["origin"][sorted(knowing)].tolist()) == [101, 102, 103, 104, 201, 202, 203]
    assert not knowing & set(np.concatenate(list(rows.values())).tolist())
    finding = report(data, rows, "left_out")
    assert finding is not None
    assert "7 hold values that were filled from the steps they are to forecast" in finding.sentence


@every_strategy
@pytest.mark.parametrize("ahead", [1, 3, 6])
def test_a_variable_that_is_the_target_some_steps_ahead_is_reported(by: str, ahead: int) -> None:
    data = hours(tomorrow=lambda walk, steps: walk[ahead : ahead + steps], noise=lambda walk, steps: walk[::-1][:steps])
    rows = split_rows(data, usual(by, data), seed=2)
    finding = report(data, rows, "target_copies")
    assert finding is not None
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert f"tomorrow (walk {ahead} step{'s' * (ahead > 1)} later) tells future exactly" in finding.sentence


@every_strategy
def test_written_parts_are_disjoint_and_the_manifest_counts_every_example(by: str, tmp_path: Path) -> None:
    data = patients(seed=4)
    for values in data.part.inputs:
        values[:30] = values[30:60]
    rows = split_rows(data, way(by), seed=4)
    write_split(tmp_path, data, rows)
    record = build_manifest(data, rows, tmp_path)
    kept = sum(part["examples"] for part in record["parts"].values())
    assert kept + record.get("left_out", 0) == record["examples"] == COUNT
    assert sum(part["share"] for part in record["parts"].values()) == pytest.approx(1, abs=2e-4)
    written = {name: read_part(tmp_path / name, data.schema) for name in PARTS}
    owners = [set(zip(*(values.tolist() for values in part.inputs), strict=True)) for part in written.values()]
    assert sum(map(len, owners)) == len(set.union(*owners))
