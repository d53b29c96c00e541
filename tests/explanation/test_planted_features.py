"""Every method that applies finds what was planted, and shows something else once the weights are drawn anew."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from pipelines.explanation.attribution import ATTRIBUTION_METHODS, attribute_rows
from pipelines.explanation.methods import METHODS, find_methods
from pipelines.explanation.permutation import permutation_importance
from pipelines.explanation.subject import Effort, Subject
from tests.support.planted import (
    COLUMNS,
    DECISIVE_COLUMN,
    DECISIVE_STEP,
    PLANTED,
    PlantedData,
    draw_weights_anew,
    train_subject,
)

EFFORT = Effort(rows=40)
PASSES = 15  # over all rows, of the trainings
LEARNERS = {
    "pictures": ("mlp", "cnn", "resnet", "patch_transformer"),
    "series": ("lstm", "tcn", "esn", "transformer", "attention_rnn", "hierarchical_rnn"),
    "texts": ("mlp", "gru", "transformer", "attention_rnn", "hierarchical_rnn"),
    "table": ("mlp", "tabm", "logistic_regression", "gradient_boosting", "random_forest"),
}
CASES = [(kind, architecture) for kind, names in LEARNERS.items() for architecture in names]
# How often an element that was planted must count more than one that was not; by chance, half of the time
MIN_AUROC = {"integrated_gradients": 0.9, "input_gradients": 0.8, "grad_cam": 0.75, "attention": 0.7}


@cache
def planted(kind: str) -> PlantedData:
    return PLANTED[kind]()


@cache
def trained(kind: str, architecture: str) -> Subject:
    return train_subject(architecture, planted(kind), PASSES)


def methods_of_rows(subject: Subject) -> list[str]:
    return [name for name in find_methods(subject) if name in ATTRIBUTION_METHODS]


def measure_auroc(kind: str, subject: Subject, method: str) -> float:
    """How well what counts in a row tells what was planted in it, in the mean over rows that hold something."""
    found = attribute_rows(subject, method, EFFORT)
    decisive = planted(kind).decisive[found.rows].reshape(len(found.rows), -1)
    strengths = np.abs(found.values).reshape(decisive.shape)
    rows = zip(decisive, strengths, strict=True)
    return float(np.mean([roc_auc_score(marks, strength) for marks, strength in rows if marks.any()]))


@pytest.mark.parametrize(("kind", "architecture"), CASES)
def test_what_was_planted_counts_most(kind: str, architecture: str) -> None:
    subject = trained(kind, architecture)
    found = {
        method: measure_auroc(kind, subject, method)
        for method in methods_of_rows(subject)
        if (kind, method) != ("series", "attention")  # the next test
    }
    assert all(auroc >= MIN_AUROC[method] for method, auroc in found.items()), found


@pytest.mark.parametrize("architecture", ["transformer", "attention_rnn", "hierarchical_rnn"])
def test_of_all_steps_the_planted_one_is_attended_to_most(architecture: str) -> None:
    """In the mean over rows: a network may look for one class, and take what has not the look of it for the other."""
    found = attribute_rows(trained("series", architecture), "attention", EFFORT)
    assert found.values[:, :, 0].mean(axis=0).argmax() == DECISIVE_STEP


@pytest.mark.parametrize(("kind", "architecture"), CASES)
def test_weights_drawn_anew_change_the_picture(kind: str, architecture: str) -> None:
    """The randomisation test of Adebayo et al., "Sanity Checks for Saliency Maps", 2018."""
    subject = trained(kind, architecture)
    fresh = draw_weights_anew(subject)
    correlations = {
        method: mean_rank_correlation(
            attribute_rows(subject, method, EFFORT).values, attribute_rows(fresh, method, EFFORT).values
        )
        for method in methods_of_rows(subject)
    }
    assert all(abs(one) < 0.5 for one in correlations.values()), correlations


def mean_rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of the rows, Spearman's correlation between their elements, in the mean; rows that are all alike count 0."""
    pairs = zip(one.reshape(len(one), -1), other.reshape(len(other), -1), strict=True)
    return float(np.mean([0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else spearmanr(a, b).statistic for a, b in pairs]))


@pytest.mark.parametrize("architecture", LEARNERS["table"])
def test_the_column_that_says_it_all_is_the_most_important_and_the_others_are_not(architecture: str) -> None:
    subject = trained("table", architecture)
    found = permutation_importance(subject, Effort(rows=1))
    assert len(found.importances) == COLUMNS
    first, *others = found.importances
    assert first.column == f"number-{DECISIVE_COLUMN}"
    assert first.low > 0.1
    assert max(one.value for one in others) < 0.2 * first.value


def test_without_what_was_learned_no_column_matters() -> None:
    found = permutation_importance(draw_weights_anew(trained("table", "mlp")), Effort(rows=1))
    assert max(abs(one.value) for one in found.importances) < 0.1


def test_variables_of_a_sequence_are_columns_too() -> None:
    found = permutation_importance(trained("series", "lstm"), Effort(rows=1))
    assert [one.column for one in found.importances] == ["signal", "noise"]
    assert found.importances[0].low > 0.1


def test_every_method_is_shown_at_work() -> None:
    used = {method for kind, architecture in CASES for method in find_methods(trained(kind, architecture))}
    assert used == set(METHODS) - {"dissection"}  # which test_dissection.py shows
