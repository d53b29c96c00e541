"""Scikit-learn classifiers and regressors as networks."""

import io
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

from models import build_network, logistic_regression
from models.blocks.cost import network_cost
from models.blocks.hyperparameters import Range, default_space
from models.blocks.scikit import MIN_PROBABILITY, ScikitModel
from models.decision_tree import Config as Tree
from models.decision_tree import decision_tree
from models.gradient_boosting import Config as Boosting
from models.gradient_boosting import gradient_boosting
from models.linear_regression import Config as Linear
from models.linear_regression import linear_regression
from models.logistic_regression import Config as Logistic
from models.outputs.output_transform import Unscale
from models.stems import Model
from pipelines.exporting import parity
from pipelines.exporting.graphs import ExportModule, onnx_bytes, with_metadata
from pipelines.exporting.scikit import scikit_graph

CLASSIFIERS = {"logistic_regression": Logistic, "decision_tree": Tree, "gradient_boosting": Boosting}
REGRESSORS = {
    "linear_regression": (linear_regression, Linear()),
    "decision_tree": (decision_tree, Tree()),
    "gradient_boosting": (gradient_boosting, Boosting(rounds=20)),
}
DIGITS = load_digits()
X = torch.from_numpy(DIGITS.data[:400] / 8 - 1).float()
Y = torch.from_numpy(DIGITS.target[:400])
PATIENTS = load_diabetes()
Z = torch.from_numpy(PATIENTS.data * 20).float()
PROGRESSION = torch.from_numpy(PATIENTS.target).float()[:, None]
TWO = torch.cat([PROGRESSION, 3 - 0.01 * PROGRESSION.square()], 1)


def network(name: str, **settings: object) -> ScikitModel:
    built = build_network(name, CLASSIFIERS[name](**settings), (64,), 10)
    assert isinstance(built, ScikitModel)
    return built


def regressor(name: str, target: torch.Tensor) -> ScikitModel:
    constructor, config = REGRESSORS[name]
    model = constructor(config, (10,), target.shape[1])
    model.fit(Z, target, seed=3)
    return model


def dump_estimator(model: ScikitModel) -> bytes:
    content = io.BytesIO()
    joblib.dump(model.estimator, content)
    return content.getvalue()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_softmax_of_the_outputs_gives_the_probabilities_back(name: str) -> None:
    model = network(name)
    model.fit(X, Y, seed=0)
    expected = model.estimator.predict_proba(X.double().numpy())
    np.testing.assert_allclose(model(X).softmax(1), expected, rtol=0, atol=1e-6)
    assert model.fit_warnings == ()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_fitting_a_classifier_twice_gives_the_same_bytes(name: str) -> None:
    models = [network(name), network(name)]
    for model in models:
        model.fit(X, Y, seed=5)
    assert dump_estimator(models[0]) == dump_estimator(models[1])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_class_that_never_occurred_gets_the_smallest_probability(name: str) -> None:
    model = network(name)
    seen = Y != 3
    model.fit(X[seen], Y[seen], seed=0)
    scores = model(X)
    assert scores.shape == (400, 10)
    torch.testing.assert_close(scores[:, 3], torch.full((400,), MIN_PROBABILITY).log())
    assert (scores.argmax(1) == Y)[seen].float().mean() > 0.8


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_an_empty_batch_gives_an_empty_prediction(name: str) -> None:
    model = network(name)
    model.fit(X, Y, seed=0)
    assert model(X[:0]).shape == (0, 10)


@pytest.mark.parametrize("target", [PROGRESSION, TWO], ids=["one number", "two numbers"])
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_predicts_what_its_estimator_does(name: str, target: torch.Tensor) -> None:
    model = regressor(name, target)
    expected = model.estimator.predict(Z.double().numpy()).reshape(target.shape)
    assert model(Z).dtype == torch.float32
    np.testing.assert_allclose(model(Z), expected, rtol=1e-6)
    assert model(Z[:0]).shape == (0, target.shape[1])
    left = (model(Z) - target).square().mean(0)
    assert (left < 0.6 * target.var(0)).all()  # of the target's variance; published models of these data explain half


@pytest.mark.parametrize("target", [PROGRESSION, TWO], ids=["one number", "two numbers"])
@pytest.mark.parametrize("name", REGRESSORS)
def test_fitting_a_regressor_twice_gives_the_same_bytes(name: str, target: torch.Tensor) -> None:
    assert dump_estimator(regressor(name, target)) == dump_estimator(regressor(name, target))


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_reloaded_estimator_predicts_as_before(name: str) -> None:
    model = regressor(name, TWO)
    constructor, config = REGRESSORS[name]
    blank = constructor(config, (10,), 2)
    blank.estimator = joblib.load(io.BytesIO(dump_estimator(model)))
    assert torch.equal(blank(Z), model(Z))


@pytest.mark.parametrize("name", REGRESSORS)
def test_two_numbers_cost_more_than_one(name: str) -> None:
    one, two = (network_cost(regressor(name, target), (10,)) for target in (PROGRESSION, TWO))
    assert 0 < one.parameters < two.parameters
    assert 0 < one.flops <= two.flops


def test_a_linear_regression_costs_two_operations_per_weight() -> None:
    assert network_cost(regressor("linear_regression", TWO), (10,)) == (22, 40, 22 * 4)


def test_a_linear_regression_without_penalty_is_least_squares() -> None:
    model = linear_regression(Linear(penalty=0.0), (10,), 1)
    model.fit(Z, PROGRESSION, seed=0)
    design = torch.cat([Z, torch.ones(len(Z), 1)], 1).double()
    weights = torch.linalg.lstsq(design, PROGRESSION.double()).solution
    torch.testing.assert_close(model(Z), (design @ weights).float(), rtol=1e-5, atol=1e-3)


class DoublingStem(nn.Module):
    """A stem that doubles."""

    input_shape = (10,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


@pytest.mark.parametrize("name", REGRESSORS)
def test_the_onnx_graph_of_a_regressor_predicts_as_it_does(name: str, tmp_path: Path) -> None:
    constructor, config = REGRESSORS[name]
    transform = Unscale((2,)).fit(TWO.mean(0), TWO.std(0))
    model = Model(DoublingStem(), constructor(config, (10,), 2), transform)
    model.network.fit(2 * Z, transform.inverse(TWO), seed=0)
    graph = with_metadata(scikit_graph(model, nn.Identity(), (Z[:3],), ["patient"], "value"), {})
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(graph))
    runtime = parity.onnx_runtime(tmp_path / "model.onnx")
    report = parity.check_parity(ExportModule(model, nn.Identity()), {"onnx": runtime}, (Z.numpy(),), ())
    assert [entry.name for entry in graph.graph.input] == ["patient"]
    assert [entry.name for entry in graph.graph.output] == ["value"]
    assert report["runtimes"]["onnx"]["batch 1"]["largest"] < 1e-6


def test_a_classifier_refuses_numbers_and_names_an_alternative() -> None:
    model = logistic_regression.logistic_regression(Logistic(), (10,), 1)
    with pytest.raises(ValueError, match=r"logistic_regression predicts classes, .* use linear_regression"):
        model.fit(Z, PROGRESSION, seed=0)


def test_a_regressor_refuses_classes_and_names_an_alternative() -> None:
    model = linear_regression(Linear(), (64,), 10)
    with pytest.raises(ValueError, match=r"linear_regression predicts numbers, .* use logistic_regression"):
        model.fit(X, Y, seed=0)


def test_numbers_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(N, 3\), got \(442, 2\)"):
        decision_tree(Tree(), (10,), 3).fit(Z, TWO, seed=0)


def test_a_convergence_warning_becomes_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_regression, "MAX_ITERATIONS", 3)
    stopped = network("logistic_regression")
    stopped.fit(X, Y, seed=0)  # a warning would fail this test
    (note,) = stopped.fit_warnings
    assert "converge" in note
    assert "\n" not in note


def test_a_warning_about_anything_else_is_passed_on() -> None:
    class Grumbling:
        def set_params(self, random_state: int) -> None: ...

        def fit(self, x: np.ndarray, y: np.ndarray) -> None:
            warnings.warn("the data is odd", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="the data is odd"):
        ScikitModel(Grumbling, Grumbling, 2, count_cost=lambda estimator: None).fit(X, Y, seed=0)


@pytest.mark.parametrize("end", ["low", "high"])
def test_logistic_regression_converges_at_both_ends_of_its_search(end: str) -> None:
    extent = default_space(Logistic)["inverse_penalty"]
    assert isinstance(extent, Range)
    model = network("logistic_regression", inverse_penalty=getattr(extent, end))
    model.fit(X, Y, seed=0)
    assert model.fit_warnings == ()
