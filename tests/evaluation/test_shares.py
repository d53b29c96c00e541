"""Shares of a class and of an area hold the truth as often as they say, groups or not."""

import numpy as np
import pytest

from pipelines.data.dependence import ALONE, Dependence
from pipelines.evaluation.shares import share_of_areas, share_of_rows

REPEATS = 400


def held(intervals: list[tuple[float, float]], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


@pytest.mark.parametrize("spread", [0.0, 0.25])
def test_the_share_of_a_class_is_judged_by_its_groups(spread: float) -> None:
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 10)
    dependence, among = Dependence("clusters", groups), np.arange(300) % 2 == 0
    found, alone = [], []
    for _ in range(REPEATS):
        chance = np.clip(0.7 + spread * generator.choice([-1, 1], 30), 0, 1)
        hits = generator.random(300) < chance[groups]
        found.append(share_of_rows(hits, among, dependence))
        alone.append(share_of_rows(hits, among, ALONE))
    assert held(found, 0.7) > 0.92
    assert held(alone, 0.7) > 0.92 if spread == 0 else held(alone, 0.7) < 0.88


def test_a_class_from_few_groups_has_no_interval_though_there_are_many_others() -> None:
    groups = np.repeat(np.arange(30), 10)
    dependence, hits = Dependence("clusters", groups), np.arange(300) % 3 > 0
    assert np.isnan(share_of_rows(hits, groups < 5, dependence)).all()
    assert np.isnan(share_of_rows(hits, np.zeros(300, dtype=bool), dependence)).all()
    assert np.isfinite(share_of_rows(hits, groups < 20, dependence)).all()


@pytest.mark.parametrize("grouped", [False, True])
def test_the_share_of_an_area_is_judged_by_its_images(grouped: bool) -> None:
    """Every image, or group of four, has an overlap of its own; large ones weigh more."""
    generator = np.random.default_rng(1)
    of_image = np.arange(160) // 4 if grouped else np.arange(160)
    dependence = Dependence("clusters", of_image) if grouped else ALONE
    found = []
    for _ in range(REPEATS):
        wholes = generator.integers(0, 200, 160).astype(np.float64)
        overlap = generator.beta(8, 2, of_image.max() + 1)[of_image]
        found.append(
            share_of_areas(generator.binomial(wholes.astype(int), overlap).astype(np.float64), wholes, dependence)
        )
    assert 0.92 < held(found, 0.8) < 0.98


def test_an_area_that_is_never_there_or_is_not_a_number_has_no_interval() -> None:
    none = np.zeros(5)
    assert np.isnan(share_of_areas(none, none, ALONE)).all()
    assert np.isnan(share_of_areas(none, np.array([3, np.nan, 1, 2, 1]), ALONE)).all()
