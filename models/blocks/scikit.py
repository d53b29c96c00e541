"""A scikit-learn estimator as a network: tensors in, tensors out.

It is fitted in closed form: `fit` takes the whole train part at once. The target decides which estimator is fitted: a
classifier for class numbers, a regressor for numbers.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.cost import Cost

MIN_PROBABILITY = 1e-12  # smallest probability predicted, so that its logarithm is finite

Estimator = Any  # scikit-learn has no type annotations


@final
class ScikitModel(nn.Module):
    """(B, F) -> (B, O): the logarithm of a classifier's probabilities, or a regressor's numbers.

    Log-probabilities are scores like a network's: a softmax gives the probabilities back. Outputs that never occurred
    in training get the logarithm of 1e-12. A regressor that predicts one number only is fitted once per output.

    Args:
        make_classifier: makes a scikit-learn classifier with predict_proba; a ValueError says that it has none.
        make_regressor: makes a scikit-learn regressor; a ValueError says that it has none.
        outputs: number of classes, or of numbers.
        count_cost: of the fitted estimator, from its own arithmetic.

    Attributes:
        estimator: fitted, or read from a file; None until then.
        fit_warnings: scikit-learn's warnings about convergence; empty if there were none.
    """

    def __init__(
        self,
        make_classifier: Callable[[], Estimator],
        make_regressor: Callable[[], Estimator],
        outputs: int,
        count_cost: Callable[[Estimator], Cost],
    ) -> None:
        super().__init__()
        self.make_classifier = make_classifier
        self.make_regressor = make_regressor
        self.outputs = outputs
        self.count_cost = count_cost
        self.estimator: Estimator = None
        self.fit_warnings: tuple[str, ...] = ()

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Fit to all examples at once; the same seed and data give the same bytes.

        Args:
            x: inputs, (N, F).
            y: number of the right class, int64 (N,), or the numbers to predict, float (N, O).
            seed: of what is random in the fit; most ignore it.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if there is no such estimator for what `y` holds.
        """
        weights = {} if sample_weight is None else {"sample_weight": sample_weight.cpu().double().numpy()}
        if y.is_floating_point():
            if y.ndim != 2 or y.shape[1] != self.outputs:
                raise ValueError(f"numbers to predict must be (N, {self.outputs}), got {tuple(y.shape)}")
            estimator, target = (
                _multi_output_regressor(self.make_regressor(), self.outputs, seed),
                y.detach().cpu().double().numpy(),
            )
            self._fit_estimator(estimator, x, target[:, 0] if self.outputs == 1 else target, weights)
        else:
            estimator = self.make_classifier()
            estimator.set_params(random_state=seed)
            self._fit_estimator(estimator, x, y.cpu().numpy(), weights)

    def _fit_estimator(
        self, estimator: Estimator, x: Tensor, target: np.ndarray, weights: Mapping[str, np.ndarray]
    ) -> None:
        with _record_convergence_warnings() as notes:
            estimator.fit(_to_float64(x), target, **weights)
        self.estimator, self.fit_warnings = estimator, tuple(notes)

    def forward(self, x: Tensor) -> Tensor:
        predict = self._predict_log_probabilities if is_sklearn_classifier(self.estimator) else self._predict_numbers
        return torch.from_numpy(predict(_to_float64(x))).to(x.device, torch.float32)

    def _predict_log_probabilities(self, features: np.ndarray) -> np.ndarray:
        probabilities = np.full((len(features), self.outputs), MIN_PROBABILITY)
        if len(features):
            probabilities[:, self.estimator.classes_] = self.estimator.predict_proba(features)
        scores: np.ndarray = np.log(probabilities.clip(MIN_PROBABILITY, 1.0))
        return scores

    def _predict_numbers(self, features: np.ndarray) -> np.ndarray:
        numbers = np.zeros((len(features), self.outputs))
        if len(features):
            numbers[:] = self.estimator.predict(features).reshape(len(features), self.outputs)
        return numbers

    def cost(self) -> Cost:
        """Of the fitted estimator, for one example."""
        return self.count_cost(self.estimator)


def is_sklearn_classifier(estimator: Estimator) -> bool:
    """Tell a classifier from a regressor."""
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def unsupported_regressor(name: str, alternative: str) -> Callable[[], Estimator]:
    """The `make_regressor` of an architecture that predicts classes only; raises ValueError."""

    def raise_error() -> Estimator:
        raise ValueError(f"{name} predicts classes, and the target is a number: use {alternative}")

    return raise_error


def unsupported_classifier(name: str, alternative: str) -> Callable[[], Estimator]:
    """The `make_classifier` of an architecture that predicts numbers only; raises ValueError."""

    def raise_error() -> Estimator:
        raise ValueError(f"{name} predicts numbers, and the target is a class: use {alternative}")

    return raise_error


def estimators_per_output(estimator: Estimator) -> tuple[Estimator, ...]:
    """The regressors of an estimator that was fitted once per output; else itself alone."""
    from sklearn.multioutput import MultiOutputRegressor

    return tuple(estimator.estimators_) if isinstance(estimator, MultiOutputRegressor) else (estimator,)


def _multi_output_regressor(regressor: Estimator, outputs: int, seed: int) -> Estimator:
    """A regressor of so many outputs, wrapped where it predicts one only."""
    from sklearn.multioutput import MultiOutputRegressor
    from sklearn.utils import get_tags

    regressor.set_params(random_state=seed)
    return (
        regressor if outputs == 1 or get_tags(regressor).target_tags.multi_output else MultiOutputRegressor(regressor)
    )


@contextmanager
def _record_convergence_warnings() -> Iterator[list[str]]:
    """Fit inside, on one thread; warnings about convergence are appended to the list, others pass on."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1):
        # One thread: a sum split over threads depends, in its last bits, on how many there are.
        warnings.simplefilter("always", ConvergenceWarning)
        yield notes
    for warning in caught:
        if warning.category is ConvergenceWarning:
            notes.append(str(warning.message).splitlines()[0])
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _to_float64(x: Tensor) -> np.ndarray:
    """Features in float64, which scikit-learn's solvers are made for."""
    return x.detach().cpu().double().numpy()
