"""Inputs that were made from the target are planted and named; where nothing is planted, nothing is."""

import numpy as np
import pytest

from benchmarks.audit.clean_sets import SeriesSet, clean_series, clean_tables
from benchmarks.audit.leaks import (
    SERIES_LEAKS,
    TABLE_LEAKS,
    leak_findings,
    plant_in_series,
    plant_in_table,
    series_dataset,
    table_dataset,
)
from pipelines.data.dataset import Dataset, Finding
from pipelines.data_checks.context import MAX_SAMPLED_ROWS, sample_rows
from tests.support.small_datasets import draws, found, table, thirds

PLANTED_IN = (2, 4)  # one set of classes, one of a number


def warnings_of(data: Dataset) -> list[str]:
    return [finding.sentence for finding in leak_findings(data) if finding.level == "warning"]


def leakage(columns: dict[str, np.ndarray], target: np.ndarray) -> Finding:
    return found(table(columns, target, "height"), thirds(len(target)), "target_leakage")


@pytest.mark.parametrize("leak", TABLE_LEAKS)
@pytest.mark.parametrize("number", PLANTED_IN)
def test_a_leak_that_is_planted_in_a_table_is_named(leak: str, number: int) -> None:
    (sentence,) = warnings_of(plant_in_table(number, TABLE_LEAKS[leak]))
    assert "planted" in sentence


@pytest.mark.parametrize("leak", SERIES_LEAKS)
def test_a_leak_that_is_planted_in_a_series_is_named(leak: str) -> None:
    (sentence,) = warnings_of(plant_in_series(1, SERIES_LEAKS[leak]))
    assert "planted" in sentence
    assert "other" not in sentence


@pytest.mark.parametrize("number", [0, 1, 2, 4, 5])
def test_a_table_with_nothing_planted_is_not_warned_about(number: int) -> None:
    assert not warnings_of(table_dataset(clean_tables()[number]))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_series_with_nothing_planted_is_not_warned_about(number: int) -> None:
    assert not warnings_of(series_dataset(clean_series()[number]))


def test_a_count_that_is_the_sum_of_two_columns_is_said_to_be_that() -> None:
    casual, registered, hour = (draws(300, seed) for seed in range(3))
    finding = leakage({"casual": casual, "hour": hour, "registered": registered}, casual + registered)
    assert (finding.level, finding.concerns) == ("warning", 1)
    assert "casual + registered" in finding.sentence
    assert "hour" not in finding.sentence


def test_a_total_of_four_columns_is_found_by_the_line_through_all_of_them() -> None:
    columns = {name: draws(300, seed) for seed, name in enumerate("abcdef")}
    total = columns["a"] + 2 * columns["c"] - columns["d"] + columns["f"]
    finding = leakage(columns, total)
    assert finding.level == "warning"
    assert "a weighted sum of a, c, d, f (it is exact but for rounding)" in finding.sentence


def test_a_category_whose_means_are_the_target_is_named() -> None:
    town = np.random.default_rng(0).integers(0, 3, 300)
    height = np.array([150, 160, 190], np.float32)[town] + 0.1 * draws(300)
    finding = leakage({"town": town, "age": draws(300, 1)}, height.astype(np.float32))
    assert finding.level == "warning"
    assert "town" in finding.sentence


def test_a_lag_of_the_target_is_no_leak() -> None:
    walk = draws(500).cumsum()
    columns = {"walk": walk[1:], "yesterday": walk[:-1]}
    assert not warnings_of(series_dataset(SeriesSet("lag", columns, "walk")))


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_a_proxy_with_missing_cells_is_still_named(share: float) -> None:
    height = draws(400)
    gaps = np.random.default_rng(3).random(400) < share
    proxy = np.where(gaps, np.nan, 2 * height + 0.01 * draws(400, 1)).astype(np.float32)
    assert "proxy" in leakage({"proxy": proxy, "age": draws(400, 2)}, height).sentence


@pytest.mark.parametrize("count", [1, 4, 12])
def test_a_handful_of_examples_and_constant_columns_are_passed_over(count: int) -> None:
    columns = {"age": draws(90), "same": np.ones(90, np.float32), "gone": np.full(90, np.nan, np.float32)}
    data = table({name: values[: 3 * count] for name, values in columns.items()}, draws(90, 5)[: 3 * count])
    assert found(data, thirds(3 * count), "target_leakage").level == "fine"


def test_the_sampled_rows_are_the_same_each_time_and_bounded() -> None:
    assert sample_rows(10).tolist() == list(range(10))
    rows = sample_rows(10**6)
    assert np.array_equal(rows, sample_rows(10**6))
    assert len(rows) <= MAX_SAMPLED_ROWS
    assert (np.diff(rows) > 0).all()
