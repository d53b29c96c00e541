"""Split strategies: twins, groups, times and columns."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from pipelines.data.dataset import Dataset
from pipelines.data.parts import PARTS, Part
from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.splitting.settings import PartValues, SplitStrategy
from pipelines.splitting.split import STRATEGIES, SplitSettings, split_rows
from tests.support.split_examples import chosen, classes_of, examples, labelled, seeds


def test_every_split_strategy_of_the_settings_exists() -> None:
    assert tuple(STRATEGIES) == get_args(SplitStrategy)


every_strategy = pytest.mark.parametrize("by", STRATEGIES)


def keyed(data: Dataset, seed: int) -> Dataset:
    """The same examples with everything that a split may go by, drawn at random."""
    random = np.random.default_rng(seed)
    count = len(data.part.target)
    keys = {
        "group": random.integers(0, 12, count),
        "time": np.datetime64("2020-01-01", "s") + random.integers(0, 50, count) * np.timedelta64(86_400, "s"),
        "part": random.choice(PARTS, count),
        "fold": random.integers(0, 5, count),
    }
    return data._replace(keys=keys)


FOLDS = PartValues(train=("0", "1", "2"), valid=("3",), test=("4",))


FOR_WAY = {"column": {"column": "fold", "parts": FOLDS}}  # what a way cannot do without


def way(by: str, settings: SplitSettings | None = None) -> SplitSettings:
    shares = settings or SplitSettings()
    return SplitSettings(valid=shares.valid, test=shares.test, by=by, **FOR_WAY.get(by, {}))


@every_strategy
@checked(max_examples=40)
@given(pairs=labelled, settings=chosen, seed=seeds)
def test_no_example_is_in_two_parts_and_twins_are_together(
    by: str, pairs: list[tuple[int, int]], settings: SplitSettings, seed: int
) -> None:
    data = keyed(examples(*map(list, zip(*pairs, strict=True))), seed)
    try:
        rows = split_rows(data, way(by, settings), seed)
    except UserError:
        return  # a part would be empty: said, not guessed
    everything = np.sort(np.concatenate(list(rows.values())))
    assert len(np.unique(everything)) == len(everything)
    assert by not in ("stratified", "random") or len(everything) == len(pairs)
    assert all(np.array_equal(part, np.sort(part)) for part in rows.values())
    owners = [set(data.part.inputs[0][part].tolist()) for part in rows.values()]
    assert sum(map(len, owners)) == len(set.union(*owners))


@every_strategy
@checked(max_examples=15)
@given(seed=seeds)
def test_no_way_to_split_looks_at_the_order_of_the_examples(by: str, seed: int) -> None:
    data = keyed(classes_of([60, 60]), seed)
    order = np.random.default_rng(seed).permutation(120)
    keys = {name: values[order] for name, values in data.keys.items()}
    other = data._replace(part=Part((data.part.inputs[0][order],), data.part.target[order]), keys=keys)
    rows, again = split_rows(data, way(by), seed), split_rows(other, way(by), seed)
    for name in PARTS:
        assert np.array_equal(np.sort(order[again[name]]), rows[name])


@given(sizes=st.lists(st.integers(1, 30), min_size=3, max_size=40), settings=chosen, seed=seeds)
def test_groups_stay_whole_and_every_part_gets_one(sizes: list[int], settings: SplitSettings, seed: int) -> None:
    group = np.repeat([f"patient {number}" for number in range(len(sizes))], sizes)
    data = classes_of([len(group), 0])._replace(keys={"patient": group})
    rows = split_rows(data, SplitSettings(valid=settings.valid, test=settings.test, by="group", group="patient"), seed)
    owners = [set(group[part]) for part in rows.values()]
    assert sum(map(len, owners)) == len(sizes)
    assert all(owners)
    assert sum(map(len, rows.values())) == len(group)
    if len(sizes) >= 20:  # large groups are dealt first, so the rest evens them out
        shares = [1 - settings.valid - settings.test, settings.valid, settings.test]
        for name, share in zip(PARTS, shares, strict=True):
            assert abs(len(rows[name]) - share * len(group)) <= max(sizes)


@given(days=st.lists(st.integers(0, 60), min_size=40, max_size=150), embargo=st.integers(0, 3), seed=seeds)
def test_time_goes_from_train_over_valid_to_test(days: list[int], embargo: int, seed: int) -> None:
    time = np.array(days)
    data = classes_of([len(days), 0])._replace(keys={"day": time})
    settings = SplitSettings(by="time", time="day", embargo=embargo)
    try:
        rows = split_rows(data, settings, seed)
    except UserError:
        return
    train, valid, test = (time[rows[name]] for name in PARTS)
    assert train.max() < valid.min() <= valid.max() < test.min()
    gone = np.setdiff1d(np.arange(len(days)), np.concatenate(list(rows.values())))
    assert len(gone) >= 2 * embargo
    for row in gone:
        assert train.max() < time[row] < valid.min() or valid.max() < time[row] < test.min()


def test_an_embargo_leaves_out_so_many_examples_after_each_boundary() -> None:
    data = classes_of([100, 0])._replace(keys={"time": np.arange(100)})
    rows = split_rows(data, SplitSettings(by="time", embargo=5), seed=0)
    assert [(part[0], part[-1]) for part in rows.values()] == [(0, 59), (65, 79), (85, 99)]


def test_groups_in_time_are_whole_and_the_latest_are_tested() -> None:
    group = np.repeat(np.arange(10), 10)
    time = np.tile(np.arange(10), 10) + 5 * group  # each group begins before the one before it ends
    data = classes_of([100, 0])._replace(keys={"group": group, "time": time})
    rows = split_rows(data, SplitSettings(by="group_in_time"), seed=3)
    assert {name: sorted(set(group[part])) for name, part in rows.items()} == {
        "train": [0, 1, 2, 3, 4, 5],
        "valid": [6, 7],
        "test": [8, 9],
    }


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        (PartValues(train=("0", "1"), valid=("2",), test=("3",)), [40, 20, 20]),  # fold 4 is in no part
        (PartValues(train=("0", "1", "2", "3"), test=("4",)), [64, 16, 20]),  # valid: a fifth of train
        (PartValues(train=("0", "1", "2", "3"), valid=("4",)), [64, 20, 16]),
        (PartValues(train=("0", "1", "2", "3", "4")), [60, 20, 20]),
    ],
)
def test_a_column_makes_the_parts_and_what_it_does_not_name_is_cut_from_train(
    parts: PartValues, counts: list[int]
) -> None:
    data = classes_of([50, 50])._replace(keys={"fold": np.arange(100) % 5})
    rows = split_rows(data, SplitSettings(by="column", column="fold", parts=parts), seed=1)
    assert [len(part) for part in rows.values()] == counts
    for part in rows.values():
        assert abs(np.count_nonzero(data.part.target[part]) - len(part) / 2) <= 1


def test_given_parts_are_kept_and_valid_is_cut_from_train() -> None:
    data = classes_of([60, 60])._replace(keys={"part": np.array(["train"] * 100 + ["test"] * 20)})
    rows = split_rows(data, SplitSettings(by="given"), seed=1)
    assert rows["test"].tolist() == list(range(100, 120))
    assert [len(rows["train"]), len(rows["valid"])] == [80, 20]


def test_a_target_of_numbers_is_split_at_random() -> None:
    data = numbers(100)
    with pytest.raises(UserError, match=r"by: stratified|of kind number; write by: random"):
        split_rows(data, SplitSettings(), seed=0)
    rows = split_rows(data, SplitSettings(by="random"), seed=0)
    assert [len(part) for part in rows.values()] == [60, 20, 20]


def numbers(count: int) -> Dataset:
    data = classes_of([count, 0])
    target = Field(name="height", kind="number", dtype="float32", shape=())
    schema = data.schema.model_copy(update={"target": target})
    return data._replace(schema=schema, part=Part(data.part.inputs, np.arange(count, dtype=np.float32)))


@pytest.mark.parametrize(
    ("keys", "settings", "sentence"),
    [
        ({}, {"by": "group"}, r"by: group needs 'group' among the keys of the source, but it has none"),
        ({"time": [1] * 9}, {"by": "group", "group": "ward"}, r"needs 'ward' .* but it has time"),
        ({"group": ["a", "b"] * 4 + ["a"]}, {"by": "group"}, "at least 3 groups, one for each part, but group has 2"),
        ({"group": ["a", "b", ""] * 3}, {"by": "group"}, r"missing in 3, first in example 2, counted from 0"),
        ({"time": [1] * 9}, {"by": "time"}, "at least 3 different times, found 1"),
        ({"time": ["1/2/2020", "x", "y"] * 3}, {"by": "time"}, "needs dates or numbers as time, but time is text"),
        (
            {"time": [np.datetime64("NaT", "s")] * 9},
            {"by": "time"},
            "the time of every example, but it is missing in 9",
        ),
        ({"time": list(range(9))}, {"by": "time", "embargo": 9}, "no example is left for valid and test: .*embargo"),
        ({"part": ["train", "dev", "test"] * 3}, {"by": "given"}, "called train, valid, test, but the data has 'dev'"),
        ({"part": ["valid", "test", "test"] * 3}, {"by": "given"}, "needs examples for train, but the data has only"),
        (
            {"fold": [1, 2, 3] * 3},
            {"by": "column", "column": "fold", "parts": {"train": [1], "valid": [2], "test": [7]}},
            "no example has '7' as its fold; found: 1, 2, 3",
        ),
    ],
)
def test_data_that_cannot_be_split_this_way_is_a_failure_that_says_so(
    keys: dict[str, list[object]], settings: dict[str, object], sentence: str
) -> None:
    data = classes_of([9, 0])._replace(keys={name: np.array(values) for name, values in keys.items()})
    with pytest.raises(UserError, match=sentence):
        split_rows(data, SplitSettings.model_validate(settings), seed=0)
