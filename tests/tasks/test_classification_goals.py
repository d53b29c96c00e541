"""Goals that are no means: the spread of their pseudo-values is their uncertainty."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import average_precision_score

from models.outputs.classification import PriorShift
from models.outputs.output_transform import Identity
from pipelines.data.parts import Part
from pipelines.runtime.user_error import UserError
from pipelines.tasks.classification import AREA_GOALS, Classification, ClassificationSettings, ClassReference
from pipelines.tasks.metrics.classification_goals import PSEUDO_VALUES
from tests.tasks.test_classification import schema


def draw(generator: np.random.Generator, classes: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of a fair model; the last class is rare."""
    shares = np.append(np.full(classes - 1, 0.9 / (classes - 1)), 0.1)
    codes = generator.choice(classes, rows, p=shares)
    return softmax(generator.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[codes], axis=1), codes


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("goal", PSEUDO_VALUES)
def test_the_standard_error_from_one_set_is_the_spread_over_many(goal: str, classes: int) -> None:
    generator, task = np.random.default_rng(0), Classification(schema(classes), goal=goal)
    rows = [
        task.objective_per_row(predictions, ClassReference(codes))
        for predictions, codes in (draw(generator, classes, 400) for _ in range(500))
    ]
    spread = np.std([each.mean() for each in rows])
    assert np.mean([each.std(ddof=1) / 20 for each in rows]) == pytest.approx(spread, rel=0.12)


@pytest.mark.parametrize("goal", PSEUDO_VALUES)
def test_two_equal_models_are_told_apart_in_one_of_twenty_sets(goal: str) -> None:
    generator, task = np.random.default_rng(1), Classification(schema(2), goal=goal)
    alarms = 0
    for _ in range(400):
        first, codes = draw(generator, 2, 300)
        second = softmax(generator.normal(size=(300, 2)) + 1.5 * np.eye(2)[codes], axis=1)
        gaps = np.subtract(*(task.objective_per_row(each, ClassReference(codes)) for each in (first, second)))
        alarms += abs(gaps.mean()) > 1.96 * gaps.std(ddof=1) / np.sqrt(300)
    assert alarms <= 400 * 0.08


@pytest.mark.parametrize("goal", AREA_GOALS)
def test_an_area_under_the_curve_of_one_class_is_refused_in_a_sentence(goal: str) -> None:
    with pytest.raises(UserError, match=f"goal {goal} needs examples of two classes to score; all 3 are of one"):
        Classification(schema(2), goal=goal).objective_per_row(np.full((3, 2), 0.5), ClassReference(np.zeros(3)))


@pytest.mark.parametrize(("goal", "kind"), [("macro_f1", Identity), ("log_loss", PriorShift), ("roc_auc", PriorShift)])
def test_balanced_weights_stay_where_every_class_is_to_count_the_same(goal: str, kind: type) -> None:
    task = Classification(schema(2), ClassificationSettings(weights="balanced"), goal)
    train = Part((np.zeros((3, 8, 8), dtype=np.uint8),), np.array([0, 0, 1]))
    assert type(task.output_transform(train)) is type(task.output_transform(None)) is kind


def test_the_pseudo_values_of_the_pr_auc_are_those_of_leaving_each_row_out() -> None:
    generator = np.random.default_rng(3)
    scores, codes = generator.integers(0, 9, 40) / 10, generator.integers(0, 4, 40) // 3  # with equal scores
    predictions = np.stack([1 - scores, scores], axis=1)
    left_out = np.array([average_precision_score(np.delete(codes, row), np.delete(scores, row)) for row in range(40)])
    whole = average_precision_score(codes, scores)
    expected = whole + 39 * (left_out.mean() - left_out)
    np.testing.assert_allclose(PSEUDO_VALUES["pr_auc"](predictions, codes), expected)
    assert PSEUDO_VALUES["pr_auc"](predictions, codes).mean() == pytest.approx(whole)
