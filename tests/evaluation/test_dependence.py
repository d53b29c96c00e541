"""Rows that belong together are resampled and tested together; where they are too few, nothing is claimed."""

import numpy as np
import pytest

from pipelines.data.dependence import ALONE, Dependence
from pipelines.data.schema import Field, Schema
from pipelines.evaluation.bootstrap import bootstrap_intervals
from pipelines.evaluation.significance import compare_with_control
from pipelines.evaluation.units import MIN_ORIGINS, explain_too_few, find_units, merge_units
from pipelines.tasks.regression import NumberReference, Regression, RegressionSettings

SCHEMA = Schema(
    inputs=(),
    target=Field(name="y", kind="number", dtype="float32", shape=()),
    title="Stand-in",
    origin="made here",
    licence="none",
)
TASK = Regression(SCHEMA, RegressionSettings())


def clusters(*sizes: int) -> Dependence:
    return Dependence("clusters", np.repeat(np.arange(len(sizes)), sizes))


def series(rows: int) -> Dependence:
    return Dependence("series", 12 * np.arange(rows))


def grouped_errors(groups: int, size: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.repeat(generator.normal(0, 0.7, groups), size) + generator.normal(0, 0.7, groups * size)


def width(errors: np.ndarray, dependence: Dependence) -> float:
    found = bootstrap_intervals(
        TASK, errors[:, None], NumberReference(np.zeros(len(errors))), {"radius": 1.0}, 0, 500, dependence=dependence
    )
    low, high = found["mae"]
    return high - low


def test_rows_of_groups_have_a_wider_interval_than_rows_on_their_own() -> None:
    errors = np.abs(grouped_errors(20, 20, seed=0)) + np.repeat(np.arange(20) % 3, 20)
    assert width(errors, clusters(*[20] * 20)) > 2 * width(errors, ALONE)


def test_clusters_of_one_row_each_are_rows_on_their_own() -> None:
    errors = grouped_errors(100, 1, seed=0)
    assert width(errors, clusters(*[1] * 100)) == width(errors, ALONE)


def test_equals_whose_rows_come_in_groups_are_told_apart_by_rows_and_not_by_groups() -> None:
    control = np.zeros(400)
    other = np.repeat(np.linspace(-1, 1.4, 20), 20)
    (by_rows,) = compare_with_control(control, [other], 0)
    (by_groups,) = compare_with_control(control, [other], 0, clusters(*[20] * 20))
    assert not by_rows.is_tied
    assert by_groups.is_tied
    assert by_groups.difference == by_rows.difference


@pytest.mark.parametrize(
    ("dependence", "rows", "sentence"),
    [
        (clusters(*[5] * 9), 45, "the rows are of 9 groups, which count as 9.0 of equal size: too few to tell"),
        (clusters(500, *[5] * 30), 650, "the rows are of 31 groups, which count as 1.7 of equal size: too few to tell"),
        (series(34), 34, "34 forecasts of one series are too few to tell; 60 are needed"),
        (Dependence("overlapping", np.arange(500)), 500, "only a split by: time keeps windows apart"),
    ],
    ids=["few groups", "one large group", "few origins", "overlapping windows"],
)
def test_where_rows_are_too_few_there_is_a_reason_and_no_number(
    dependence: Dependence, rows: int, sentence: str
) -> None:
    assert sentence in explain_too_few(dependence, rows)
    generator = np.random.default_rng(0)
    (found,) = compare_with_control(generator.normal(size=rows), [generator.normal(size=rows)], 0, dependence)
    assert sentence in found.reason
    assert found.is_tied
    assert np.isnan([found.p_value, *found.interval, *found.interval_90]).all()
    assert np.isfinite(found.difference)
    assert np.isnan(width(generator.normal(size=rows), dependence))


def test_enough_groups_and_origins_have_no_reason() -> None:
    assert explain_too_few(clusters(*[5] * 10), 50) == ""
    assert explain_too_few(series(MIN_ORIGINS), MIN_ORIGINS) == ""
    assert explain_too_few(ALONE, 3) == ""


def test_forecasts_that_drift_have_a_wider_interval_in_whatever_order_they_are_stored() -> None:
    errors = np.cumsum(np.random.default_rng(0).normal(size=100)) * 0.3 + 5
    in_time = series(100)
    shuffled = np.random.default_rng(1).permutation(100)
    assert in_time.units is not None
    assert width(errors, in_time) > 2 * width(errors, ALONE)
    assert width(errors[shuffled], Dependence("series", in_time.units[shuffled])) == pytest.approx(
        width(errors, in_time)
    )


def test_more_units_than_can_be_drawn_are_added_up_at_random_and_keep_the_mean() -> None:
    units = find_units(ALONE, 1000)
    merged = merge_units(units, seed=0, most=64)
    values = np.random.default_rng(0).normal(size=(1000, 2))
    assert len(merged.sizes) == 64
    assert set(merged.sizes) == {15.0, 16.0}
    np.testing.assert_allclose(merged.sum_rows(values).sum(axis=0), values.sum(axis=0))
    assert merge_units(units, seed=0, most=1000) is units
