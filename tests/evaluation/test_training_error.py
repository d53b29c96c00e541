"""Contenders are compared over their trainings and the rows; what cannot vary adds nothing."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.dependence import Dependence
from pipelines.evaluation.intervals import Means
from pipelines.evaluation.noninferiority import count_more_rows, measure_paired_loss
from pipelines.evaluation.predictions import read_predictions, read_trainings, write_predictions
from pipelines.evaluation.significance import Comparison, compare_contenders, compare_with_control
from pipelines.evaluation.training_error import (
    EXACT,
    Compared,
    TrainingError,
    Trainings,
    add_training_error,
    compare_over_trainings,
    measure_fold_errors,
    pair_errors,
)
from pipelines.tasks import Goal
from pipelines.tasks.classification import ClassReference
from tests.support.letter_entries import letter_entry

ROWS = 120


def losses_of(*means: float, seed: int = 0) -> np.ndarray:
    """Losses of trainings, (M, N), that differ in their means."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(means), ROWS))
    return noise - noise.mean(axis=1, keepdims=True) + np.array(means)[:, None]


def compare(one: Compared, other: Compared) -> Comparison:
    (found,) = compare_contenders(one, [other], seed=0, flips=999)
    return found


def test_trainings_far_apart_hide_a_difference_that_one_training_each_would_show() -> None:
    first, second = losses_of(0.1, 0.2, 0.3), losses_of(0.15, 0.25, 0.35, seed=1)
    single = compare(Compared(first[0]), Compared(second[0]))
    over_trainings = compare(*(compare_over_trainings(one[0], one, ships_one=True) for one in (first, second)))
    assert single.p_value < 0.01
    assert over_trainings.p_value > 0.3
    assert over_trainings.interval.low < 0 < over_trainings.interval.high
    assert over_trainings.training_error == pytest.approx(np.sqrt(2 * 0.01 / 3))  # trainings 0.1 apart, three of each


def test_solutions_that_come_out_the_same_add_nothing() -> None:
    once, other = losses_of(0.1), losses_of(0.13, seed=1)[0]
    thrice = compare_over_trainings(once[0], np.repeat(once, 3, axis=0), ships_one=True)
    assert thrice.training == EXACT
    (found,) = compare_contenders(thrice, [Compared(other)], seed=0)
    assert found == compare_with_control(once[0], [other], seed=0)[0]


def test_the_best_of_several_is_compared_by_their_mean_and_an_average_as_it_ships() -> None:
    trainings = losses_of(0.1, 0.2, 0.3)
    average = trainings.mean(axis=0) - 0.05
    assert compare_over_trainings(trainings[0], trainings, ships_one=True).rows.mean() == pytest.approx(0.2)
    assert compare_over_trainings(average, trainings, ships_one=False).rows.mean() == pytest.approx(0.15)


def test_of_a_single_training_nothing_is_added() -> None:
    assert compare_over_trainings(losses_of(0.1)[0], losses_of(0.1), ships_one=True).training == EXACT


def test_errors_of_trainings_add_up_with_satterthwaites_freedom() -> None:
    """By hand: 1 + 3 with 2 degrees each has 16 / (1 / 2 + 9 / 2) = 3.2; with as much from 10 rows, 64 / (5 + 1.6)."""
    both = pair_errors([TrainingError(1.0, 2), TrainingError(3.0, 2), EXACT], np.array([0, 2]), np.array([1, 2]))
    assert np.asarray(both.variance).tolist() == [4, 0]
    assert np.asarray(both.freedom).tolist() == [pytest.approx(3.2), np.inf]
    rows = Means(np.zeros(2), np.full(2, 2.0), np.full(2, 10.0))
    total = add_training_error(rows, both)
    assert total.error.tolist() == [pytest.approx(np.sqrt(8)), 2.0]
    assert total.freedom.tolist() == [pytest.approx(64 / (16 / 10 + 16 / 3.2)), 10.0]


def test_folds_that_disagree_hide_a_difference_that_their_rows_alone_would_show() -> None:
    """By hand: differences of 0.0, 0.1, ..., 0.4 in five folds vary by 0.025, which five folds divide to 0.005."""
    folds, control = np.arange(ROWS) % 5, losses_of(0.1)[0]
    other = control + 0.1 * folds + losses_of(0.0, seed=1)[0] / 100
    (apart,) = compare_contenders(Compared(control), [Compared(other)], 0, folds=folds)
    (mixed,) = compare_contenders(
        Compared(control), [Compared(np.random.default_rng(0).permutation(other - control) + control)], 0, folds=folds
    )
    assert apart.training_error == pytest.approx(np.sqrt(0.005), rel=0.05)
    assert mixed.training_error < apart.training_error / 3
    assert apart.interval.low < mixed.interval.low
    assert mixed.p_value < 0.001 < apart.p_value
    freedom = measure_fold_errors((other - control)[:, None], folds).freedom
    assert np.asarray(freedom).tolist() == [4]


def test_forecasts_of_a_series_are_compared_over_trainings_too() -> None:
    dependence = Dependence("series", np.arange(ROWS))
    contenders = [Compared(rows, TrainingError(0.02, 2)) for rows in losses_of(0.1, 0.3)]
    (wide,) = compare_contenders(contenders[0], contenders[1:], 0, dependence)
    (narrow,) = compare_with_control(contenders[0].rows, [contenders[1].rows], 0, dependence)
    assert wide.p_value > narrow.p_value
    assert wide.interval.low < narrow.interval.low


def test_the_same_difference_in_every_row_is_as_uncertain_as_the_trainings_are() -> None:
    error = TrainingError(0.01, 2)
    found = compare(Compared(np.zeros(50), error), Compared(np.full(50, 0.25), error))
    assert 0.1 < found.p_value < 0.25  # t = 0.25 / sqrt(0.02) = 1.77 with 4 degrees of freedom: p = 0.15
    assert found.interval == pytest.approx((0.25 - 2.776 * 0.1414, 0.25 + 2.776 * 0.1414), abs=1e-3)


def test_rows_are_not_promised_to_tell_what_trainings_hide() -> None:
    error = TrainingError(0.002, 2)
    goal, rows = Goal("log_loss", "minimize"), losses_of(0.10, 0.12)
    hidden = measure_paired_loss(compare(Compared(rows[0], error), Compared(rows[1], error)), goal, ROWS)
    plain = measure_paired_loss(compare(Compared(rows[0]), Compared(rows[1])), goal, ROWS)
    assert count_more_rows(hidden, margin=0.0) is None
    assert count_more_rows(plain, margin=0.0) is not None


def test_trainings_are_read_as_they_were_written(tmp_path: Path) -> None:
    predictions = letter_entry("strong").predictions
    trainings = Trainings(losses_of(0.1, 0.2), losses_of(0.3, 0.4), uses_seed=False)
    write_predictions(tmp_path / "with.npz", predictions, trainings)
    write_predictions(tmp_path / "without.npz", predictions)
    again = read_trainings(tmp_path / "with.npz")
    assert again is not None
    assert np.array_equal(again.valid, trainings.valid)
    assert np.array_equal(again.test, trainings.test)
    assert not again.uses_seed
    assert read_trainings(tmp_path / "without.npz") is None
    found = read_predictions(tmp_path / "with.npz", ClassReference)
    assert np.array_equal(found.valid_predictions, predictions.valid_predictions)
