"""A scikit-learn estimator that stands where a network stands: tensors in, tensors out.

It is solved, not descended: `solve` takes the whole train part at once, and no loop of ours takes part. What is asked
for decides what is solved: a classifier for class numbers, a regressor for numbers.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.cost import Cost

MIN_PROBABILITY = 1e-12  # smallest probability answered: the logarithm of 0 would make one mistake infinitely bad

Estimator = Any  # of scikit-learn's, which states no types


@final
class ScikitModel(nn.Module):
    """(B, F) -> (B, O): the logarithm of a classifier's probabilities, or a regressor's numbers.

    Log-probabilities are scores like a network's: a softmax gives the probabilities back. Outputs that never occurred
    in training get the logarithm of 1e-12. A regressor that answers with one number only is solved once per output.

    Args:
        classifier: makes a scikit-learn classifier with predict_proba; a ValueError says that it has none.
        regressor: makes a scikit-learn regressor; a ValueError says that it has none.
        outputs: number of classes, or of numbers.
        count: what the solved estimator stores and computes, from its own arithmetic.

    Attributes:
        estimator: what was solved, or read back from a file; None until then.
        notes: what scikit-learn had to say about the solving, such as that it stopped early; empty if all is well.
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
            y: number of the right class, int64 (N,), or the numbers to answer with, float (N, O).
            seed: for estimators that draw; the others ignore it.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if this kind of estimator cannot answer with what `y` holds.
        """
        weights = {} if sample_weight is None else {"sample_weight": sample_weight.cpu().double().numpy()}
        if y.is_floating_point():
            if y.ndim != 2 or y.shape[1] != self.outputs:
                raise ValueError(f"numbers to answer with must be (N, {self.outputs}), got {tuple(y.shape)}")
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
        """What the solved estimator stores, and computes for one example."""
        return self.count_cost(self.estimator)


def is_sklearn_classifier(estimator: Estimator) -> bool:
    """Tell a classifier from a regressor."""
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def unsupported_regressor(name: str, alternative: str) -> Callable[[], Estimator]:
    """The `regressor` of what answers with classes alone."""

    def raise_error() -> Estimator:
        raise ValueError(f"{name} answers with classes, and the target is a number: use {alternative}")

    return raise_error


def unsupported_classifier(name: str, alternative: str) -> Callable[[], Estimator]:
    """The `classifier` of what answers with numbers alone."""

    def raise_error() -> Estimator:
        raise ValueError(f"{name} answers with numbers, and the target is a class: use {alternative}")

    return raise_error


def estimators_per_output(estimator: Estimator) -> tuple[Estimator, ...]:
    """The solved regressors of one that was solved once per output; else itself."""
    from sklearn.multioutput import MultiOutputRegressor

    return tuple(estimator.estimators_) if isinstance(estimator, MultiOutputRegressor) else (estimator,)


def _multi_output_regressor(regressor: Estimator, outputs: int, seed: int) -> Estimator:
    """A regressor that answers with so many numbers."""
    from sklearn.multioutput import MultiOutputRegressor
    from sklearn.utils import get_tags

    regressor.set_params(random_state=seed)
    return (
        regressor if outputs == 1 or get_tags(regressor).target_tags.multi_output else MultiOutputRegressor(regressor)
    )


@contextmanager
def _record_convergence_warnings() -> Iterator[list[str]]:
    """Solve inside, on one thread; what is said about convergence goes into the list, other warnings go on."""
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
