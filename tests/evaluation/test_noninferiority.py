"""Three verdicts: as good within the margin, behind, or undecided with the number of rows that would tell."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation.noninferiority import (
    ONE_SIDED_QUANTILE,
    POWER,
    TOO_CLOSE,
    PairedLoss,
    count_more_rows,
    count_rows,
    find_margin,
    find_verdict,
    measure_paired_loss,
)
from pipelines.evaluation.significance import SIGN_FLIPS, compare_with_control
from pipelines.tasks import Goal

LOSS, ACCURACY = Goal("log_loss", "minimize"), Goal("accuracy", "maximize")


def paired_loss_of(best: np.ndarray, other: np.ndarray, goal: Goal = LOSS, flips: int = SIGN_FLIPS) -> PairedLoss:
    (comparison,) = compare_with_control(best, [other], seed=1, flips=flips)
    return measure_paired_loss(comparison, goal, len(best))


def test_the_margin_is_a_share_of_the_gain_over_the_baseline_and_nothing_without_a_gain() -> None:
    assert find_margin(0.05, 0.2, 1.2, LOSS) == pytest.approx(0.05)
    assert find_margin(0.05, 0.9, 0.5, ACCURACY) == pytest.approx(0.02)
    assert find_margin(0.05, 1.2, 0.2, LOSS) == find_margin(0.05, math.nan, 0.2, LOSS) == 0


@pytest.mark.parametrize("goal", [LOSS, ACCURACY], ids=["minimise", "maximise"])
def test_a_loss_is_positive_where_the_other_is_worse_and_its_bound_is_95_percent_one_sided(goal: Goal) -> None:
    generator = np.random.default_rng(0)
    best = generator.normal(size=400)
    worse = best + (1 if goal is LOSS else -1) * generator.normal(0.1, 0.5, size=400)
    paired_loss = paired_loss_of(best, worse, goal)
    expected = abs(worse.mean() - best.mean())
    deviation = (worse - best).std() / math.sqrt(400)
    assert paired_loss.mean == pytest.approx(expected)
    assert paired_loss.standard_error == pytest.approx(deviation, rel=0.1)
    assert paired_loss.bound == pytest.approx(expected + ONE_SIDED_QUANTILE * deviation, rel=0.05)


def test_what_is_worse_by_the_margin_is_seldom_called_as_good() -> None:
    generator = np.random.default_rng(2)
    best = np.zeros(200)
    # a thousand draws of an interval are enough: their own chance is small beside that of the 300 sets
    paired_losses = [paired_loss_of(best, generator.normal(0.1, 1.0, size=200), flips=999) for _ in range(300)]
    assert np.mean([find_verdict(one, 0.1) == "as good within the margin" for one in paired_losses]) < 0.08


@pytest.mark.parametrize(
    ("bound", "p", "loss", "verdict"),
    [
        (0.09, 0.4, 0.01, "as good within the margin"),
        (0.09, 0.001, 0.05, "as good within the margin"),  # behind, and by less than matters
        (0.2, 0.001, 0.15, "behind"),
        (0.2, 0.3, 0.05, "undecided"),
        (math.nan, math.nan, 0.05, "undecided"),  # too few rows for an interval
    ],
)
def test_a_verdict_is_one_of_three(bound: float, p: float, loss: float, verdict: str) -> None:
    assert find_verdict(PairedLoss(loss, 0.05, bound, p, 100), 0.1) == verdict


@pytest.mark.parametrize(("gap", "rows"), [(0.05, 306), (0.02, 1954), (0.01, 7841)])
def test_accuracies_that_differ_on_a_tenth_of_the_rows_take_so_many(gap: float, rows: int) -> None:
    """The same numbers from paired rows: 10 % disagreement, of which the better is right by `gap` more."""
    best, other = np.zeros(10_000), np.zeros(10_000)
    right_alone, wrong_alone = round(10_000 * (0.1 + gap) / 2), round(10_000 * (0.1 - gap) / 2)
    best[:right_alone] = 1
    other[right_alone : right_alone + wrong_alone] = 1
    assert count_rows(float((best - other).var()), gap) == pytest.approx(rows, abs=1)


@given(
    loss=st.floats(-1, 1),
    margin=st.floats(0, 1),
    standard_error=st.floats(1e-3, 1),
    rows=st.integers(10, 10_000),
    comparisons=st.integers(1, 20),
)
def test_more_rows_are_wanted_the_more_the_rows_scatter(
    loss: float, margin: float, standard_error: float, rows: int, comparisons: int
) -> None:
    paired_loss = PairedLoss(loss, standard_error, loss + ONE_SIDED_QUANTILE * standard_error, 0.5, rows)
    more = count_more_rows(paired_loss, margin, comparisons)
    if more is None:
        distances = [distance for distance in (margin - loss, loss) if distance > TOO_CLOSE]
        assert all(6 * standard_error**2 * rows / distance**2 > 3e6 for distance in distances), "millions of rows"
        return
    assert more >= 1
    assert float(f"{more:.2g}") == more, "two significant digits"
    noisier = count_more_rows(paired_loss._replace(standard_error=2 * standard_error), margin, comparisons)
    assert noisier is None or noisier >= more


def test_so_many_more_rows_tell_in_four_of_five_cases() -> None:
    generator = np.random.default_rng(3)
    first = PairedLoss(0.02, 1 / math.sqrt(100), 0.02 + ONE_SIDED_QUANTILE / 10, 0.84, 100)
    more = count_more_rows(first, 0.2)
    assert more is not None
    rows = 100 + more
    means = generator.normal(0.02, 1 / math.sqrt(rows), size=4000)
    told = means + ONE_SIDED_QUANTILE / math.sqrt(rows) <= 0.2
    assert told.mean() == pytest.approx(POWER, abs=0.05)


def test_equal_answers_are_as_good_on_any_margin() -> None:
    answers = np.random.default_rng(4).normal(size=50)
    assert find_verdict(paired_loss_of(answers, answers), 0.0) == "as good within the margin"
