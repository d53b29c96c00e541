"""What a second split says of data that has grown: rows, classes, columns and shifts."""

import json
from typing import Any

import numpy as np
import pytest

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import to_bytes
from pipelines.data_checks.changes import find_changes, summarise_data


def table(
    ages: Any, towns: Any, classes: tuple[str, ...] = ("no", "yes"), names: tuple[str, ...] = ("age",)
) -> Dataset:
    """Rows of ages under some names, with codes of towns, which are the target too."""
    codes = np.asarray(towns, dtype=np.int64)
    schema = Schema(
        inputs=tuple(Field(name=name, kind="number", dtype="float32", shape=()) for name in names),
        target=Field(name="ill", kind="category", dtype="int64", shape=(), categories=classes),
        title="People",
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part(tuple(np.asarray(ages, np.float32) for _ in names), codes))


def changes(before: Dataset, after: Dataset) -> dict[str, str]:
    """The sentences by check; the first summary goes through JSON, as it does between two splits."""
    kept = json.loads(json.dumps(summarise_data(before)))
    return {finding.check: finding.sentence for finding in find_changes(kept, summarise_data(after))}


AGES = np.arange(100) % 20


def test_the_same_data_has_not_changed() -> None:
    assert changes(table(AGES, AGES % 2), table(AGES, AGES % 2)) == {}


def test_rows_that_came_or_went_are_counted() -> None:
    grown = np.concatenate([AGES, AGES])
    found = changes(table(AGES, AGES % 2), table(grown, grown % 2))
    assert found == {"changed_rows": "Since the split before, 100 examples came: from 100 to 200."}
    assert "100 examples went" in changes(table(grown, grown % 2), table(AGES, AGES % 2))["changed_rows"]


def test_new_and_lost_classes_are_named() -> None:
    found = changes(table(AGES, AGES % 2), table(AGES, 1 + AGES % 2, ("no", "yes", "maybe")))
    assert found["changed_categories"] == "Categories of ill (target) since the split before: new: maybe; gone: no."
    assert "ill (target) (50% of the rows)" in found["shifted_columns"]


def test_columns_that_came_or_went_are_named() -> None:
    found = changes(table(AGES, AGES % 2, names=("age", "size")), table(AGES, AGES % 2, names=("age", "weight")))
    assert found == {"changed_columns": "Columns since the split before: new: weight; gone: size."}


def test_a_shift_is_told_in_standard_deviations() -> None:
    found = changes(table(AGES, AGES % 2), table(AGES + 5, AGES % 2))
    assert found == {
        "shifted_columns": "Since the split before, columns have shifted: "
        "age (mean 9.5 to 14.5, 0.87 standard deviations)."
    }


@pytest.mark.parametrize("empty", [np.full(100, np.nan), np.full(100, 3.0)])
def test_columns_without_a_spread_are_passed_over(empty: np.ndarray) -> None:
    assert changes(table(empty, AGES % 2), table(AGES, AGES % 2)) == {}


def fields(kind: str, values: np.ndarray, **more: Any) -> Dataset:
    field = Field.model_validate(
        {"name": "x", "kind": kind, "dtype": str(values.dtype), "shape": values.shape[1:], **more}
    )
    schema = table(AGES, AGES % 2).schema.model_copy(update={"inputs": (field,)})
    return Dataset(schema, Part((values,), (np.arange(len(values)) % 2).astype(np.int64)))


DRAWN = np.random.default_rng(0)
KINDS = {
    "image": (
        fields("image", DRAWN.integers(0, 99, (40, 4, 4), np.uint8)),
        fields("image", np.full((40, 4, 4), 200, np.uint8)),
    ),
    "audio": (
        fields("audio", DRAWN.integers(-99, 99, (40, 80), np.int16), rate=80),
        fields("audio", DRAWN.integers(-9999, 9999, (40, 80), np.int16), rate=80),
    ),
    "text": (
        fields("text", to_bytes(["a" * n for n in range(1, 41)], 99)),
        fields("text", to_bytes(["a" * 90] * 40, 99)),
    ),
    "steps": (
        fields("steps", DRAWN.normal(size=(40, 5, 1)).astype(np.float32), columns=("wind",)),
        fields("steps", DRAWN.normal(9, 1, (40, 5, 1)).astype(np.float32), columns=("wind",)),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_shift_is_seen_in_every_kind_of_field(kind: str) -> None:
    before, after = KINDS[kind]
    assert "shifted_columns" in changes(before, after)
    assert changes(before, before) == {}
