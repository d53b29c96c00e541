"""How long trainings take is told from those that are long enough to measure, whatever a first one does besides."""

from collections.abc import Callable

import pytest

from pipelines.proposals.training_time import MAX_EPOCHS, MEASURED_SECONDS, Timed, time_epochs, time_solutions

SAMPLES = (320, 1280, 5120)  # rows


def training(fixed: float, per_row: float, done: list[int]) -> Callable[[int, int], Timed]:
    """Trainings that take what they should, as far as a clock of hundredths of a second tells."""

    def train(rows: int, epochs: int) -> Timed:
        done.append(rows * epochs)
        return Timed(round(fixed + per_row * rows * epochs, 2), rows * epochs)

    return train


@pytest.mark.parametrize("per_row", [1e-5, 7e-5, 1e-3, 0.1])
def test_epochs_are_added_until_their_time_can_be_told(per_row: float) -> None:
    done: list[int] = []
    fixed, found = time_epochs(SAMPLES, training(0.5, per_row, done))
    assert found == pytest.approx(per_row, rel=0.1)
    assert fixed == pytest.approx(0.5, abs=0.05)
    assert sum(done) * per_row < 10 * max(MEASURED_SECONDS, SAMPLES[0] * per_row), "it takes no longer than it must"


def test_what_takes_next_to_nothing_ends_too() -> None:
    done: list[int] = []
    assert time_epochs(SAMPLES, training(0.1, 1e-9, done)) == (0.1, 0.0)
    assert done[-1] == SAMPLES[1] * MAX_EPOCHS
    assert time_epochs(SAMPLES[:1], training(0.1, 1e-9, done)) == (0.1, 0.0), "a sample of all that there is"


@pytest.mark.parametrize("per_row", [1e-5, 1e-4, 1e-3])
def test_what_is_solved_at_once_is_told_from_the_largest_samples_that_take_little(per_row: float) -> None:
    done: list[int] = []
    fixed, found = time_solutions(SAMPLES, training(0.2, per_row, done))
    assert found == pytest.approx(per_row, rel=0.2)
    assert fixed == pytest.approx(0.2, abs=0.05)
    assert (SAMPLES[2] in done) == (per_row < 3e-4)


def test_of_one_sample_nothing_grows() -> None:
    assert time_solutions(SAMPLES[:1], training(0.2, 1e-3, [])) == (0.52, 0.0)
