"""What the sources give, and what the manifest says about it."""

import hashlib
import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset, Finding, chunks
from pipelines.data.parts import PARTS, Part, read_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.data_checks.checks import run_checks
from pipelines.data_checks.manifest import build_manifest
from pipelines.runtime.files import write_array
from pipelines.sources import LOADERS, SourceSettings
from pipelines.sources.bundled.scikit_learn import DATASETS, ScikitLearnSettings, load_scikit_learn
from pipelines.splitting.duplicates import duplicate_ids
from pipelines.splitting.split import (
    SplitRows,
    SplitSettings,
    split_rows,
    write_split,
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))


def few_classes(images: np.ndarray, target: list[int], names: tuple[str, ...] = ("cat", "dog")) -> Dataset:
    schema = Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=images.shape[1:], range=(0, 255)),),
        target=Field(name="animal", kind="category", dtype="int64", shape=(), categories=names),
        title="Animals",
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part((images,), np.array(target)))


def noise(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def thirds(count: int) -> SplitRows:
    return {name: np.arange(place, count, 3) for place, name in enumerate(PARTS)}


def found(data: Dataset, rows: SplitRows, check: str) -> Finding:
    return next(finding for finding in run_checks(data, rows) if finding.check == check)


def test_every_source_is_named_after_a_kind_that_its_settings_accept() -> None:
    accepted = [
        get_args(settings.model_fields["kind"].annotation) for settings in get_args(get_args(SourceSettings)[0])
    ]
    assert sorted(kind for kinds in accepted for kind in kinds) == sorted(LOADERS)


@pytest.mark.parametrize("dataset", DATASETS)
def test_arrays_are_what_the_schema_says(dataset: str) -> None:
    data = load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset=dataset))
    fields = (*data.schema.inputs, data.schema.target)
    for field, values in zip(fields, (*data.part.inputs, data.part.target), strict=True):
        assert values.dtype == field.dtype
        assert values.shape == (len(data.part.target), *field.shape)
        if field.range:
            assert field.range[0] <= values.min() <= values.max() <= field.range[1]
    if data.schema.target.kind == "category":
        assert set(np.unique(data.part.target)) == set(range(len(data.schema.target.categories)))
    assert data.schema.origin
    assert data.schema.licence


def test_digits_are_the_1797_of_scikit_learn_scaled_to_a_byte(digits: Dataset) -> None:
    images, target = digits.part.inputs[0], digits.part.target
    # counts per class: scikit-learn's load_digits, which equals optdigits.tes at UCI
    assert np.bincount(target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert len(np.unique(images)) == 17
    # first row of the first digit in load_digits: 0 0 5 13 9 1 0 0; times 255 / 16, rounded
    assert images[0, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert any("0..16" in note for note in digits.notes)


def test_an_unknown_data_set_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(ValidationError, match=r"known here \(digits, .*\), got mnist"):
        ScikitLearnSettings(kind="sklearn", dataset="mnist")


def test_an_unknown_setting_of_a_source_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ScikitLearnSettings(kind="sklearn", dataset="digits", path="here")


def test_chunks_cover_every_row_once_and_in_order() -> None:
    values = np.zeros((10, 2**21), dtype=np.uint64)  # 16 MiB a row: one row a chunk
    assert [(rows.start, rows.stop) for rows in chunks(values)] == [(row, row + 1) for row in range(10)]
    assert [(rows.start, rows.stop) for rows in chunks(np.zeros(5))] == [(0, 5)]


def test_identical_needs_all_fields_to_agree() -> None:
    sets = duplicate_ids((np.array([1, 1, 1, 2]), np.array([[0, 0], [0, 1], [0, 0], [0, 0]])))
    assert sets[0] == sets[2]
    assert len(set(sets)) == 3


def test_identical_finds_what_sorting_whole_rows_finds() -> None:
    values = np.random.default_rng(1).integers(0, 3, (500, 4), dtype=np.uint8)
    _, expected = np.unique(values, axis=0, return_inverse=True)
    pairs = set(zip(duplicate_ids((values,)).tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == len(set(expected.ravel().tolist()))  # numbered otherwise, grouped the same


def test_another_key_shuffles_the_sets_anew() -> None:
    values = np.arange(100)
    assert not np.array_equal(duplicate_ids((values,), key=1), duplicate_ids((values,), key=2))


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


def test_digits_have_nothing_wrong_but_three_dead_pixels(digits: Dataset) -> None:
    said = run_checks(digits, split_rows(digits, SplitSettings(), seed=20))
    checks = ["duplicates", "contradictions", "scarce_classes", "class_imbalance", "blank_images", "constant_pixels"]
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
    images[89] = images[0]
    finding = found(few_classes(images, [0] * 45 + [1] * 45), thirds(90), "contradictions")
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert "example 0 is called cat, example 89 is called dog" in finding.sentence


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


def table(columns: dict[str, np.ndarray], target: np.ndarray, name: str = "height") -> Dataset:
    """Numbers and, from whole numbers, categories; rows that are one of each."""
    fields = tuple(
        Field(name=column, kind="number", dtype="float32", shape=())
        if values.dtype.kind == "f"
        else Field(name=column, kind="category", dtype="int64", shape=(), categories=("a", "b", "c"))
        for column, values in columns.items()
    )
    kind = "number" if target.dtype.kind == "f" else "category"
    names = ("no", "yes") if kind == "category" else ()
    schema = Schema(
        inputs=fields,
        target=Field(
            name=name, kind=kind, dtype=str(target.dtype), shape=(), categories=names, unit="cm" * (not names)
        ),
        title="People",
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part(tuple(columns.values()), target))


def draws(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count).astype(np.float32)


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


def test_zeros_of_both_signs_and_missing_numbers_of_all_kinds_are_alike() -> None:
    odd = np.frombuffer(np.array([0x7FC00001], dtype=np.uint32).tobytes(), dtype=np.float32)[0]  # a NaN of other bits
    values = np.array([0.0, -0.0, np.nan, odd, 1.0], dtype=np.float32)
    sets = duplicate_ids((values,))
    assert len(set(sets.tolist())) == 3
    assert sets[0] == sets[1]
    assert sets[2] == sets[3]
