"""Networks that scikit-learn solves: they predict as the estimator does, from tensors alone."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from models import ARCHITECTURES, build_network, logistic_regression
from models.blocks.cost import network_cost
from models.blocks.hyperparameters import Range, default_space
from models.blocks.scikit import MIN_PROBABILITY, fit_estimator
from models.gradient_boosting import MAX_DEPTH

DIGITS = load_digits()
X = torch.from_numpy(DIGITS.data[:400] / 8 - 1).float()
Y = torch.from_numpy(DIGITS.target[:400])
PATIENTS = load_diabetes()
Z = torch.from_numpy(PATIENTS.data * 20).float()
PROGRESSION = torch.from_numpy(PATIENTS.target).float()[:, None]
TWO = torch.cat([PROGRESSION, 3 - 0.01 * PROGRESSION.square()], 1)

BOOSTING = {
    "learning_rate": 0.06,
    "max_iter": 20,
    "max_leaf_nodes": 31,
    "max_depth": MAX_DEPTH,
    "l2_regularization": 1.0,
    "max_features": 0.7,
    "early_stopping": False,
    "random_state": 3,
}
FOREST = {"n_estimators": 8, "max_depth": 16, "min_samples_leaf": 2, "max_features": 0.3, "random_state": 3}
SETTINGS: dict[str, dict[str, Any]] = {"gradient_boosting": {"rounds": 20}, "random_forest": {"trees": 8}}
# The estimator that each is to agree with, of its default settings
CLASSIFIERS = {
    "logistic_regression": LogisticRegression(max_iter=2000),
    "decision_tree": DecisionTreeClassifier(max_depth=8, min_samples_leaf=5, criterion="entropy", random_state=3),
    "gradient_boosting": HistGradientBoostingClassifier(**BOOSTING),
    "random_forest": RandomForestClassifier(**FOREST),
}
REGRESSORS = {
    "linear_regression": Ridge(),
    "decision_tree": DecisionTreeRegressor(max_depth=8, min_samples_leaf=5, random_state=3),
    "gradient_boosting": HistGradientBoostingRegressor(**BOOSTING),
    "random_forest": RandomForestRegressor(**FOREST),
}


def fitted(name: str, x: torch.Tensor, y: torch.Tensor, outputs: int, **settings: Any) -> Any:
    config = ARCHITECTURES[name].config(**SETTINGS.get(name, {}) | settings)
    network: Any = build_network(name, config, tuple(x.shape[1:]), outputs)
    network.fit(x, y, seed=3)
    return network


def same_bits(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    weights = other.state_dict()
    return all(torch.equal(tensor, weights[key]) for key, tensor in one.state_dict().items())


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_softmax_of_the_outputs_gives_the_probabilities_of_the_estimator(name: str, classes: int) -> None:
    x, y = X[classes > Y], Y[classes > Y]
    expected = CLASSIFIERS[name].fit(x.double().numpy(), y.numpy()).predict_proba(x.double().numpy())
    np.testing.assert_allclose(fitted(name, x, y, classes)(x).softmax(1), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("classes", [2, 9, 10])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_loaded_into_a_new_network_the_tensors_predict_the_same(name: str, classes: int) -> None:
    seen = classes > Y
    network = fitted(name, X[seen], Y[seen], classes)
    other = build_network(name, network.config, (64,), classes)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(X), network(X))
    assert network_cost(other, (64,)) == network_cost(network, (64,))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_fitting_a_classifier_twice_gives_the_same_bits(name: str) -> None:
    assert same_bits(fitted(name, X, Y, 10), fitted(name, X, Y, 10))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_class_that_never_occurred_gets_hardly_any_probability(name: str) -> None:
    seen = Y != 3
    scores = fitted(name, X[seen], Y[seen], 10)(X)
    assert scores.shape == (400, 10)
    torch.testing.assert_close(scores[:, 3], torch.full((400,), MIN_PROBABILITY).log())
    assert scores.softmax(1)[:, 3].max() < 1e-9
    assert (scores.argmax(1) == Y)[seen].float().mean() > 0.8


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_an_empty_batch_gives_an_empty_prediction(name: str) -> None:
    assert fitted(name, X, Y, 10)(X[:0]).shape == (0, 10)


def numbers_of(name: str, target: torch.Tensor) -> NDArray[np.float64]:
    x, columns = Z.double().numpy(), target.double().numpy().T
    return np.stack([REGRESSORS[name].fit(x, column).predict(x) for column in columns], 1)


@pytest.mark.parametrize("target", [PROGRESSION, TWO], ids=["one number", "two numbers"])
@pytest.mark.parametrize("name", [name for name in REGRESSORS if "tree" not in name and "forest" not in name])
def test_a_regressor_predicts_what_its_estimator_does(name: str, target: torch.Tensor) -> None:
    model = fitted(name, Z, target, target.shape[1])
    assert model(Z).dtype == torch.float32
    np.testing.assert_allclose(model(Z), numbers_of(name, target), rtol=1e-6, atol=1e-3)  # of some hundreds
    assert model(Z[:0]).shape == (0, target.shape[1])
    left = (model(Z) - target).square().mean(0)
    assert (left < 0.6 * target.var(0)).all()  # of the target's variance; published models of these data explain half


@pytest.mark.parametrize("target", [PROGRESSION, TWO], ids=["one number", "two numbers"])
def test_a_forest_of_numbers_is_the_mean_of_its_trees(target: torch.Tensor) -> None:
    model = fitted("random_forest", Z, target, target.shape[1])
    x, y = Z.double().numpy(), target.double().numpy()
    expected = REGRESSORS["random_forest"].fit(x, y[:, 0] if y.shape[1] == 1 else y).predict(x)
    np.testing.assert_allclose(model(Z), expected.reshape(y.shape), rtol=1e-5)
    assert model.trees.trees == 8


def test_a_regression_tree_of_two_numbers_is_one_tree() -> None:
    model = fitted("decision_tree", Z, TWO, 2)
    expected = REGRESSORS["decision_tree"].fit(Z.double().numpy(), TWO.double().numpy()).predict(Z.double().numpy())
    np.testing.assert_allclose(model(Z), expected, rtol=1e-6)
    assert model.trees.trees == 1


@pytest.mark.parametrize("target", [PROGRESSION, TWO], ids=["one number", "two numbers"])
@pytest.mark.parametrize("name", REGRESSORS)
def test_fitting_a_regressor_twice_gives_the_same_bits(name: str, target: torch.Tensor) -> None:
    assert same_bits(*(fitted(name, Z, target, target.shape[1]) for _ in range(2)))


@pytest.mark.parametrize("name", REGRESSORS)
def test_two_numbers_cost_more_than_one(name: str) -> None:
    one, two = (network_cost(fitted(name, Z, target, target.shape[1]), (10,)) for target in (PROGRESSION, TWO))
    assert 0 < one.parameters < two.parameters
    assert 0 < one.flops <= two.flops


def test_a_linear_regression_costs_two_operations_per_weight() -> None:
    assert network_cost(fitted("linear_regression", Z, TWO, 2), (10,)) == (22, 40, 22 * 4)


def test_a_linear_regression_without_penalty_is_least_squares() -> None:
    model = fitted("linear_regression", Z, PROGRESSION, 1, penalty=0.0)
    design = torch.cat([Z, torch.ones(len(Z), 1)], 1).double()
    weights = torch.linalg.lstsq(design, PROGRESSION.double()).solution
    torch.testing.assert_close(model(Z), (design @ weights).float(), rtol=1e-5, atol=1e-3)


def test_a_classifier_refuses_numbers_and_names_an_alternative() -> None:
    with pytest.raises(ValueError, match=r"logistic_regression predicts classes, .* use linear_regression"):
        fitted("logistic_regression", Z, PROGRESSION, 1)


def test_a_regressor_refuses_classes_and_names_an_alternative() -> None:
    with pytest.raises(ValueError, match=r"linear_regression predicts numbers, .* use logistic_regression"):
        fitted("linear_regression", X, Y, 10)


@pytest.mark.parametrize("name", REGRESSORS)
def test_numbers_of_another_width_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"must be \(N, 3\), got \(442, 2\)"):
        fitted(name, Z, TWO, 3)


def test_a_convergence_warning_becomes_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitted("logistic_regression", X, Y, 10).fit_warnings == ()
    monkeypatch.setattr(logistic_regression, "MAX_ITERATIONS", 3)
    (note,) = fitted("logistic_regression", X, Y, 10).fit_warnings  # a warning would fail this test
    assert "converge" in note
    assert "\n" not in note


def test_a_warning_about_anything_else_is_passed_on() -> None:
    class Grumbling:
        def fit(self, x: np.ndarray, y: np.ndarray) -> None:
            warnings.warn("the data is odd", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="the data is odd"):
        fit_estimator(Grumbling(), X.double().numpy(), Y.numpy())


@pytest.mark.parametrize("end", ["low", "high"])
def test_logistic_regression_converges_at_both_ends_of_its_search(end: str) -> None:
    extent = default_space(logistic_regression.Config)["inverse_penalty"]
    assert isinstance(extent, Range)
    assert fitted("logistic_regression", X, Y, 10, inverse_penalty=getattr(extent, end)).fit_warnings == ()
