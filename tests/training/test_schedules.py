"""Learning-rate schedules: their rates at known epochs, and what they have in common."""

import pytest

from pipelines.training.schedules import SCHEDULES, Progress, cosine_learning_rate


def rates_of(name: str, epochs: int, losses: tuple[float, ...] = ()) -> list[float]:
    return [SCHEDULES[name](0.5, Progress(epoch, epochs, losses[:epoch])) for epoch in range(epochs)]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("epochs", [1, 2, 3, 10, 59])
def test_a_rate_is_above_0_and_at_most_its_peak(name: str, epochs: int) -> None:
    rates = rates_of(name, epochs, losses=tuple(range(epochs)))
    assert all(0 < rate <= 0.5 * (1 + 1e-12) for rate in rates)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_reaches_its_peak(name: str) -> None:
    assert max(rates_of(name, 50)) == pytest.approx(0.5)


def test_cosine_is_what_learning_rates_were_chosen_for() -> None:
    assert rates_of("cosine", 40) == [cosine_learning_rate(0.5, epoch, 40) for epoch in range(40)]


def test_constant_stays() -> None:
    assert rates_of("constant", 5) == [0.5] * 5


def test_step_falls_to_a_tenth_after_half_and_again_after_three_quarters() -> None:
    assert rates_of("step", 8) == pytest.approx([0.5] * 4 + [0.05] * 2 + [0.005] * 2)


def test_one_cycle_rises_from_a_25th_for_three_tenths_and_falls() -> None:
    rates = rates_of("one_cycle", 20)
    assert rates[0] == pytest.approx(0.02)
    assert rates[3] == pytest.approx(0.5 * (1 / 25 + (1 - 1 / 25) / 2)), "half way up"
    assert rates[6] == pytest.approx(0.5)
    assert rates[:7] == sorted(rates[:7])
    assert rates[6:] == sorted(rates[6:], reverse=True)
    assert rates[13] == pytest.approx(0.5 * (0.01 + 0.99 / 2)), "half way down"


def test_a_plateau_lowers_the_rate_once_validation_has_been_idle() -> None:
    # a tenth of 30 epochs is 3: idle after epochs 3, 4 and 5, so that epoch 6 is the first at a lower rate
    losses = (3.0, 2.0, 1.0, *[1.0] * 27)
    rates = rates_of("plateau", 30, losses)
    assert rates[:6] == [0.5] * 6
    assert rates[6:9] == pytest.approx([0.15] * 3)
    assert rates[9] == pytest.approx(0.045)
    assert rates[-1] == pytest.approx(0.005), "no lower than a hundredth"


def test_a_plateau_is_patient_while_validation_improves() -> None:
    assert rates_of("plateau", 30, tuple(range(30, 0, -1))) == [0.5] * 30
