"""Folds: every row but the test's is held out once, by a fold that trains on none of its kin and on nothing later."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset
from pipelines.data.folds import HELD_OUT, HOLDOUT, TRAINED, read_folds, write_folds
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.sources.bundled.statsmodels_series import StatsmodelsSettings, load_statsmodels
from pipelines.splitting.folds import FOLDED_ROWS
from pipelines.splitting.split import Split, SplitSettings, split_dataset

ROWS = 300


def numbers(rows: int = ROWS, classes: int = 3, **keys: Any) -> Dataset:
    drawn = np.random.default_rng(1)
    schema = Schema(
        inputs=(Field(name="x", kind="number", dtype="float32", shape=()),),
        target=Field(
            name="y", kind="category", dtype="int64", shape=(), categories=tuple(f"c{n}" for n in range(classes))
        ),
        title="Numbers",
        origin="",
        licence="",
    )
    part = Part((drawn.normal(size=rows).astype(np.float32),), drawn.integers(classes, size=rows))
    return Dataset(schema, part, keys=keys)


def pooled(split: Split) -> np.ndarray:
    """The examples of train, then of valid: what the columns of the roles stand for."""
    return np.concatenate([split.rows["train"], split.rows["valid"]])


DEALT: dict[str, tuple[Dataset, SplitSettings]] = {
    "stratified": (numbers(), SplitSettings()),
    "random": (numbers(), SplitSettings(by="random", folds=7)),
    "group": (numbers(group=np.arange(ROWS) // 7), SplitSettings(by="group")),
}


@pytest.mark.parametrize("name", DEALT)
def test_every_row_but_the_tests_is_held_out_once_and_trained_on_by_the_other_folds(name: str) -> None:
    data, settings = DEALT[name]
    split = split_dataset(data, settings, seed=3)
    roles = split.folds.roles
    assert split.folds.number == (settings.folds or 5)
    assert sorted([*pooled(split), *split.rows["test"]]) == list(range(ROWS))
    assert ((roles == HELD_OUT).sum(axis=0) == 1).all()
    assert ((roles == TRAINED) == (roles != HELD_OUT)).all()
    assert np.array_equal(pooled(split)[split.folds.held_out(0)], split.rows["valid"]), "the search's own fold"
    sizes = (roles == HELD_OUT).sum(axis=1)
    assert sizes.max() <= 1.3 * sizes.min()


def test_folds_of_a_stratified_split_have_the_same_shares_of_every_class() -> None:
    data = numbers()
    split = split_dataset(data, SplitSettings(), seed=3)
    target = data.part.target[pooled(split)]
    counts = np.array([np.bincount(target[split.folds.held_out(fold)]) for fold in range(5)])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 2).all()


def test_a_group_and_twins_are_in_one_fold() -> None:
    groups = np.arange(ROWS) // 7
    grouped = split_dataset(numbers(group=groups), SplitSettings(by="group"), seed=3)
    twins = np.arange(ROWS) % (ROWS * 2 // 3)  # a third has a twin
    data = numbers()
    twinned = data._replace(part=Part((data.part.inputs[0][twins],), data.part.target))
    for split, kin in ((grouped, groups), (split_dataset(twinned, SplitSettings(by="random"), seed=3), twins)):
        fold_of = (split.folds.roles == HELD_OUT).argmax(axis=0)
        members = kin[pooled(split)]
        assert all(len(set(fold_of[members == one])) == 1 for one in set(members))


def test_folds_by_time_train_on_the_past_alone() -> None:
    time = np.random.default_rng(2).permutation(ROWS).astype(np.int64) // 2
    split = split_dataset(numbers(time=time), SplitSettings(by="time", embargo=3), seed=3)
    times, before = time[pooled(split)], 10**9
    assert split.folds.by_time
    for fold in range(5):
        trained, held_out = times[split.folds.trained(fold)], times[split.folds.held_out(fold)]
        assert trained.max() < held_out.min()
        assert held_out.max() < before, "the first fold is the last window"
        before = held_out.min()
    assert times.max() < time[split.rows["test"]].min()
    dropped = times[(split.folds.roles != HELD_OUT).all(axis=0)]
    assert (dropped < before).sum() > ROWS // 10, "the first window is trained on alone"


def test_no_future_of_a_series_that_is_trained_on_reaches_into_a_fold() -> None:
    data = load_statsmodels(StatsmodelsSettings(kind="statsmodels", dataset="sunspots", window=22, horizon=4))
    split = split_dataset(data, SplitSettings(by="time"), seed=3)
    origins, horizon = np.asarray(data.keys["origin"])[pooled(split)], data.schema.target.shape[0]
    held_out_before: set[int] = set()
    for fold in range(split.folds.number):
        trained, held_out = origins[split.folds.trained(fold)], np.sort(origins[split.folds.held_out(fold)])
        assert (trained + horizon <= held_out.min()).all()
        assert (np.diff(held_out) >= horizon).all(), "as in a holdout, what is scored does not overlap"
        assert not held_out_before & set(held_out.tolist())
        held_out_before |= set(held_out.tolist())


def test_folds_are_the_default_for_few_rows_alone() -> None:
    few, many = numbers(FOLDED_ROWS - 1), numbers(FOLDED_ROWS)
    assert split_dataset(few, SplitSettings(), seed=3).folds.number == 5
    assert split_dataset(many, SplitSettings(), seed=3).folds.number == 0
    assert split_dataset(many, SplitSettings(folds=3), seed=3).folds.number == 3
    holdout = split_dataset(few, SplitSettings(valid=0.2), seed=3)
    assert holdout.folds.number == 0
    assert len(holdout.rows["valid"]) == pytest.approx(0.2 * FOLDED_ROWS, abs=5)
    assert split_dataset(few, SplitSettings(), seed=3, can_fold=False).folds.number == 0
    part = np.array(["train", "test"] * (ROWS // 2))
    assert split_dataset(numbers(part=part), SplitSettings(by="given"), seed=3).folds.number == 0


def test_examples_that_cannot_fill_the_folds_are_held_out_at_once_unless_folds_are_asked_for() -> None:
    data = numbers(group=np.arange(ROWS) // 75)  # four groups
    assert split_dataset(data, SplitSettings(by="group"), seed=3).folds.number == 0
    with pytest.raises(UserError, match=r"split\.folds: 5 folds leave one without an example"):
        split_dataset(data, SplitSettings(by="group", folds=5), seed=3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"folds": 5, "valid": 0.2}, "folds and valid exclude each other: folds: 5"),
        ({"folds": 5, "by": "given"}, "folds is read with by: stratified, random, group, time alone, got by: given"),
        ({"folds": 1}, "greater than or equal to 2"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        SplitSettings(**settings)


def test_folds_are_refused_where_answers_of_several_models_cannot_be_put_together() -> None:
    with pytest.raises(UserError, match="generators"):
        split_dataset(numbers(), SplitSettings(folds=5), seed=3, can_fold=False)


def test_folds_are_read_as_they_were_written(tmp_path: Any) -> None:
    split = split_dataset(*DEALT["group"], seed=3)
    write_folds(tmp_path / "folds.npz", split.folds)
    found = read_folds(tmp_path / "folds.npz")
    assert np.array_equal(found.roles, split.folds.roles)
    assert (found.by_time, found.dependence.kind) == (False, "clusters")
    assert np.array_equal(found.dependence.units, split.folds.dependence.units)
    write_folds(tmp_path / "none.npz", HOLDOUT)
    assert read_folds(tmp_path / "none.npz").number == 0
