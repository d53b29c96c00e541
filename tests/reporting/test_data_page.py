"""The page about the data says what each column holds, how the parts differ and what was found, in one file."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import to_bytes
from pipelines.data_checks.manifest import build_manifest
from pipelines.reporting.page.data_page import ColumnRow, build_data_page, write_data_page
from pipelines.runtime.files import write_json
from pipelines.splitting.split import SplitRows, write_split

HOSTILE = "<script>alert(1)</script>"
ROWS = 100
SPLIT: SplitRows = {"train": np.arange(60), "valid": np.arange(60, 80), "test": np.arange(80, 100)}


def dataset() -> Dataset:
    """Ages that jump in the test part and miss a tenth, towns, notes, and windows of two variables."""
    ages = np.where(np.arange(ROWS) < 80, np.arange(ROWS) % 20, 90).astype(np.float32)
    ages[::10] = np.nan
    towns = (np.arange(ROWS) % 4 == 0).astype(np.int64)
    notes = to_bytes([f"note {HOSTILE} {row}" for row in range(ROWS)], 100)
    windows = np.random.default_rng(0).normal(size=(ROWS, 5, 2)).astype(np.float32)
    schema = Schema(
        inputs=(
            Field(name="age", kind="number", dtype="float32", shape=(), unit="years"),
            Field(name="town", kind="category", dtype="int64", shape=(), categories=("Oslo", "Rome")),
            Field(name="note", kind="text", dtype="uint8", shape=notes.shape[1:]),
            Field(name="load", kind="steps", dtype="float32", shape=(5, 2), columns=("heat", "wind")),
        ),
        target=Field(name="ill", kind="category", dtype="int64", shape=(), categories=("no", "yes")),
        title=HOSTILE,
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part((ages, towns, notes, windows), towns), findings=(Finding("x", "warning", 1, "Odd."),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = dataset()
    write_split(tmp_path / "split", data, SPLIT)
    write_json(tmp_path / "split" / "manifest.json", build_manifest(data, SPLIT, tmp_path / "split"))
    return tmp_path


def columns(folder: Path) -> dict[str, ColumnRow]:
    page = build_data_page("mine", folder / "split", folder / "augmented")
    return {column.name: column for column in page.columns}


def test_columns_say_what_they_hold_miss_and_where_the_parts_differ(folder: Path) -> None:
    found = columns(folder)
    assert list(found) == ["age", "town", "note", "load: heat", "load: wind", "ill"]
    age = found["age"]
    assert (age.role, age.holds, age.missing, age.parts[2]) == ("input", "1.000 to 90.00 years", "10.0%", "90.00")
    assert age.is_large
    assert (found["town"].holds, found["town"].parts[0]) == ("Oslo 75%, Rome 25%", "Oslo 75%")
    assert not found["town"].is_large
    assert found["ill"].role == "target"
    assert "bytes" in found["note"].holds


def test_the_page_is_one_file_that_runs_nothing_it_is_told(folder: Path) -> None:
    write_data_page(folder / "page.html", "mine", folder / "split", folder / "augmented")
    text = (folder / "page.html").read_text()
    assert HOSTILE not in text
    assert "Odd." in text
    assert "src=" not in text.replace('src="data:', "")
    assert "<link" not in text
