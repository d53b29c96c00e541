"""Tables of the report of a classification."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from pipelines.reporting.views.classification import class_scores

LABELS = ("a", "b", "c", "never")


def test_scores_per_class_are_scikit_learns_with_exact_intervals() -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 3, 90)
    predicted = np.where(generator.random(90) < 0.7, targets, generator.integers(0, 3, 90))
    rows = class_scores(LABELS, targets, predicted)
    expected = precision_recall_fscore_support(targets, predicted, labels=[0, 1, 2])
    for row, *scores in zip(rows[:3], *expected, strict=True):
        assert [row.precision, row.recall, row.f1, row.examples] == pytest.approx(scores)
        assert row.f1_low < row.f1 < row.f1_high
    hits = int((targets == 1)[predicted == 1].sum())
    exact = binomtest(hits, rows[1].answered).proportion_ci(method="exact")
    assert (rows[1].precision_low, rows[1].precision_high) == pytest.approx((exact.low, exact.high))


def test_a_class_that_neither_occurs_nor_is_answered_could_be_anything() -> None:
    row = class_scores(LABELS, np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64))[3]
    assert (row.examples, row.answered) == (0, 0)
    assert np.isnan([row.precision, row.recall, row.f1]).all()
    assert (row.f1_low, row.f1_high) == (0, 1)
