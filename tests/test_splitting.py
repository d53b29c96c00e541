"""Which example goes to which part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.running.failure import Failure
from pipelines.sources import SourceSettings, load
from pipelines.sources.data import Data
from pipelines.sources.duplicates import identical
from pipelines.sources.parts import PARTS, Part
from pipelines.sources.schema import Field, Schema
from pipelines.sources.splitting import BY, SplitSettings, split


def examples(values: list[int], labels: list[int]) -> Data:
    """Examples that are one number each; equal numbers are identical examples."""
    schema = Schema(
        inputs=(Field(name="value", kind="image", dtype="int64", shape=()),),
        target=Field(
            name="label", kind="category", dtype="int64", shape=(), categories=tuple(map(str, range(max(labels) + 1)))
        ),
        title="Numbers",
        origin="made here",
        licence="none",
    )
    return Data(schema, Part((np.array(values),), np.array(labels)))


def classes_of(counts: list[int]) -> Data:
    """Different examples, so many of each class."""
    return examples(list(range(sum(counts))), [code for code, count in enumerate(counts) for _ in range(count)])


chosen = st.tuples(st.floats(0.05, 0.4), st.floats(0.05, 0.4)).map(lambda two: SplitSettings(valid=two[0], test=two[1]))
seeds = st.integers(0, 2**31)
labelled = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), min_size=60, max_size=200)
ways = pytest.mark.parametrize("by", BY)


@ways
@checked(deadline=None)  # a busy machine is not a failure
@given(pairs=labelled, settings=chosen, seed=seeds)
def test_every_example_is_in_exactly_one_part_and_twins_are_together(
    by: str, pairs: list[tuple[int, int]], settings: SplitSettings, seed: int
) -> None:
    data = examples(*map(list, zip(*pairs, strict=True)))
    try:
        rows = split(data, settings.model_copy(update={"by": by}), seed)
    except Failure:
        return  # fewer than three different examples of any class: said, not guessed
    assert np.array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(len(pairs)))
    assert all(np.array_equal(part, np.sort(part)) for part in rows.values())
    owners = [set(data.part.inputs[0][part].tolist()) for part in rows.values()]
    assert sum(map(len, owners)) == len(set.union(*owners))


@checked(deadline=None)  # a busy machine is not a failure
@given(counts=st.lists(st.integers(40, 90), min_size=2, max_size=6), settings=chosen, seed=seeds)
def test_shares_are_met_to_one_example_and_in_each_class_to_two(
    counts: list[int], settings: SplitSettings, seed: int
) -> None:
    data = classes_of(counts)
    rows = split(data, settings, seed)
    shares = {"train": 1 - settings.valid - settings.test, "valid": settings.valid, "test": settings.test}
    for name in PARTS:
        assert abs(len(rows[name]) - shares[name] * sum(counts)) <= 1
        per_class = np.bincount(data.part.target[rows[name]], minlength=len(counts))
        assert np.all(np.abs(per_class - shares[name] * np.array(counts)) <= 2)


@checked(deadline=None)  # a busy machine is not a failure
@given(
    counts=st.lists(st.integers(3, 8), min_size=1, max_size=8), copies=st.integers(1, 3), settings=chosen, seed=seeds
)
def test_a_class_with_three_different_examples_is_in_every_part(
    counts: list[int], copies: int, settings: SplitSettings, seed: int
) -> None:
    once = classes_of(counts)
    data = examples(once.part.inputs[0].tolist() * copies, once.part.target.tolist() * copies)
    for part in split(data, settings, seed).values():
        assert set(data.part.target[part]) == set(range(len(counts)))


@checked(deadline=None)  # a busy machine is not a failure
@given(pairs=labelled, seed=seeds)
def test_the_order_of_the_examples_does_not_matter(pairs: list[tuple[int, int]], seed: int) -> None:
    data = examples(*map(list, zip(*pairs, strict=True)))
    order = np.random.default_rng(seed).permutation(len(pairs))
    other = Data(data.schema, Part((data.part.inputs[0][order],), data.part.target[order]))
    try:
        rows, again = split(data, SplitSettings(), seed), split(other, SplitSettings(), seed)
    except Failure:
        return
    for name in PARTS:
        assert np.array_equal(np.sort(order[again[name]]), rows[name])


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    data = classes_of([50, 50])
    first, same, other = (split(data, SplitSettings(), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], same[name]) for name in PARTS)
    assert not np.array_equal(first["test"], other["test"])


def test_every_example_is_as_likely_to_be_tested() -> None:
    data = classes_of([30, 20])
    times = np.zeros(50)
    for seed in range(2000):
        times[split(data, SplitSettings(), seed)["test"]] += 1
    # binomial(2000, 0.2): standard deviation 17.9; the largest of 50 stays within 4 of them
    assert np.all(np.abs(times - 400) < 4 * 17.9)


@pytest.mark.parametrize(("different", "parts"), [(1, {"train"}), (2, {"train", "valid", "test"})])
def test_a_class_with_one_or_two_different_examples_goes_to_train_first(different: int, parts: set[str]) -> None:
    labels = [0] * 40 + [1] * different
    for seed in range(20):
        data = examples(list(range(len(labels))), labels)
        rows = split(data, SplitSettings(), seed)
        places = {name for name in PARTS if 1 in data.part.target[rows[name]]}
        assert "train" in places
        assert places <= parts
        assert len(places) == different


def test_many_rare_classes_do_not_empty_the_common_ones_train_part() -> None:
    data = classes_of([1] * 100 + [200])
    rows = split(data, SplitSettings(), seed=0)
    common = np.count_nonzero(data.part.target[rows["train"]] == 100)
    assert abs(common - 120) <= 2


def test_planted_twins_among_the_digits_stay_on_one_side() -> None:
    digits = load(SourceSettings(kind="sklearn", dataset="digits"))
    images, target = digits.part.inputs[0], digits.part.target
    planted = np.random.default_rng(3).choice(len(images), 400)  # some more than once
    data = Data(
        digits.schema,
        Part((np.concatenate([images, images[planted]]),), np.concatenate([target, target[planted]])),
    )
    sets = identical(data.part.inputs)
    for seed in range(5):
        rows = split(data, SplitSettings(), seed)
        owners = [set(sets[part].tolist()) for part in rows.values()]
        assert sum(map(len, owners)) == len(set.union(*owners)) == 1797
        assert abs(len(rows["test"]) - 0.2 * 2197) <= 2


def test_contradicting_twins_stay_together_and_count_as_the_class_most_of_them_have() -> None:
    values = [0, 0, 0, 1, 1, 1, 2, 2, 2, *range(3, 60)]
    labels = [1, 1, 0, 1, 0, 1, 0, 1, 1, *[0] * 57]
    data = examples(values, labels)
    for seed in range(10):
        rows = split(data, SplitSettings(), seed)
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
        ({"by": "luck"}, r"must be a way to split \(stratified\), got luck"),
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
def test_too_few_examples_are_a_failure_that_says_so(data: Data, sentence: str) -> None:
    with pytest.raises(Failure, match=sentence):
        split(data, SplitSettings(), seed=0, where="problems.x.split")


def test_stratified_needs_classes() -> None:
    data = classes_of([9, 9])
    schema = data.schema.model_copy(update={"target": Field(name="mask", kind="image", dtype="uint8", shape=(2, 2))})
    with pytest.raises(
        Failure, match=r"split.by: stratified needs a target that is a category, but mask is of kind image"
    ):
        split(data._replace(schema=schema), SplitSettings(), seed=0)
