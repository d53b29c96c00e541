"""The scores of a regression are scikit-learn's, and its intervals hold the truth as often as they promise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference
from torch import nn

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks import score
from pipelines.tasks.metrics.conformal import conformal_quantile
from pipelines.tasks.regression import GOALS, METRICS, NumberReference, Regression, RegressionSettings
from pipelines.tasks.task import Target

CALIBRATION = {"radius": 1.5, "coverage": 0.9}


def schema(kind: Any = "number", unit: str = "points", columns: int = 1) -> Schema:
    return Schema(
        inputs=tuple(Field(name=f"x{place}", kind="number", dtype="float32", shape=()) for place in range(columns)),
        target=Field(name="y", kind=kind, dtype="float32", shape=(), unit=unit),
        title="Stand-in",
        origin="made here",
        licence="none",
    )


def task(goal: str | None = None, **settings: Any) -> Regression:
    return Regression(schema(), RegressionSettings(**settings), goal)


def part(target: np.ndarray) -> Part:
    return Part((np.zeros(len(target), dtype=np.float32),), target.astype(np.float32))


REFERENCES: dict[str, Callable[[Any, Any, Any], float]] = {
    "rmse": lambda y, p, w: reference.root_mean_squared_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: reference.mean_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: reference.r2_score(y, p, sample_weight=w) if len(set(y[w > 0])) > 1 else float("nan"),
    "median_absolute_error": lambda y, p, w: reference.median_absolute_error(np.repeat(y, w), np.repeat(p, w)),
    "coverage": lambda y, p, w: float(np.average(np.abs(y - p) <= CALIBRATION["radius"], weights=w)),
    "coverage_error": lambda y, p, w: abs(
        float(np.average(np.abs(y - p) <= CALIBRATION["radius"], weights=w)) - CALIBRATION["coverage"]
    ),
    "interval_width": lambda y, p, w: 2 * CALIBRATION["radius"],
    "interval_score": lambda y, p, w: float(
        np.average(3.0 + 20 * np.maximum(p - 1.5 - y, 0) + 20 * np.maximum(y - p - 1.5, 0), weights=w)
    ),  # Gneiting & Raftery 2007, equation 43
}


NUMBERS = st.integers(-1000, 1000).map(lambda number: number / 8)  # with ties, and without the last bits


PROBLEMS = st.integers(2, 40).flatmap(lambda rows: arrays(np.float64, (2, rows), elements=NUMBERS))


def agree(found: float, expected: float) -> bool:
    return bool(np.isclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True))


def test_the_table_of_references_covers_every_metric() -> None:
    assert list(REFERENCES) == [metric.name for metric in METRICS]


@given(problem=PROBLEMS)
def test_a_score_equals_scikit_learns(problem: np.ndarray) -> None:
    predictions, true_values = problem
    found = score(task(), predictions[:, None], NumberReference(true_values), CALIBRATION)
    for name, reference_score in REFERENCES.items():
        expected = reference_score(true_values, predictions, np.ones(len(true_values), dtype=int))
        assert agree(found[name], expected), name


@given(problem=PROBLEMS, seed=st.integers(0, 2**32 - 1))
def test_a_resample_scores_as_the_rows_it_drew(problem: np.ndarray, seed: int) -> None:
    predictions, true_values = problem
    rows = len(true_values)
    weights = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=3)
    found = task().bootstrap_scores(predictions[:, None], NumberReference(true_values), weights, CALIBRATION)
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(rows), counts)
        for name, reference_score in REFERENCES.items():
            expected = reference_score(true_values[drawn], predictions[drawn], np.ones(rows, dtype=int))
            assert agree(found[name][resample], expected), name


def test_a_large_target_with_little_spread_loses_no_digits() -> None:
    true_values = 1e6 + np.random.default_rng(0).normal(size=50)
    predictions = true_values + np.random.default_rng(1).normal(size=50) / 3
    found = score(task(), predictions[:, None], NumberReference(true_values), CALIBRATION)["r2"]
    assert agree(found, reference.r2_score(true_values, predictions))


@given(problem=PROBLEMS)
def test_the_goal_is_the_mean_over_examples(problem: np.ndarray) -> None:
    predictions, true_values = problem[0][:, None], NumberReference(problem[1])
    expected = score(task(), predictions, true_values, {})
    for goal in GOALS:
        one = task(goal)
        found = one.objective_per_row(predictions, true_values).mean()
        assert np.isclose(found, expected[one.goal.name], rtol=1e-9, atol=1e-9, equal_nan=True), goal


@pytest.mark.parametrize("goal", ["rmse", "median_absolute_error", "r2"])
def test_the_spread_of_pseudo_values_is_the_uncertainty_of_the_goal(goal: str) -> None:
    """The standard error from one set, against the standard deviation over 600 sets."""
    generator, one = np.random.default_rng(0), task(goal)
    true_values = generator.normal(size=(600, 300))
    predictions = true_values + 0.5 * generator.standard_t(8, size=(600, 300))
    rows = [
        one.objective_per_row(values[:, None], NumberReference(true))
        for values, true in zip(predictions, true_values, strict=True)
    ]
    errors = [each.std(ddof=1) / np.sqrt(300) for each in rows]
    assert np.mean(errors) == pytest.approx(np.std([each.mean() for each in rows]), rel=0.1)


def test_a_squared_error_is_shown_as_its_root() -> None:
    assert task("squared_error").goal == task().goal == GOALS["rmse"]


@pytest.mark.parametrize(("goal", "names"), [("rmse", ["mean"]), ("mae", ["mean", "median"])])
def test_the_baseline_is_the_constant_that_the_goal_likes_best(goal: str, names: list[str]) -> None:
    found = task(goal).baselines(part(np.array([0.0, 0, 9])), part(np.zeros(2)))
    assert list(found) == [f"{name} (baseline)" for name in names]
    constants = {"mean": 3.0, "median": 0.0}
    assert [values.tolist() for values in found.values()] == [[[constants[name]]] * 2 for name in names]


def test_answers_that_are_not_numbers_have_no_score_and_raise_no_warning() -> None:
    scores = score(task(), np.full((4, 1), np.nan), NumberReference(np.arange(4.0)), CALIBRATION)
    assert all(np.isnan(value) for value in scores.values())


def test_an_interval_that_was_not_decided_has_no_score() -> None:
    scores = score(task(), np.zeros((4, 1)), NumberReference(np.arange(4.0)), {})
    assert [name for name, value in scores.items() if np.isnan(value)] == [
        "coverage",
        "coverage_error",
        "interval_width",
        "interval_score",
    ]


@pytest.mark.parametrize(
    ("rows", "place"),
    [(9, 9), (10, 10), (19, 18), (99, 90), (3, 3)],  # ceil((n + 1) * 0.9); of 3 the largest, which promises less
)
def test_the_conformal_radius_is_the_order_statistic_at_its_rank(rows: int, place: int) -> None:
    distances = np.random.default_rng(0).permutation(np.arange(1.0, rows + 1))
    assert conformal_quantile(distances, 0.9) == place


def test_intervals_hold_the_truth_of_new_examples_as_often_as_they_promise() -> None:
    """Lei et al. 2018, theorem 2.2: between 0.9 and 0.9 + 1 / (n + 1) on average, whatever the distribution."""
    generator, rows = np.random.default_rng(0), 39
    held = []
    for _ in range(4000):
        misses = generator.standard_cauchy(rows + 1)
        calibration = task().calibrate(np.zeros((rows, 1)), NumberReference(misses[:rows]))
        held.append(abs(misses[rows]) <= calibration["radius"])
    assert 0.9 - 0.015 < np.mean(held) < 0.9 + 1 / (rows + 1) + 0.015  # three standard errors of 4,000 draws


def test_targets_in_the_networks_units_have_mean_0_and_spread_1_and_come_back() -> None:
    target = np.random.default_rng(0).normal(150, 77, 500)
    one = task()
    transform = one.output_transform(part(target))
    given_units = torch.from_numpy(one.target(part(target)).values)
    inner = transform.inverse(given_units)
    assert given_units.shape == (500, 1)
    assert inner.mean().item() == pytest.approx(0, abs=1e-5)
    assert inner.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(transform(inner), given_units)


def test_a_target_that_never_changes_is_answered() -> None:
    transform = task().output_transform(part(np.full(5, 3.0)))
    assert transform(torch.zeros(2, 1)).tolist() == [[3.0], [3.0]]


@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error"])
def test_every_loss_is_least_at_the_truth(loss: Any) -> None:
    one, target = task(loss=loss), torch.tensor([[1.0], [-2.0]])
    assert one.loss(nn.Identity(), (target,), Target(target)).item() == 0
    assert one.loss(nn.Identity(), (target + 0.5,), Target(target)).item() > 0


def test_the_baseline_answers_the_mean_of_the_training_targets() -> None:
    predictions = task().baselines(part(np.array([1.0, 2.0, 6.0])), part(np.zeros(2)))
    assert {name: values.tolist() for name, values in predictions.items()} == {"mean (baseline)": [[3.0], [3.0]]}


@pytest.mark.parametrize(
    ("described", "goal", "sentence"),
    [
        (
            schema(),
            "brier",
            r"goal of a regression must be one of rmse, mae, median_absolute_error, r2, squared_error; ",
        ),
        (schema(kind="category"), None, r"target of kind number; 'y' is of kind category"),
    ],
)
def test_what_cannot_be_regressed_is_refused_in_a_sentence(described: Schema, goal: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Regression(described, RegressionSettings(), goal)


def test_a_network_that_answers_for_every_pixel_is_refused() -> None:
    with pytest.raises(UserError, match="one number per example"):
        task().head_width("image")
