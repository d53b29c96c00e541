"""A scikit-learn classifier in the place of a network."""

import io
import warnings

import joblib
import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from models import ARCHITECTURES, build, logistic_regression
from models.hyperparameters import Range, space
from models.scikit import FLOOR, ScikitClassifier

SOLVED = [name for name, row in ARCHITECTURES.items() if row.learner == "closed_form"]
DIGITS = load_digits()
X = torch.from_numpy(DIGITS.data[:400] / 8 - 1).float()
Y = torch.from_numpy(DIGITS.target[:400])


def network(name: str, **settings: object) -> ScikitClassifier:
    built = build(name, ARCHITECTURES[name].config(**settings), (64,), 10)
    assert isinstance(built, ScikitClassifier)
    return built


@pytest.mark.parametrize("name", SOLVED)
def test_a_softmax_of_the_answer_gives_the_probabilities_back(name):
    solved = network(name)
    solved.solve(X, Y, seed=0)
    expected = solved.estimator.predict_proba(X.double().numpy())
    np.testing.assert_allclose(solved(X).softmax(1), expected, rtol=0, atol=1e-6)
    assert solved.notes == ()


@pytest.mark.parametrize("name", SOLVED)
def test_solving_twice_gives_the_same_bytes(name):
    def dumped() -> bytes:
        solved = network(name)
        solved.solve(X, Y, seed=5)
        target = io.BytesIO()
        joblib.dump(solved.estimator, target)
        return target.getvalue()

    assert dumped() == dumped()


@pytest.mark.parametrize("name", SOLVED)
def test_a_class_that_never_occurred_gets_the_smallest_probability(name):
    solved = network(name)
    seen = Y != 3
    solved.solve(X[seen], Y[seen], seed=0)
    scores = solved(X)
    assert scores.shape == (400, 10)
    torch.testing.assert_close(scores[:, 3], torch.full((400,), FLOOR).log())
    assert (scores.argmax(1) == Y)[seen].float().mean() > 0.8


@pytest.mark.parametrize("name", SOLVED)
def test_no_rows_get_no_answer(name):
    solved = network(name)
    solved.solve(X, Y, seed=0)
    assert solved(X[:0]).shape == (0, 10)


def test_solving_that_stops_early_is_noted_and_not_printed(monkeypatch):
    monkeypatch.setattr(logistic_regression, "ITERATIONS", 3)
    stopped = network("logistic_regression")
    stopped.solve(X, Y, seed=0)  # a warning would fail this test
    (note,) = stopped.notes
    assert "converge" in note
    assert "\n" not in note


def test_a_warning_about_anything_else_is_passed_on():
    class Grumbling:
        def set_params(self, random_state: int) -> None: ...

        def fit(self, x: np.ndarray, y: np.ndarray) -> None:
            warnings.warn("the data is odd", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="the data is odd"):
        ScikitClassifier(Grumbling(), 2, count=lambda estimator: None).solve(X, Y, seed=0)


@pytest.mark.parametrize("end", ["low", "high"])
def test_logistic_regression_converges_at_both_ends_of_its_search(end):
    extent = space(logistic_regression.Config)["inverse_penalty"]
    assert isinstance(extent, Range)
    solved = network("logistic_regression", inverse_penalty=getattr(extent, end))
    solved.solve(X, Y, seed=0)
    assert solved.notes == ()
