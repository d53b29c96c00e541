"""What each check finds in images and tables, and how it says so."""

import re

import numpy as np
import pytest

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.parts import Part
from pipelines.data.schema import Field
from pipelines.data_checks.checks import run_checks
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings, load_scikit_learn
from pipelines.splitting.split import (
    SplitSettings,
    split_rows,
)
from tests.support.small_datasets import draws, few_classes, found, noise, table, thirds


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))


def test_digits_have_nothing_wrong_but_three_dead_pixels(digits: Dataset) -> None:
    said = run_checks(digits, split_rows(digits, SplitSettings(), seed=20))
    checks = ["duplicates", "near_duplicates", "contradictions", "scarce_classes", "class_imbalance", "blank_images"]
    checks.append("constant_pixels")
    assert [one.check for one in said] == checks
    assert [(one.check, one.concerns) for one in said if one.level != "fine"] == [("constant_pixels", 3)]


def test_duplicates_are_said_to_be_kept_together() -> None:
    images = noise(90, 4, 4)
    images[[10, 20, 30]] = images[0]
    data = few_classes(images, [0] * 45 + [1] * 45)
    finding = found(data, split_rows(data, SplitSettings(), seed=0), "duplicates")
    assert (finding.level, finding.concerns) == ("notice", 4)
    assert "1 set of identical examples" in finding.sentence
    assert "0, 10, 20, 30" in finding.sentence


def test_duplicates_across_parts_are_a_warning() -> None:
    images = noise(90, 4, 4)
    images[1] = images[0]  # thirds() puts rows 0 and 1 in train and valid
    finding = found(few_classes(images, [0] * 45 + [1] * 45), thirds(90), "duplicates")
    assert (finding.level, finding.concerns) == ("warning", 2)
    assert "several parts" in finding.sentence


def test_twins_with_different_labels_are_a_warning_that_names_them() -> None:
    images = noise(90, 4, 4)
    images[[*range(1, 9), 89]] = images[0]  # eight more of the same label before the one that differs
    finding = found(few_classes(images, [0] * 45 + [1] * 45), thirds(90), "contradictions")
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert "(for instance example 0 is called cat, example 89 is called dog)" in finding.sentence


@pytest.mark.parametrize(
    ("dogs", "level", "words"),
    [
        (2, "warning", "no example of dog"),
        (12, "notice", "Fewer than 10 test examples each: dog"),
        (45, "fine", "Every"),
    ],
)
def test_a_rare_class_is_named(dogs: int, level: str, words: str) -> None:
    data = few_classes(noise(90, 4, 4), [0] * (90 - dogs) + [1] * dogs)
    rows = thirds(90) if dogs > 2 else {**thirds(90), "test": np.arange(3, 30, 3)}
    finding = found(data, rows, "scarce_classes")
    assert finding.level == level
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("dogs", "level", "words"),
    [
        (0, "warning", "Every example is of class cat"),
        (3, "notice", "29 times"),
        (40, "fine", "1.2 times"),
        (45, "fine", "equally many examples, 45"),
    ],
)
def test_class_imbalance_is_reported(dogs: int, level: str, words: str) -> None:
    data = few_classes(noise(90, 4, 4), [0] * (90 - dogs) + [1] * dogs)
    finding = found(data, thirds(90), "class_imbalance")
    assert finding.level == level
    assert words in finding.sentence


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3)])
def test_blank_and_faint_images_and_dead_pixels_are_found(shape: tuple[int, ...]) -> None:
    images = noise(90, *shape)
    images[:, 0, :2] = 7
    images[5] = 7
    images[6] = 7
    images[6, 3, 3] = 20
    data = few_classes(images, [0] * 45 + [1] * 45)
    blank = found(data, thirds(90), "blank_images")
    assert (blank.level, blank.concerns) == ("warning", 2)
    assert "1 image of a single colour (example 5" in blank.sentence
    assert "1 image with almost no contrast (example 6" in blank.sentence
    dead = found(data, thirds(90), "constant_pixels")
    assert (dead.level, dead.concerns) == ("notice", 2)
    assert "2 of the 16 pixels" in dead.sentence


@pytest.mark.parametrize(
    ("change", "check", "level", "concerns", "words"),
    [
        ({}, "constant_target", "fine", 0, "height from"),
        ({"height": np.full(90, 3, np.float32)}, "constant_target", "warning", 1, "the same in every example"),
        ({"height": np.where(np.arange(90) < 2, np.nan, draws(90))}, "constant_target", "warning", 2, "missing in 2"),
        ({}, "outliers", "fine", 0, "No height lies far outside"),
        ({"height": np.where(np.arange(90) == 7, 1e4, draws(90))}, "outliers", "notice", 1, r"10,000 cm \(example 7"),
        ({"height": np.minimum(draws(90), 0.5)}, "clipped_target", "notice", 31, r"31 .* exactly the largest"),
        ({}, "missing_values", "fine", 0, "No cell is missing"),
        ({"age": np.where(np.arange(90) < 9, np.nan, draws(90))}, "missing_values", "notice", 1, "10.0% of age"),
        ({"town": np.where(np.arange(90) < 45, -1, 1)}, "missing_values", "notice", 1, "50.0% of town"),
        ({}, "constant_columns", "fine", 0, "Every column varies"),
        ({"age": np.full(90, 2, np.float32)}, "constant_columns", "notice", 1, "age is the same"),
        ({"age": np.full(90, np.nan, np.float32)}, "constant_columns", "notice", 1, "age is the same"),
        ({"town": np.zeros(90, np.int64)}, "constant_columns", "notice", 1, "town is the same"),
        ({}, "target_copies", "fine", 0, "No input is a copy of height"),
        ({}, "contradictions", "fine", 0, "No two identical examples differ in height"),
        (
            {"age": np.repeat(draws(45), 2), "town": np.repeat(np.arange(45) % 3, 2)},
            "contradictions", "notice", 45, r"45 sets of identical examples with different height \(for instance",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_told(
    change: dict[str, np.ndarray], check: str, level: str, concerns: int, words: str
) -> None:
    columns = {"age": draws(90, 1), "town": np.arange(90) % 3, "height": draws(90, 2)}
    columns |= {name: values.astype(columns[name].dtype) for name, values in change.items()}
    target = columns.pop("height")
    finding = found(table(columns, target), thirds(90), check)
    assert (finding.level, finding.concerns) == (level, concerns)
    assert re.search(words, finding.sentence)


def test_what_the_source_found_comes_first() -> None:
    data = few_classes(noise(90, 4, 4), [0] * 45 + [1] * 45)
    own = Finding("unreadable", "warning", 2, "Two files cannot be read.")
    assert run_checks(data._replace(findings=(own,)), thirds(90))[0] == own


def test_the_classes_of_pixels_are_counted_by_part() -> None:
    masks = np.zeros((90, 4, 4), dtype=np.uint8)
    masks[::3, 0, 0] = 1  # thirds() puts these in train
    data = few_classes(noise(90, 4, 4), [0] * 90)
    target = Field(name="mask", kind="mask", dtype="uint8", shape=(4, 4), categories=("ground", "house"))
    data = data._replace(schema=data.schema.model_copy(update={"target": target}), part=Part(data.part.inputs, masks))
    finding = found(data, thirds(90), "pixel_classes")
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert "valid has no pixel of house; test has no pixel of house" in finding.sentence
    masks[:, 1, 1] = 1
    assert "91.7% ground, 8.3% house" in found(data, thirds(90), "pixel_classes").sentence
