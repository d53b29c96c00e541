"""One number makes probabilities as sure as they should be; it is chosen on validation and never makes that worse."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from models.outputs.classification import TemperedSoftmax
from pipelines.data.schema import Field, Schema
from pipelines.tasks.classification import Classification, ClassReference
from pipelines.tasks.metrics.temperature import LOG_TEMPERATURE_SPREAD, fit_pixel_temperature, fit_temperature


def draw(
    rows: int, classes: int, spread: float, factor: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `factor` times too large, and classes drawn by the right ones."""
    logits = spread * generator.normal(size=(rows, classes))
    codes = (softmax(logits, axis=1).cumsum(1) < generator.random((rows, 1))).sum(1).clip(max=classes - 1)
    return factor * logits, codes


def log_loss(logits: np.ndarray, codes: np.ndarray) -> float:
    return float(-log_softmax(logits, axis=1)[np.arange(len(codes)), codes].mean())


def classification(classes: int = 2) -> Classification:
    labels = tuple(f"class {code}" for code in range(classes))
    number = Field(name="x", kind="number", dtype="float32", shape=())
    target = Field(name="label", kind="category", dtype="int64", shape=(), categories=labels)
    return Classification(Schema(inputs=(number,), target=target, title="Stand-in", origin="made here", licence="none"))


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_logits_that_are_too_large_by_a_factor_are_divided_by_it(classes: int, factor: float) -> None:
    logits, codes = draw(20_000, classes, 2.0, factor, np.random.default_rng(0))
    assert fit_temperature(logits, codes) == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize(("classes", "rows"), [(2, 60), (3, 200), (5, 1000)])
def test_the_temperature_is_where_scipy_finds_the_penalised_log_loss_smallest(classes: int, rows: int) -> None:
    logits, codes = draw(rows, classes, 2.0, 2.0, np.random.default_rng(1))
    found = minimize_scalar(
        lambda log: rows * log_loss(logits / np.exp(log), codes) + log**2 / (2 * LOG_TEMPERATURE_SPREAD**2)
    )
    assert fit_temperature(logits, codes) == pytest.approx(np.exp(found.x), rel=1e-4)


def test_on_many_rows_it_is_scikit_learns() -> None:
    generator = np.random.default_rng(2)
    inputs = generator.normal(size=(30_000, 3))
    codes = (inputs + generator.gumbel(size=inputs.shape)).argmax(1)
    model = LogisticRegression(C=np.inf).fit(inputs[:1000], codes[:1000])
    model.coef_ *= 2.5  # too sure
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scaled = CalibratedClassifierCV(FrozenEstimator(model), method="temperature").fit(inputs, codes)
    expected = 1 / scaled.calibrated_classifiers_[0].calibrators[0].beta_
    assert fit_temperature(model.predict_log_proba(inputs), codes) == pytest.approx(expected, rel=0.01)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 80), spread=st.floats(0, 30), factor=st.floats(0.1, 10))
def test_the_log_loss_on_validation_is_never_worse_with_it(seed: int, rows: int, spread: float, factor: float) -> None:
    task = classification(3)
    logits, codes = draw(rows, 3, spread, factor, np.random.default_rng(seed))
    served = logits.astype(np.float32)
    calibration = task.calibrate_postprocess(served, ClassReference(codes))
    plain, tempered = (
        task.postprocess(each)(torch.from_numpy(served)).numpy().astype(np.float64) for each in ({}, calibration)
    )
    before, after = (task.objective_per_row(one, ClassReference(codes)).mean() for one in (plain, tempered))
    assert after <= before + 1e-6
    chosen = tempered[np.arange(rows), plain.argmax(1)]
    np.testing.assert_allclose(chosen, tempered.max(1), err_msg="the most probable class stays so")


def test_fifty_rows_that_are_all_right_do_not_make_it_certain() -> None:
    codes = np.arange(50) % 2
    logits = np.where(np.eye(2)[codes] > 0, 2.0, -2.0)
    assert 0.4 < fit_temperature(logits, codes) < 1


@pytest.mark.parametrize("rows", [50, 180])
def test_on_small_sets_it_helps_on_average_and_hardly_ever_hurts(rows: int) -> None:
    generator = np.random.default_rng(rows)
    changes = []
    for _ in range(100):
        factor = np.exp(generator.normal(0, 0.4))
        valid, test = draw(rows, 2, 3.0, factor, generator), draw(4000, 2, 3.0, factor, generator)
        before, after = log_loss(*test), log_loss(test[0] / fit_temperature(*valid), test[1])
        changes.append(after / before - 1)
    assert np.mean(changes) < -0.01
    assert np.quantile(changes, 0.95) < 0.04


def test_what_is_not_a_number_is_left_as_it_is() -> None:
    assert fit_temperature(np.full((3, 2), np.nan), np.zeros(3, dtype=np.int64)) == 1
    assert fit_temperature(np.empty((0, 2)), np.empty(0, dtype=np.int64)) == 1


def test_pixels_are_scaled_as_rows_are() -> None:
    logits, codes = draw(20 * 64, 3, 2.0, 2.5, np.random.default_rng(3))
    images = np.moveaxis(logits.reshape(20, 8, 8, 3), 3, 1)
    found = fit_pixel_temperature(images, codes.reshape(20, 8, 8))
    assert found == fit_temperature(logits, codes, examples=20)
    assert 1 < found < 2.6


def test_the_probabilities_are_the_softmax_of_the_divided_logits() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5]])
    served = TemperedSoftmax(-1, 2.0)(logits).numpy()
    np.testing.assert_allclose(served, softmax(logits.numpy() / 2, axis=1), rtol=1e-6)
