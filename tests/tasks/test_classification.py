"""The scores of a classification are scikit-learn's, also where classes are missing and probabilities tie."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference
from torch import nn

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks import TASKS, score
from pipelines.tasks.classification import (
    AREA_GOALS,
    GOALS,
    METRICS,
    Classification,
    ClassificationSettings,
    ClassReference,
)
from pipelines.tasks.metrics.threshold import THRESHOLD_METRICS
from pipelines.tasks.task import Target

SETTINGS = ClassificationSettings()


def schema(classes: int, kind: Any = "category") -> Schema:
    labels = tuple(f"class {code}" for code in range(classes))
    return Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=(8, 8)),),
        target=Field(name="label", kind=kind, dtype="int64", shape=(), categories=labels),
        title="Stand-in",
        origin="made here",
        licence="none",
    )


def macro(index: int) -> Callable[..., float]:
    def score(targets: Any, predictions: Any, weights: Any) -> float:
        return reference.precision_recall_fscore_support(
            targets, predictions.argmax(1), average="macro", zero_division=0, sample_weight=weights
        )[index]

    return score


def one_against_the_rest(targets: Any, predictions: Any, weights: Any) -> float:
    """scikit-learn's area for each class that occurs, averaged."""
    kept = weights > 0
    present = [code for code in np.unique(targets[kept]) if len(np.unique(targets[kept])) > 1]
    areas = [
        reference.roc_auc_score(targets[kept] == code, predictions[kept, code], sample_weight=weights[kept])
        for code in present
    ]
    return float(np.mean(areas)) if areas else float("nan")


def balanced(targets: Any, predictions: Any, weights: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes that are answered alone, and of a single class
        return reference.balanced_accuracy_score(targets, predictions.argmax(1), sample_weight=weights)


def correlation(targets: Any, predictions: Any, weights: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a single class
        return reference.matthews_corrcoef(targets, predictions.argmax(1), sample_weight=weights)


def average_precision(targets: Any, predictions: Any, weights: Any) -> float:
    """scikit-learn's for each class that occurs, averaged; of two classes, of the second."""
    classes = range(predictions.shape[1]) if predictions.shape[1] > 2 else (1,)
    areas = [
        reference.average_precision_score(targets == code, predictions[:, code], sample_weight=weights)
        for code in classes
        if (targets == code).any()
    ]
    return float(np.mean(areas)) if areas else float("nan")


def at_threshold(score: Callable[..., float]) -> Callable[..., float]:
    """scikit-learn's score of two classes, the second of which is the positive one; NaN of more classes."""

    def scored(targets: Any, predictions: Any, weights: Any) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a single class
            labels = predictions.argmax(1)
            return score(targets, labels, sample_weight=weights) if predictions.shape[1] == 2 else float("nan")

    return scored


REFERENCES: dict[str, Callable[[Any, Any, Any], float]] = {
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p.argmax(1), sample_weight=w),
    "balanced_accuracy": balanced,
    "macro_precision": macro(0),
    "macro_recall": macro(1),
    "macro_f1": macro(2),
    "mcc": correlation,
    "log_loss": lambda y, p, w: reference.log_loss(y, p, labels=range(p.shape[1]), sample_weight=w),
    "brier": lambda y, p, w: reference.brier_score_loss(
        y, p, labels=range(p.shape[1]), sample_weight=w, scale_by_half=False
    ),
    "roc_auc": one_against_the_rest,
    "pr_auc": average_precision,
}
THRESHOLD_REFERENCES: dict[str, Callable[[Any, Any, Any], float]] = {
    "precision_at_threshold": at_threshold(partial(reference.precision_score, zero_division=0)),
    "recall_at_threshold": at_threshold(partial(reference.recall_score, zero_division=0)),
    "f1_at_threshold": at_threshold(partial(reference.f1_score, zero_division=0)),
    "balanced_accuracy_at_threshold": at_threshold(reference.balanced_accuracy_score),
    "accuracy_at_threshold": at_threshold(reference.accuracy_score),
}


@st.composite
def problems(draw: st.DrawFn, classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (N, K) with many ties and zeros, and targets (N,) that need not hold every class.

    Of two classes the second is the rarer one: it is what the area under precision over recall is about.
    """
    classes, rows = classes or draw(st.integers(2, 6)), draw(st.integers(1, 40))
    marks = draw(
        st.lists(st.lists(st.integers(0, 4), min_size=classes, max_size=classes), min_size=rows, max_size=rows)
    )
    targets = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    if classes == 2 and sum(targets) > rows / 2:
        targets = [1 - code for code in targets]
    scores = np.array(marks, dtype=float)
    scores[scores.sum(1) == 0] = 1
    return scores / scores.sum(1, keepdims=True), np.array(targets)


def sure_of(targets: np.ndarray, classes: int, seed: int = 0) -> np.ndarray:
    """Predictions of a good, not perfect, classifier."""
    logits = np.random.default_rng(seed).normal(size=(len(targets), classes))
    logits[np.arange(len(targets)), targets] += 2.5
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def agree(found: float, expected: float) -> bool:
    return bool(np.isclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True))


def test_the_table_of_references_covers_every_metric() -> None:
    assert [*REFERENCES, "calibration_error"] == sorted(
        (metric.name for metric in METRICS), key=[*REFERENCES, "calibration_error"].index
    )
    assert list(THRESHOLD_REFERENCES) == [metric.name for metric in THRESHOLD_METRICS]


@given(problem=problems(classes=2), seed=st.integers(0, 2**32 - 1))
def test_scores_of_labels_equal_scikit_learns_of_the_rarer_class(
    problem: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    predictions, targets = problem
    rows = len(targets)
    weights = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=2)
    weights[0] = 1
    found = Classification(schema(2)).bootstrap_scores(predictions, ClassReference(targets), weights, {"positive": 1})
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(rows), counts)
        for name, reference_score in THRESHOLD_REFERENCES.items():
            expected = reference_score(targets[drawn], predictions[drawn], np.ones(rows))
            assert agree(found[name][resample], expected), name


@pytest.mark.parametrize("seed", range(3))
def test_the_five_most_probable_classes_are_scikit_learns(seed: int) -> None:
    targets = np.random.default_rng(seed).integers(12, size=200)
    predictions = sure_of(targets, 12, seed) ** 0.2
    found = score(Classification(schema(12)), predictions, ClassReference(targets), {})["top_5_accuracy"]
    assert found == reference.top_k_accuracy_score(targets, predictions, k=5, labels=range(12))
    assert 0.5 < found < 1


@given(problem=problems())
def test_a_score_equals_scikit_learns(problem: tuple[np.ndarray, np.ndarray]) -> None:
    predictions, targets = problem
    found = score(Classification(schema(predictions.shape[1])), predictions, ClassReference(targets), {})
    for name, reference_score in REFERENCES.items():
        assert agree(found[name], reference_score(targets, predictions, np.ones(len(targets)))), name


@given(problem=problems(), seed=st.integers(0, 2**32 - 1))
def test_a_resample_scores_as_the_rows_it_drew(problem: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    predictions, targets = problem
    rows = len(targets)
    weights = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=2)
    task = Classification(schema(predictions.shape[1]))
    found = task.bootstrap_scores(predictions, ClassReference(targets), weights, {})
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(rows), counts)
        for name, reference_score in REFERENCES.items():
            expected = reference_score(targets[drawn], predictions[drawn], np.ones(rows))
            assert agree(found[name][resample], expected), name


def test_two_classes_have_the_usual_area_under_the_curve() -> None:
    targets = np.array([0, 0, 1, 1])
    positive = np.array([0.1, 0.4, 0.35, 0.8])  # the example of scikit-learn's roc_auc_score: 0.75
    predictions = np.stack([1 - positive, positive], axis=1)
    assert score(Classification(schema(2)), predictions, ClassReference(targets), {})["roc_auc"] == 0.75


def test_a_set_of_one_class_has_no_area_under_the_curve_and_all_other_scores() -> None:
    targets = np.zeros(5, dtype=int)
    scores = score(Classification(schema(3)), sure_of(targets, 3), ClassReference(targets), {})
    assert [name for name, value in scores.items() if np.isnan(value)] == ["roc_auc"]


def test_answers_that_are_not_numbers_have_no_score_and_raise_no_warning() -> None:
    predictions = np.full((4, 3), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(Classification(schema(3)), predictions, ClassReference(np.array([0, 1, 2, 0])), {})
    assert all(np.isnan(value) for value in scores.values())


@given(problem=problems())
def test_the_goal_is_the_mean_over_examples(problem: tuple[np.ndarray, np.ndarray]) -> None:
    predictions, targets = problem
    true_values = ClassReference(targets)
    expected = score(Classification(schema(predictions.shape[1])), predictions, true_values, {})
    for goal in GOALS:
        if goal not in AREA_GOALS or len(set(targets)) > 1:
            task = Classification(schema(predictions.shape[1]), SETTINGS, goal)
            assert agree(task.objective_per_row(predictions, true_values).mean(), expected[goal]), goal


@pytest.mark.parametrize("goal", GOALS)
def test_the_right_answers_are_better_than_wrong_ones_by_every_goal(goal: str) -> None:
    task = Classification(schema(3), SETTINGS, goal)
    targets = np.array([0, 1, 2, 1])
    right, wrong = (
        score(task, np.eye(3)[codes], ClassReference(targets), {})[goal] for codes in (targets, (targets + 1) % 3)
    )
    assert task.goal.is_better(right, wrong)


def test_the_loss_on_logits_is_the_log_loss_of_the_reply() -> None:
    task = Classification(schema(4))
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(32, 7, generator=generator), torch.randint(4, (32,), generator=generator)
    network = nn.Linear(7, task.head_width("vector"))
    loss = task.loss(network, (inputs,), Target(targets))
    with torch.no_grad():
        predictions = task.postprocess()(network(inputs)).numpy()
    assert loss.item() == pytest.approx(
        score(task, predictions, ClassReference(targets.numpy()), {})["log_loss"], abs=1e-6
    )


def test_targets_of_a_narrow_type_are_learned_from_as_well() -> None:
    task = Classification(schema(4))
    network = nn.Linear(7, 4)
    inputs, targets = torch.ones(3, 7), torch.tensor([0, 3, 1], dtype=torch.uint8)
    assert task.loss(network, (inputs,), Target(targets)) == task.loss(network, (inputs,), Target(targets.long()))


def test_the_baseline_answers_the_shares_of_the_training_classes() -> None:
    task, images = Classification(schema(3)), np.zeros((4, 8, 8), dtype=np.uint8)
    train, part = Part((images,), np.array([1, 1, 1, 0])), Part((images[:2],), np.array([1, 0]))
    (predictions,) = task.baselines(train, part).values()
    assert predictions.tolist() == [[0.25, 0.75, 0.0]] * 2
    assert score(task, predictions, ClassReference(part.target), {})["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("described", "goal", "sentence"),
    [
        (schema(3), "f1", r"goal of a classification must be one of log_loss, accuracy, brier, balanced_acc"),
        (schema(1), "log_loss", r"at least two classes; 'label' has class 0"),
        (schema(3, kind="image"), "log_loss", r"target of kind category; 'label' is of kind image"),
    ],
)
def test_what_cannot_be_classified_is_refused_in_a_sentence(described: Schema, goal: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Classification(described, SETTINGS, goal)


def test_every_task_is_listed_under_its_own_name() -> None:
    assert all(constructor.name == name for name, constructor in TASKS.items())


def test_a_network_that_answers_for_every_pixel_cannot_be_entered() -> None:
    with pytest.raises(UserError, match="one prediction per example"):
        Classification(schema(3)).head_width("image")
