"""Of two classes, from which probability on is it the rarer one? Chosen on validation, and used from then on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from pipelines.data.schema import Field, Schema
from pipelines.evaluation.predictions import Predictions, calibrate_on_validation, score_predictions
from pipelines.tasks import score
from pipelines.tasks.classification import (
    THRESHOLD_CRITERIA,
    Classification,
    ClassificationSettings,
    ClassReference,
    predicted_classes,
)
from pipelines.tasks.metrics.classification import best_threshold

SCORES = {"f1": reference.f1_score, "balanced_accuracy": reference.balanced_accuracy_score}


def task(classes: int = 2, threshold: str = "f1", goal: str | None = None) -> Classification:
    labels = tuple(f"class {code}" for code in range(classes))
    schema = Schema(
        inputs=(Field(name="x", kind="number", dtype="float32", shape=()),),
        target=Field(name="label", kind="category", dtype="int64", shape=(), categories=labels),
        title="Stand-in",
        origin="made here",
        licence="none",
    )
    return Classification(schema, ClassificationSettings.model_validate({"threshold": threshold}), goal)


def rare(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that rank well and are far too low, and a class that one row in ten is of."""
    generator = np.random.default_rng(seed)
    codes = (np.arange(rows) % 10 == 0).astype(np.int64)
    positive = 0.4 * generator.beta(2 + 4 * codes, 6)
    return np.stack([1 - positive, positive], axis=1), codes


@st.composite
def ranked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with many ties, and truths of both kinds."""
    rows = draw(st.integers(2, 30))
    positive = draw(st.lists(st.integers(0, 8), min_size=rows, max_size=rows))
    true_values = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    true_values[0], true_values[1] = True, False
    return np.array(positive) / 8, np.array(true_values)


@pytest.mark.parametrize("name", THRESHOLD_CRITERIA)
@given(problem=ranked())
def test_no_threshold_is_better_than_the_one_that_was_chosen(name: str, problem: tuple[np.ndarray, np.ndarray]) -> None:
    positive, true_values = problem
    found = best_threshold(positive, true_values, THRESHOLD_CRITERIA[name])
    tried = [
        SCORES[name](true_values, positive >= level) for level in np.unique(positive)
    ]  # no other level splits otherwise
    assert SCORES[name](true_values, positive >= found) == pytest.approx(max(tried), abs=1e-12)
    assert 0 <= found <= 1


@pytest.mark.parametrize("name", THRESHOLD_CRITERIA)
def test_the_threshold_stands_half_way_between_two_rows(name: str) -> None:
    positive, true_values = np.array([0.1, 0.2, 0.6, 0.8]), np.array([False, False, True, True])
    assert best_threshold(positive, true_values, THRESHOLD_CRITERIA[name]) == pytest.approx(0.4)


def test_the_rarer_class_is_predicted_from_the_threshold_on() -> None:
    probabilities, codes = rare(500)
    calibration = task().calibrate(probabilities, ClassReference(codes))
    assert calibration["positive"] == 1
    assert calibration["threshold"] < 0.4, "at one half it would never be said"
    assert not predicted_classes(probabilities, {}).any()
    assert np.array_equal(
        predicted_classes(probabilities, calibration) == 1, probabilities[:, 1] >= calibration["threshold"]
    )
    swapped = task().calibrate(probabilities[:, ::-1], ClassReference(1 - codes))
    assert swapped == {"positive": 0, "threshold": pytest.approx(calibration["threshold"])}
    assert np.array_equal(
        predicted_classes(probabilities[:, ::-1], swapped), 1 - predicted_classes(probabilities, calibration)
    )


@pytest.mark.parametrize("name", THRESHOLD_CRITERIA)
def test_scores_use_the_predicted_class(name: str) -> None:
    probabilities, codes = rare(500)
    classifier = task(threshold=name)
    calibration = classifier.calibrate(probabilities, ClassReference(codes))
    guesses, found = (
        predicted_classes(probabilities, calibration),
        score(classifier, probabilities, ClassReference(codes), calibration),
    )
    precision, recall, f1, _ = reference.precision_recall_fscore_support(codes, guesses, average="binary")
    assert [found[f"{kind}_at_threshold"] for kind in ("precision", "recall", "f1")] == pytest.approx(
        [precision, recall, f1]
    )
    assert found["accuracy_at_threshold"] == pytest.approx(reference.accuracy_score(codes, guesses))
    assert found["balanced_accuracy_at_threshold"] == pytest.approx(reference.balanced_accuracy_score(codes, guesses))
    half = score(classifier, probabilities, ClassReference(codes), {})
    assert found["balanced_accuracy_at_threshold"] > half["balanced_accuracy_at_threshold"] == 0.5
    assert all(found[name] == half[name] for name in found if not name.endswith("_at_threshold")), (
        "the accuracy is that of the most probable class, and probabilities are scored as they are"
    )
    assert half["accuracy"] == reference.accuracy_score(codes, probabilities.argmax(1))


def test_a_resample_is_scored_with_the_same_threshold() -> None:
    probabilities, codes = rare(60)
    classifier = task()
    calibration = classifier.calibrate(probabilities, ClassReference(codes))
    weights = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60), size=5)
    found = classifier.bootstrap_scores(probabilities, ClassReference(codes), weights, calibration)[
        "balanced_accuracy_at_threshold"
    ]
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(60), counts)
        guesses = predicted_classes(probabilities[drawn], calibration)
        expected = reference.recall_score(
            codes[drawn], guesses, labels=np.unique(codes[drawn]), average="macro", zero_division=0
        )
        assert found[resample] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "classifier", [task(threshold="half"), task(goal="accuracy"), task(classes=3)], ids=["half", "accuracy", "three"]
)
def test_where_the_most_probable_class_is_wanted_nothing_is_chosen(classifier: Classification) -> None:
    probabilities, codes = rare(100)
    if len(classifier.labels) == 3:
        probabilities = np.insert(probabilities, 2, 0.0, axis=1)
    positive = {"positive": 1} if len(classifier.labels) == 2 else {}
    assert classifier.calibrate(probabilities, ClassReference(codes)) == positive


@pytest.mark.parametrize("code", [0, 1])
def test_without_an_example_of_the_rarer_class_it_is_one_half(code: int) -> None:
    probabilities, _ = rare(20)
    calibration = task().calibrate(probabilities, ClassReference(np.full(20, code)))
    assert calibration == {"positive": 1 - code, "threshold": 0.5}


def test_the_threshold_comes_from_validation_and_the_test_rows_have_no_say() -> None:
    (valid, valid_codes), (test, test_codes) = rare(300, seed=1), rare(300, seed=2)
    classifier = task()
    one = Predictions(valid, ClassReference(valid_codes), test, ClassReference(test_codes), {})
    other = one._replace(test_predictions=test[::-1], test_reference=ClassReference(1 - test_codes))
    calibration = classifier.calibrate(valid, ClassReference(valid_codes))
    assert calibrate_on_validation(classifier, one) == calibrate_on_validation(classifier, other) == calibration
    found = score_predictions(classifier, one, seed=0).test["balanced_accuracy_at_threshold"]
    assert (
        found.value
        == score(classifier, test, ClassReference(test_codes), calibration)["balanced_accuracy_at_threshold"]
    )
    assert found.low <= found.value <= found.high
