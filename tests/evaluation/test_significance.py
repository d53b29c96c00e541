"""Differences are called differences only when chance would rarely make them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from pipelines.evaluation.significance import (
    ALPHA,
    SIGN_FLIPS,
    compare_with_control,
    holm,
    sign_flip_test,
    step_down,
)


def test_the_p_value_approaches_the_exact_sign_flip_test() -> None:
    differences = np.random.default_rng(3).normal(0.5, 1, size=10)
    sums = np.array([np.dot(signs, differences) for signs in product((-1, 1), repeat=10)])
    exact = (np.abs(sums) >= abs(differences.sum()) - 1e-12).mean()
    assert sign_flip_test(differences[:, None], seed=0)[0] == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize(("only_a", "only_b"), [(10, 2), (6, 6), (15, 5), (1, 0)])
def test_on_accuracy_it_is_mcnemars_exact_test(only_a: int, only_b: int) -> None:
    """Of the rows that one of two classifiers got right and the other wrong, each is a fair coin."""
    differences = np.array([1.0] * only_a + [-1.0] * only_b + [0.0] * 50)
    exact = binomtest(only_a, only_a + only_b, 0.5).pvalue
    assert sign_flip_test(differences[:, None], seed=0)[0] == pytest.approx(exact, abs=0.015)


def test_a_p_value_is_never_zero() -> None:
    assert sign_flip_test(np.ones((500, 1)), seed=0)[0] == 1 / (SIGN_FLIPS + 1)


def test_a_contender_that_answers_the_same_is_tied() -> None:
    scores = np.random.default_rng(0).random(100)
    (comparison,) = compare_with_control(scores, [scores.copy()], seed=0)
    assert (comparison.difference, comparison.p_value, comparison.is_tied) == (0.0, 1.0, True)


def test_paired_test_detects_a_small_steady_difference_between_noisy_rows() -> None:
    generator = np.random.default_rng(1)
    hard = generator.exponential(2.0, size=200)  # how hard each row is, for everyone
    (comparison,) = compare_with_control(hard, [hard + generator.normal(0.05, 0.1, size=200)], seed=0)
    assert not comparison.is_tied
    assert comparison.interval.low < comparison.difference < comparison.interval.high
    assert comparison.interval.low > 0


def test_equals_are_called_different_about_once_in_twenty_times() -> None:
    generator = np.random.default_rng(9)
    alarms = [sign_flip_test(generator.standard_t(4, size=(60, 1)), seed, flips=499)[0] < ALPHA for seed in range(400)]
    assert 0.02 <= np.mean(alarms) <= 0.09


def test_comparisons_that_need_several_blocks_are_counted_once() -> None:
    differences = np.random.default_rng(0).normal(0.01, 1, size=(20_000, 1))
    p = sign_flip_test(differences, seed=0, flips=999)[0]
    z = abs(differences.mean()) / differences.std() * np.sqrt(len(differences))
    assert p == pytest.approx(2 * norm.sf(z), abs=0.05)  # what the central limit theorem promises


def test_the_correction_for_all_pairs_is_westfall_and_youngs() -> None:
    """By hand: the first pair's 2.0 is reached by the larger of both in 2 of 3 resamples, alone by its own in 1."""
    observed, resampled = np.array([2.0, 0.5]), np.array([[0.1, 0.2], [2.5, 0.1], [0.3, 2.0]])
    assert step_down(observed, resampled).tolist() == [(1 + 2) / 4, (1 + 2) / 4]
    assert step_down(observed[:1], resampled[:, :1]).tolist() == [(1 + 1) / 4]


def test_a_comparison_is_corrected_for_all_pairs_and_not_for_those_with_the_control_alone() -> None:
    generator = np.random.default_rng(4)
    rows = generator.normal(size=(80, 6))
    rows[:, 1] += rows[:, 0].mean() - rows[:, 1].mean() + 0.35
    (alone,) = compare_with_control(rows[:, 0], [rows[:, 1]], seed=0)
    among_six, *_ = compare_with_control(rows[:, 0], list(rows[:, 1:].T), seed=0)
    assert among_six.p_value > 3 * alone.p_value
    assert among_six.difference == alone.difference
    assert among_six.interval == pytest.approx(alone.interval, rel=0.05)


def test_the_narrower_interval_is_inside_the_wider_one() -> None:
    generator = np.random.default_rng(0)
    (found,) = compare_with_control(generator.normal(size=90), [generator.lognormal(size=90)], seed=0)
    assert found.interval.low < found.interval_90.low < found.difference
    assert found.difference < found.interval_90.high < found.interval.high


def test_skewed_differences_have_a_longer_interval_towards_the_long_tail() -> None:
    skewed = np.random.default_rng(3).lognormal(0, 1.2, size=120)
    (found,) = compare_with_control(np.zeros(120), [skewed], seed=0)
    assert found.interval.high - found.difference > 1.2 * (found.difference - found.interval.low)


def test_the_same_difference_in_every_row_is_certain() -> None:
    (found,) = compare_with_control(np.zeros(50), [np.full(50, 0.25)], seed=0)
    assert found.p_value == 1 / (SIGN_FLIPS + 1)
    assert found.interval == pytest.approx((0.25, 0.25))


def test_a_goal_that_is_not_a_number_is_compared_with_nothing() -> None:
    (found,) = compare_with_control(np.zeros(5), [np.array([0, 1, np.nan, 0, 1])], seed=0)
    assert found.is_tied
    assert "not a number" in found.reason


def test_holms_correction_gives_the_numbers_of_r() -> None:
    """R 4.3: p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm")."""
    assert holm(np.array([0.01, 0.02, 0.03, 0.04])) == pytest.approx([0.04, 0.06, 0.06, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holms_correction_never_lowers_a_p_value_nor_changes_the_order(values: list[float]) -> None:
    raw = np.array(values)
    adjusted = holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


def test_nothing_to_compare_gives_nothing() -> None:
    assert compare_with_control(np.ones(3), [], seed=0) == []


@pytest.mark.parametrize("mistakes", [0, 1, 2, 3, 5, 10])
def test_a_few_mistakes_do_not_hide_a_large_difference(mistakes: int) -> None:
    generator = np.random.default_rng(mistakes)
    network = 0.01 * generator.exponential(size=360)  # log losses
    network[:mistakes] = generator.uniform(2, 7, size=mistakes)
    guessing = np.full(360, np.log(10))
    (comparison,) = compare_with_control(network, [guessing], seed=1)
    assert comparison.p_value < 0.001
    assert comparison.interval.low > 1
