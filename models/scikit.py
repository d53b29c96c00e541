"""A scikit-learn classifier that stands where a network stands: tensors in, tensors out.

It is solved, not descended: `solve` takes the whole train part at once, and no loop of ours takes part.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.cost import Cost

FLOOR = 1e-12  # smallest probability answered: the logarithm of 0 would make one mistake infinitely bad


class ScikitClassifier(nn.Module):
    """(B, F) -> (B, O): the logarithm of the estimator's probabilities.

    Log-probabilities are scores like a network's: a softmax gives the probabilities back. Outputs that never occurred
    in training get the logarithm of 1e-12.

    Args:
        estimator: a scikit-learn classifier with predict_proba.
        outputs: number of classes.
        count: what the solved estimator stores and computes, from its own arithmetic.

    Attributes:
        notes: what scikit-learn had to say about the solving, such as that it stopped early; empty if all is well.
    """

    def __init__(self, estimator: Any, outputs: int, count: Callable[[Any], Cost]) -> None:
        super().__init__()
        self.estimator = estimator
        self.outputs = outputs
        self.count = count
        self.notes: tuple[str, ...] = ()

    def solve(self, x: Tensor, y: Tensor, seed: int) -> None:
        """Fit to all examples at once; the same seed and data give the same bytes.

        Args:
            x: inputs, (N, F).
            y: number of the right class, (N,).
            seed: for estimators that draw; the others ignore it.
        """
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        self.estimator.set_params(random_state=seed)
        with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1):
            # One thread: a sum split over threads depends, in its last bits, on how many there are.
            warnings.simplefilter("always", ConvergenceWarning)
            self.estimator.fit(*_arrays(x, y))
        self.notes = tuple(
            str(warning.message).splitlines()[0] for warning in caught if warning.category is ConvergenceWarning
        )
        for warning in caught:
            if warning.category is not ConvergenceWarning:
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    def forward(self, x: Tensor) -> Tensor:
        (features,) = _arrays(x)
        probabilities = np.full((len(features), self.outputs), FLOOR)
        if len(features):
            probabilities[:, self.estimator.classes_] = self.estimator.predict_proba(features)
        scores = torch.from_numpy(np.log(probabilities.clip(FLOOR, 1.0)))
        return scores.to(x.device, torch.float32)

    def cost(self) -> Cost:
        """What the solved estimator stores, and computes for one example."""
        return self.count(self.estimator)


def _arrays(x: Tensor, *rest: Tensor) -> tuple[np.ndarray, ...]:
    """Features in float64, which scikit-learn's solvers are made for, and whatever else as it is."""
    return x.detach().cpu().double().numpy(), *(tensor.cpu().numpy() for tensor in rest)
