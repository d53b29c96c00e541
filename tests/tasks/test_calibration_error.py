"""The calibration error holds no chance: it is unbiased, and its interval covers."""

import numpy as np
import pytest

from pipelines.tasks.metrics.calibration import calibration_error, equal_mass_bins


def test_the_calibration_error_of_one_bin_is_its_gap_without_its_variance() -> None:
    """By hand: 8 of 12 right at a confidence of 0.9; gap 0.2333, variance (2/3)(1/3)/11."""
    predictions = np.tile([0.9, 0.1], (12, 1))
    targets = np.array([0] * 8 + [1] * 4)
    found = calibration_error(predictions, targets, np.ones((12, 1)))[0]
    assert found == pytest.approx(np.sqrt((0.9 - 2 / 3) ** 2 - (2 / 9) / 11))


@pytest.mark.parametrize(("factor", "truth"), [(1.0, 0.0), (2.5, 0.1165)])
def test_the_calibration_error_is_unbiased_and_its_interval_covers(factor: float, truth: float) -> None:
    """`truth` is the error on 400,000 rows."""
    generator = np.random.default_rng(4)
    estimates, covered = [], 0
    for _ in range(100):
        logits = 2 * generator.normal(size=(300, 2))
        targets = (generator.random(300) > 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))).astype(np.int64)
        predictions = 1 / (1 + np.exp(factor * (logits[:, ::-1] - logits)))
        weights = generator.multinomial(300, np.full(300, 1 / 300), size=300).T.astype(float)
        estimates.append(calibration_error(predictions, targets, np.ones((300, 1)))[0])
        low, high = np.quantile(calibration_error(predictions, targets, weights), [0.025, 0.975])
        covered += low <= truth + 1e-9 and truth <= high
    assert np.mean(estimates) == pytest.approx(truth, abs=0.03)
    assert covered >= 90


def test_bins_hold_about_as_many_rows_each_and_equal_confidences_together() -> None:
    bins = equal_mass_bins(np.repeat(np.linspace(0.5, 1, 100), 3))
    counts = np.bincount(bins)
    assert len(counts) == 15
    assert counts.min() >= 0.7 * counts.max()
    assert all(len(set(group)) == 1 for group in bins.reshape(100, 3))
    assert equal_mass_bins(np.full(400, 0.7)).tolist() == [0] * 400
