"""How well shares are met, and that a split depends on examples and seed alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.data.dataset import Dataset
from pipelines.data.parts import PARTS, Part
from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings, load_scikit_learn
from pipelines.splitting.duplicates import duplicate_ids
from pipelines.splitting.settings import SplitStrategy
from pipelines.splitting.split import SplitSettings, split_dataset, split_rows
from tests.support.small_datasets import draws, table
from tests.support.split_examples import chosen, classes_of, examples, labelled, seeds


@given(counts=st.lists(st.integers(40, 90), min_size=2, max_size=6), settings=chosen, seed=seeds)
def test_shares_are_met_to_one_example_and_in_each_class_to_two(
    counts: list[int], settings: SplitSettings, seed: int
) -> None:
    data = classes_of(counts)
    rows = split_rows(data, settings, seed)
    shares = {"train": 1 - settings.valid - settings.test, "valid": settings.valid, "test": settings.test}
    for name in PARTS:
        assert abs(len(rows[name]) - shares[name] * sum(counts)) <= 1
        per_class = np.bincount(data.part.target[rows[name]], minlength=len(counts))
        assert np.all(np.abs(per_class - shares[name] * np.array(counts)) <= 2)


@given(
    counts=st.lists(st.integers(3, 8), min_size=1, max_size=8), copies=st.integers(1, 3), settings=chosen, seed=seeds
)
def test_a_class_with_three_different_examples_is_in_every_part(
    counts: list[int], copies: int, settings: SplitSettings, seed: int
) -> None:
    once = classes_of(counts)
    data = examples(once.part.inputs[0].tolist() * copies, once.part.target.tolist() * copies)
    for part in split_rows(data, settings, seed).values():
        assert set(data.part.target[part]) == set(range(len(counts)))


@given(pairs=labelled, seed=seeds)
def test_the_order_of_the_examples_does_not_matter(pairs: list[tuple[int, int]], seed: int) -> None:
    data = examples(*map(list, zip(*pairs, strict=True)))
    order = np.random.default_rng(seed).permutation(len(pairs))
    other = Dataset(data.schema, Part((data.part.inputs[0][order],), data.part.target[order]))
    try:
        rows, again = split_rows(data, SplitSettings(), seed), split_rows(other, SplitSettings(), seed)
    except UserError:
        return
    for name in PARTS:
        assert np.array_equal(np.sort(order[again[name]]), rows[name])


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    data = classes_of([50, 50])
    first, same, other = (split_rows(data, SplitSettings(), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], same[name]) for name in PARTS)
    assert not np.array_equal(first["test"], other["test"])


def test_every_example_is_as_likely_to_be_tested() -> None:
    data = classes_of([30, 20])
    times = np.zeros(50)
    for seed in range(2000):
        times[split_rows(data, SplitSettings(), seed)["test"]] += 1
    # binomial(2000, 0.2): standard deviation 17.9; the largest of 50 stays within 4 of them
    assert np.all(np.abs(times - 400) < 4 * 17.9)


@pytest.mark.parametrize("by", ["random", "stratified"])
@pytest.mark.parametrize("folds", [None, 5])
def test_the_parts_of_a_table_are_alike_in_its_first_column(by: SplitStrategy, folds: int | None) -> None:
    """Where sets of identical rows stand in the order of that column, each part has values of its own."""
    count = 1500
    columns = {"class": np.arange(count) % 3, "age": draws(count)}
    data = table(columns, np.arange(count) // 3 % 2)
    settings = SplitSettings(by=by, folds=folds) if folds else SplitSettings(by=by, valid=0.2)
    split = split_dataset(data, settings, seed=20)
    pooled = np.concatenate([split.rows["train"], split.rows["valid"]])
    held_out = [pooled[split.folds.held_out(fold)] for fold in range(split.folds.number)]
    for rows in [*split.rows.values(), *held_out]:
        for value in range(3):
            share, expected = (columns["class"][rows] == value).mean(), 1 / 3
            assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / len(rows))


@pytest.mark.parametrize(("different", "parts"), [(1, {"train"}), (2, {"train", "valid", "test"})])
def test_a_class_with_one_or_two_different_examples_goes_to_train_first(different: int, parts: set[str]) -> None:
    labels = [0] * 40 + [1] * different
    for seed in range(20):
        data = examples(list(range(len(labels))), labels)
        rows = split_rows(data, SplitSettings(), seed)
        places = {name for name in PARTS if 1 in data.part.target[rows[name]]}
        assert "train" in places
        assert places <= parts
        assert len(places) == different


def test_many_rare_classes_do_not_empty_the_common_ones_train_part() -> None:
    data = classes_of([1] * 100 + [200])
    rows = split_rows(data, SplitSettings(), seed=0)
    common = np.count_nonzero(data.part.target[rows["train"]] == 100)
    assert abs(common - 120) <= 2


def test_planted_duplicates_stay_in_one_part() -> None:
    digits = load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))
    images, target = digits.part.inputs[0], digits.part.target
    planted = np.random.default_rng(3).choice(len(images), 400)  # some more than once
    data = Dataset(
        digits.schema,
        Part((np.concatenate([images, images[planted]]),), np.concatenate([target, target[planted]])),
    )
    sets = duplicate_ids(data.part.inputs)
    for seed in range(5):
        rows = split_rows(data, SplitSettings(), seed)
        owners = [set(sets[part].tolist()) for part in rows.values()]
        assert sum(map(len, owners)) == len(set.union(*owners)) == 1797
        assert abs(len(rows["test"]) - 0.2 * 2197) <= 2


@pytest.mark.parametrize("by", ["stratified", "random"])
def test_large_sets_of_twins_are_dealt_to_every_part_by_its_share(by: SplitStrategy) -> None:
    values = [number for number in range(450) for _ in range(6 if number < 30 else 1)]  # 30 sets of 6, and 420 without
    rows = split_rows(examples(values, [0] * 600), SplitSettings(by=by), seed=5)
    sets = {name: len({values[row] for row in part if row < 180}) for name, part in rows.items()}
    assert sets == {"train": 18, "valid": 6, "test": 6}
    assert {name: len(part) for name, part in rows.items()} == {"train": 360, "valid": 120, "test": 120}


def test_duplicates_with_different_labels_stay_together_as_the_majority_class() -> None:
    values = [0, 0, 0, 1, 1, 1, 2, 2, 2, *range(3, 60)]
    labels = [1, 1, 0, 1, 0, 1, 0, 1, 1, *[0] * 57]
    data = examples(values, labels)
    for seed in range(10):
        rows = split_rows(data, SplitSettings(), seed)
        assert sorted(len({0, 1, 2} & set(part.tolist())) for part in rows.values()) == [0, 0, 3]
        assert all(1 in data.part.target[part] for part in rows.values())  # three sets of class 1: one in every part


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"valid": 0}, "must be a share of the examples, above 0 and below 1 such as 0.2, got 0"),
        ({"test": 1.5}, "got 1.5"),
        ({"test": float("nan")}, "got nan"),
        ({"test": -0.1}, "got -0.1"),
        ({"valid": 0.5, "test": 0.5}, r"together be below 1, got 0.5 \+ 0.5 = 1"),
        ({"by": "luck"}, r"must be a way to split \(stratified, random, .*\), got luck"),
        ({"group": "ward"}, "group is read with by: group or group_in_time alone, got by: stratified"),
        ({"by": "group", "embargo": 3}, "embargo is read with by: time alone, got by: group"),
        ({"by": "time", "embargo": -3}, "greater than or equal to 0"),
        ({"by": "column", "column": "fold"}, "by: column needs the column and what its values make"),
        ({"by": "column", "column": "a", "parts": {"train": [1], "test": [1]}}, "'1' is named twice"),
        ({"by": "column", "column": "a", "parts": {"train": []}}, "train must name at least one value"),
        ({"by": "column", "column": "a", "parts": {"tarin": [1]}}, "Extra inputs are not permitted"),
        ({"vaild": 0.2}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_settings_are_refused_in_a_sentence(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        SplitSettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (classes_of([1, 1]), "problems.x.split: 2 examples cannot fill the parts train, valid, test; add examples"),
        (classes_of([1, 1, 1, 1]), "problems.x.split: no example is left for valid and test: of 4 examples"),
        (examples([1] * 9, [0] * 9), "problems.x.split: no example is left for valid and test: of 9 examples"),
    ],
)
def test_too_few_examples_are_a_failure_that_says_so(data: Dataset, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        split_rows(data, SplitSettings(), seed=0, where="problems.x.split")


def test_stratified_needs_classes() -> None:
    data = classes_of([9, 9])
    schema = data.schema.model_copy(update={"target": Field(name="mask", kind="image", dtype="uint8", shape=(2, 2))})
    with pytest.raises(
        UserError,
        match=r"split.by: stratified needs a target that is a category, but mask is of kind image; write by: ran",
    ):
        split_rows(data._replace(schema=schema), SplitSettings(), seed=0)
