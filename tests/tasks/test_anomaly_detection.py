"""Anomaly detection: scores that are scikit-learn's, thresholds, and rows that may be learned from."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from pipelines.data.parts import Part
from pipelines.runtime.user_error import UserError
from pipelines.tasks import score
from pipelines.tasks.metrics import anomaly_detection as anomaly_metrics
from pipelines.tasks.metrics.placements import placements
from tests.support.reconstructions import ODD_ROWS, TABLE, anomaly_detection, numbers, part, predicted


def agree(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True))


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and rows of which at least one is normal and one anomalous."""
    rows = draw(st.integers(2, 40))
    scores = draw(st.lists(st.integers(0, 8), min_size=rows, max_size=rows))
    kinds = draw(st.lists(st.booleans(), min_size=rows, max_size=rows).filter(lambda kinds: len(set(kinds)) == 2))
    return np.array(scores, dtype=np.float64), np.array(kinds)


@given(ranking=rankings(), threshold=st.integers(0, 9))
def test_the_scores_of_anomalies_are_scikit_learns(ranking: tuple[np.ndarray, np.ndarray], threshold: int) -> None:
    scores, anomalous = ranking
    found = anomaly_metrics.detection_scores(scores, anomalous, np.ones((len(scores), 1)), threshold)
    flagged = scores >= threshold
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        anomalous, flagged, average="binary", zero_division=0
    )
    expected = {
        "auroc": reference.roc_auc_score(anomalous, scores),
        "average_precision": reference.average_precision_score(anomalous, scores),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
    assert all(agree(found[name], value) for name, value in expected.items())
    assert agree(placements(scores, anomalous).mean(), expected["auroc"])


@given(ranking=rankings())
def test_no_threshold_has_a_better_f1_than_the_chosen_one(ranking: tuple[np.ndarray, np.ndarray]) -> None:
    scores, anomalous = ranking
    chosen = anomaly_metrics.choose_threshold(scores, anomalous)
    candidates = [reference.f1_score(anomalous, scores >= level, zero_division=0) for level in np.unique(scores)]
    assert agree(reference.f1_score(anomalous, scores >= chosen, zero_division=0), max(candidates))


def test_the_variance_of_the_rows_of_the_auroc_is_delongs() -> None:
    """Var(V10) / m + Var(V01) / n, for 5 of 100 rows anomalous, over draws of known truth."""
    generator = np.random.default_rng(0)
    anomalous = np.arange(400) < 20
    found = [placements(generator.normal(anomalous, 1), anomalous) for _ in range(600)]
    errors = [np.sqrt(np.var(rows) / len(rows)) for rows in found]
    assert np.mean(errors) == pytest.approx(np.std([rows.mean() for rows in found]), rel=0.1)


def test_without_an_anomaly_the_threshold_lets_95_percent_through() -> None:
    chosen = anomaly_metrics.choose_threshold(np.arange(1001.0), np.zeros(1001, dtype=bool))
    assert chosen == 950


def test_a_part_without_anomalies_has_no_auroc_and_says_so() -> None:
    some = part(ODD_ROWS)
    normal = Part(tuple(column[some.target == 0] for column in some.inputs), some.target[some.target == 0])
    predictions, true_values = predicted(ODD_ROWS, normal), ODD_ROWS.reference(normal)
    with pytest.raises(UserError, match=r"of 6 rows, 6 are normal: .* or set goal: squared_error"):
        ODD_ROWS.objective_per_row(predictions, true_values)
    other = anomaly_detection(numbers(4), goal="squared_error")
    scores = score(other, predictions, true_values, other.calibrate(predictions, true_values))
    assert np.isnan(scores["auroc"])
    assert agree(other.objective_per_row(predictions, true_values).mean(), scores["squared_error"])


def test_of_anomalies_only_normal_rows_are_learned_from() -> None:
    some = part(ODD_ROWS)
    rows = ODD_ROWS.train_mask(some)
    assert rows.tolist() == (some.target == 0).tolist()
    wild = Part(tuple(np.where(rows, column, 1e6).astype(np.float32) for column in some.inputs), some.target)
    mean = ODD_ROWS.output_transform(wild).mean
    assert torch.equal(
        mean, ODD_ROWS.output_transform(Part(tuple(column[rows] for column in some.inputs), some.target[rows])).mean
    )
    assert TABLE.train_mask(some) is None
    assert ODD_ROWS.reference(some).is_anomalous.tolist() == (some.target != 0).tolist()


def test_the_squared_error_of_a_table_is_in_spreads_and_of_normal_rows() -> None:
    some = part(ODD_ROWS, 40)
    true_values = ODD_ROWS.reference(some)
    wanted = true_values.values[~true_values.is_anomalous].astype(np.float64)
    mean = np.nanmean(wanted, axis=0)
    predictions = np.concatenate([true_values.is_anomalous[:, None], np.tile(mean, (40, 1))], axis=1)
    predictions[true_values.is_anomalous, 1:] = 1e6  # does not matter
    expected = np.nanmean((wanted - mean) ** 2 / np.nanvar(wanted, axis=0), axis=1).mean()
    found = score(ODD_ROWS, predictions, true_values, {"threshold": 0.5})["squared_error"]
    assert found == pytest.approx(expected)
    assert found == pytest.approx(1, abs=0.05)  # each column's error is 1; rows with a missing cell weigh the rest more
