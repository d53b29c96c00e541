"""Linear regression with a ridge penalty: one weight per input and output.

The weights with the smallest squared error plus penalty are found in closed form; the penalty on their squares keeps
correlated inputs from getting large weights of opposite signs. It is the classical baseline for numbers.

Hoerl & Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Technometrics 12(1), 1970.
https://doi.org/10.1080/00401706.1970.10488634

Shapes: B batch, F features, O outputs.
"""

from typing import Any

import numpy as np

from models.blocks.cost import NUMBER_BYTES, Cost
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import ScikitModel, unsupported_classifier


class Config(Hyperparameters):
    penalty: float = tunable(1.0, 1e-3, 1e4, log=True, ge=0)  # ridge penalty: larger keeps the weights smaller


def linear_regression(config: Config, input_shape: tuple[int, ...], outputs: int) -> ScikitModel:
    """(B, F) -> (B, O)."""

    def make_regressor() -> Any:
        from sklearn.linear_model import Ridge

        return Ridge(alpha=config.penalty, solver="svd")  # also where inputs repeat each other and the penalty is 0

    return ScikitModel(
        unsupported_classifier("linear_regression", "logistic_regression"), make_regressor, outputs, count_cost
    )


def count_cost(estimator: Any) -> Cost:
    """A multiplication and an addition per weight."""
    numbers = estimator.coef_.size + np.size(estimator.intercept_)
    return Cost(numbers, 2 * estimator.coef_.size, NUMBER_BYTES * numbers)
