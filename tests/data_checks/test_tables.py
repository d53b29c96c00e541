"""What the checks of every source find in a table, and that they find it once."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.dataset import Finding
from pipelines.data.parts import PARTS
from pipelines.data.schema import Field
from pipelines.data.wording import format_rounded
from pipelines.data_checks.checks import run_checks
from pipelines.data_checks.context import MAX_SAMPLED_ROWS, sample_rows
from pipelines.data_checks.inputs import is_target_copy
from pipelines.sources.table.load import TableSettings, load_table
from tests.support.hostile_tables import (
    NUMBERS,
    ROW_COUNT,
    TABLES_WITH_COPIES,
    TABLES_WITH_FINDINGS,
    WORDS,
    csv_with_column,
    format_csv,
)


def check_table(folder: Path, content: str) -> list[Finding]:
    (folder / "t.csv").write_text(content)
    data = load_table(TableSettings(kind="table", path=str(folder / "t.csv"), target="y"))
    rows = {name: np.arange(place, len(data.part.target), 3) for place, name in enumerate(PARTS)}
    return run_checks(data, rows)


def findings_of(folder: Path, content: str, check: str) -> list[Finding]:
    return [finding for finding in check_table(folder, content) if finding.check == check]


@pytest.mark.parametrize("name", TABLES_WITH_COPIES)
def test_a_column_that_tells_the_target_is_reported_once(name: str, tmp_path: Path) -> None:
    (finding,) = findings_of(tmp_path, TABLES_WITH_COPIES[name], "target_copies")
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert finding.sentence.startswith("copy tells y exactly")


def test_a_column_of_different_values_is_no_copy_of_a_number(tmp_path: Path) -> None:
    shuffled = np.random.default_rng(0).permutation(NUMBERS).tolist()
    (finding,) = findings_of(tmp_path, format_csv({"x": shuffled, "w": WORDS, "y": NUMBERS}), "target_copies")
    assert finding.level == "fine"


CODES = Field(name="code", kind="category", dtype="int64", shape=(), categories=tuple("abcdefghij"))
HEIGHT = Field(name="height", kind="number", dtype="float64", shape=())
MANY_CODES = np.arange(3 * MAX_SAMPLED_ROWS) % 10
MANY_HEIGHTS = np.random.default_rng(0).normal(170, 10, 3 * MAX_SAMPLED_ROWS)


@pytest.mark.parametrize(
    ("field", "values", "target"),
    [
        (CODES, MANY_CODES, (MANY_CODES + 3) % 10),
        (HEIGHT, np.exp(MANY_HEIGHTS / 10), MANY_HEIGHTS),  # in one order
        (HEIGHT, 100 - 2 * MANY_HEIGHTS, MANY_HEIGHTS),
        (HEIGHT, np.where(MANY_CODES == 0, np.nan, MANY_HEIGHTS), MANY_HEIGHTS),
    ],
    ids=["one to one", "in order", "on a line", "partly known"],
)
def test_a_copy_among_many_rows_is_found_and_one_row_that_no_sample_holds_can_undo_it(
    field: Field, values: np.ndarray, target: np.ndarray
) -> None:
    assert is_target_copy(field, values, field, target)
    unseen = np.setdiff1d(np.arange(len(target)), sample_rows(len(target)))[5]
    other = target.copy()
    other[unseen] = 9 - target[unseen] if field is CODES else 1e9
    assert not is_target_copy(field, values, field, other)


def test_a_constant_target_is_reported_once(tmp_path: Path) -> None:
    content = format_csv({"x": NUMBERS, "y": [0.5] * ROW_COUNT})
    (finding,) = findings_of(tmp_path, content, "constant_target")
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert "y is the same in every example" in finding.sentence


@pytest.mark.parametrize(
    "content",
    [csv_with_column(WORDS), *(table.content for table in TABLES_WITH_FINDINGS.values() if not table.settings)],
)
def test_no_check_is_made_twice(content: str, tmp_path: Path) -> None:
    checks = [finding.check for finding in check_table(tmp_path, content)]
    assert len(set(checks)) == len(checks)


@pytest.mark.parametrize(
    ("ratio", "written"), [(1, "1"), (1.26, "1.3"), (99.6, "100"), (150, "150"), (1234, "1,200"), (2.5e6, "2,500,000")]
)
def test_a_rounded_number_is_written_without_an_exponent(ratio: float, written: str) -> None:
    assert format_rounded(ratio, digits=2) == written


def test_a_rare_class_is_counted_in_plain_numbers(tmp_path: Path) -> None:
    content = format_csv({"x": list(np.arange(302) / 7), "y": ["common"] * 300 + ["rare"] * 2})
    (finding,) = findings_of(tmp_path, content, "class_imbalance")
    assert "has 150 times the examples of the rarest" in finding.sentence
