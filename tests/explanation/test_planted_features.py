"""Every method that applies finds what was planted, and shows something else once the weights are drawn anew."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from pipelines.explanation.attribution import ATTRIBUTION_METHODS, Attribution, attribute_rows
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

EFFORT = Effort(rows=24)
PASSES = 15  # over all rows, of the trainings
LEARNERS = {
    "pictures": ("mlp", "cnn", "resnet", "patch_transformer", "decision_tree", "random_forest", "gradient_boosting"),
    "series": ("lstm", "tcn", "esn", "transformer", "attention_rnn", "hierarchical_rnn", "elman", "rocket"),
    "texts": ("mlp", "gru", "transformer", "attention_rnn", "hierarchical_rnn", "random_forest"),
    "table": ("mlp", "tabm", "logistic_regression", "gradient_boosting", "random_forest"),
    "recordings": ("mlp", "cnn", "gru", "transformer", "random_forest"),
}
CASES = [(kind, architecture) for kind, names in LEARNERS.items() for architecture in names]
# Of all that counts, how often the planted elements must have their share of all elements; by chance, once
MIN_LIFT = {"grad_cam": 1.25}  # as coarse as the last feature maps: a sixth to a quarter of the picture's side
USUAL_MIN_LIFT = 2.0
FAR_LESS = 0.2  # of the importance of the column that says it all
# Rank correlation of what counts before and after weights are drawn anew: a quarter of the variance. Attention is one
# number per step, of which there are ten or twelve: pictures with nothing in common reach as much in 1 of 100 cases
MOST_LEFT = {"attention": 0.75}
USUAL_MOST_LEFT = 0.5


@cache
def planted(kind: str) -> PlantedData:
    return PLANTED[kind]()


@cache
def trained(kind: str, architecture: str) -> Subject:
    return train_subject(architecture, planted(kind), PASSES)


@cache
def attributed(kind: str, architecture: str, method: str) -> Attribution:
    return attribute_rows(trained(kind, architecture), method, EFFORT)


def methods_of_rows(subject: Subject) -> list[str]:
    return [name for name in find_methods(subject) if name in ATTRIBUTION_METHODS]


def measure_lift(kind: str, architecture: str, method: str) -> float:
    """The share of all that counts that is in what was planted, over its share of the elements; rows with a plant."""
    found = attributed(kind, architecture, method)
    decisive = planted(kind).decisive[found.rows].reshape(len(found.rows), -1)
    strengths = np.abs(found.values).reshape(decisive.shape)
    planted_rows = decisive.any(axis=1)
    decisive, strengths = decisive[planted_rows], strengths[planted_rows]
    return float(strengths[decisive].sum() / strengths.sum() / decisive.mean())


@pytest.mark.parametrize(("kind", "architecture"), CASES)
def test_what_was_planted_counts_most(kind: str, architecture: str) -> None:
    found = {
        method: measure_lift(kind, architecture, method)
        for method in methods_of_rows(trained(kind, architecture))
        if (kind, method) != ("series", "attention")  # the next test
    }
    assert found
    assert all(lift >= MIN_LIFT.get(method, USUAL_MIN_LIFT) for method, lift in found.items()), found


@pytest.mark.parametrize("architecture", ["transformer", "attention_rnn", "hierarchical_rnn"])
def test_of_all_steps_the_planted_one_is_attended_to_most(architecture: str) -> None:
    """In the mean over rows: a network may look for one class, and take what has not the look of it for the other."""
    found = attributed("series", architecture, "attention")
    assert found.values[:, :, 0].mean(axis=0).argmax() == DECISIVE_STEP


@pytest.mark.parametrize(("kind", "architecture"), CASES)
def test_weights_drawn_anew_change_the_picture(kind: str, architecture: str) -> None:
    """The randomisation test of Adebayo et al., "Sanity Checks for Saliency Maps", 2018."""
    subject = trained(kind, architecture)
    fresh = draw_weights_anew(subject)
    correlations = {
        method: mean_rank_correlation(
            attributed(kind, architecture, method).values, attribute_rows(fresh, method, EFFORT).values
        )
        for method in methods_of_rows(subject)
    }
    assert all(abs(one) < MOST_LEFT.get(method, USUAL_MOST_LEFT) for method, one in correlations.items()), correlations


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
    assert first.low > 0
    assert max(one.value for one in others) < FAR_LESS * first.value


def test_without_what_was_learned_no_column_matters() -> None:
    subject = trained("table", "mlp")
    found, fresh = (permutation_importance(one, Effort(rows=1)) for one in (subject, draw_weights_anew(subject)))
    assert max(abs(one.value) for one in fresh.importances) < FAR_LESS * found.importances[0].value


def test_variables_of_a_sequence_are_columns_too() -> None:
    found = permutation_importance(trained("series", "lstm"), Effort(rows=1))
    assert [one.column for one in found.importances] == ["signal", "noise"]
    assert found.importances[0].low > 0
    assert found.importances[1].value < FAR_LESS * found.importances[0].value


def test_every_method_is_shown_at_work() -> None:
    used = {method for kind, architecture in CASES for method in find_methods(trained(kind, architecture))}
    assert used == set(METHODS) - {"dissection"}  # which test_dissection.py shows
