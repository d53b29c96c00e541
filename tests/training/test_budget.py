"""Budgets in epochs and steps: small data gets enough steps, large data is not overpaid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.training.budget import LEAST_EPOCHS, Budget, BudgetSettings, Schedule, plan_schedule


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [
        (1_078, 32, 40),  # 34 steps a pass: 1,360 in all
        (534, 32, 59),  # 17 steps a pass: 59 passes make 1,003
        (20, 64, 1_000),  # a step a pass
        (60_000, 32, 26),  # 1,875 steps a pass: 26 passes make 48,750
    ],
)
def test_epochs_are_raised_to_the_fewest_steps_and_cut_to_the_most(rows: int, batch_size: int, epochs: int) -> None:
    length = BudgetSettings(epochs=40, min_steps=1_000, max_steps=50_000)
    assert plan_schedule(Budget(length), rows, batch_size) == Schedule(epochs, epochs)


def test_an_epoch_is_part_of_a_pass_where_there_would_be_too_few() -> None:
    length = BudgetSettings(epochs=40, min_steps=1, max_steps=50_000)
    assert plan_schedule(Budget(length), rows=1_000_000, batch_size=32) == Schedule(11, 11, epochs_per_pass=7)
    asked_for = BudgetSettings(epochs=3, min_steps=1, max_steps=50_000)
    assert plan_schedule(Budget(asked_for), rows=1_000_000, batch_size=32) == Schedule(3, 3, epochs_per_pass=2)


@given(
    epochs=st.integers(1, 500),
    limits=st.tuples(st.integers(1, 10**5), st.integers(1, 10**5)).map(sorted),
    rows=st.integers(1, 10**7),
    batch_size=st.sampled_from([1, 16, 32, 128]),
    share=st.sampled_from([1 / 3, 2 / 3, 1.0]),
)
def test_the_steps_of_any_schedule_are_within_its_limits(
    epochs: int, limits: list[int], rows: int, batch_size: int, share: float
) -> None:
    length = BudgetSettings(epochs=epochs, min_steps=limits[0], max_steps=limits[1])
    schedule = plan_schedule(Budget(length, share), rows, batch_size)
    steps_per_epoch = max(1, round(rows / batch_size)) / schedule.epochs_per_pass
    assert schedule.epochs * steps_per_epoch <= limits[1] + steps_per_epoch
    assert schedule.epochs * steps_per_epoch > min(limits[0], epochs * steps_per_epoch) - steps_per_epoch
    assert schedule.epochs >= min(epochs, LEAST_EPOCHS)
    assert 1 <= schedule.stop_epoch <= schedule.epochs
    assert schedule.stop_epoch >= schedule.epochs * share
