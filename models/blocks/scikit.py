"""Scikit-learn's solvers for networks that are fitted in closed form: tensors in, a fitted estimator out.

What a network takes over from the estimator is tensors, so that it is stored, exported and moved like any other; the
estimator itself is thrown away.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Estimator = Any  # scikit-learn has no type annotations
Floats = NDArray[np.float64]

MIN_PROBABILITY = 1e-12  # of a class, so that its logarithm is finite


def fit_estimator(
    estimator: Estimator, x: Floats, target: NDArray[Any], sample_weight: Tensor | None = None
) -> tuple[str, ...]:
    """Fit an estimator on one thread: a sum split over threads depends, in its last bits, on how many there are.

    Args:
        x: inputs, (N, F).
        target: class numbers (N,) or numbers (N,) or (N, O).
        sample_weight: how much each example counts, (N,); None: all the same.

    Returns:
        Its warnings about convergence; others pass on.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    weights = {} if sample_weight is None else {"sample_weight": to_float64(sample_weight)}
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1):
        warnings.simplefilter("always", ConvergenceWarning)
        estimator.fit(x, target, **weights)
    notes = []
    for warning in caught:
        if warning.category is ConvergenceWarning:
            notes.append(str(warning.message).splitlines()[0])
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return tuple(notes)


def to_float64(values: Tensor) -> Floats:
    """An array on the CPU in float64, which scikit-learn's solvers are made for."""
    array: Floats = values.detach().cpu().double().numpy()
    return array


def numbers_to_predict(y: Tensor, outputs: int) -> Floats:
    """The target of a regression, (N, O).

    Raises:
        ValueError: if it is of another shape.
    """
    if y.ndim != 2 or y.shape[1] != outputs:
        raise ValueError(f"numbers to predict must be (N, {outputs}), got {tuple(y.shape)}")
    return to_float64(y)


def class_numbers(y: Tensor, name: str, alternative: str) -> NDArray[np.int64]:
    """The target of an architecture that predicts classes only, (N,).

    Raises:
        ValueError: if it is numbers; `alternative` predicts these.
    """
    if y.is_floating_point():
        raise ValueError(f"{name} predicts classes, and the target is a number: use {alternative}")
    codes: NDArray[np.int64] = y.cpu().numpy()
    return codes


def linear_scores(estimator: Estimator) -> tuple[Floats, Floats]:
    """Weights (S, F) and biases (S,) of a logistic regression, one row per class that it saw."""
    weight, bias = estimator.coef_, estimator.intercept_
    if len(weight) == 1:  # two classes share one weighted sum: the first class's scores are 0
        return np.concatenate([np.zeros_like(weight), weight]), np.concatenate([[0.0], bias])
    return weight, bias
