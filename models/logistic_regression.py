"""Multinomial logistic regression: one weight per input and class.

A class's score is a weighted sum of the inputs, and softmax makes probabilities of the scores. The loss is convex, so
its one minimum is found by L-BFGS, to convergence, without a training loop. It is the classical baseline for classes.

Cox, "The Regression Analysis of Binary Sequences", J. R. Stat. Soc. B 20(2), 1958.
https://doi.org/10.1111/j.2517-6161.1958.tb00292.x
NOTE[DIFF] many classes at once, and a penalty on the squares of the weights (Hastie, Tibshirani & Friedman, "The
    Elements of Statistical Learning", 2009, section 4.4), without which separable classes push the weights to infinity.

Shapes: B batch, F features, O outputs.
"""

from typing import Any

from models.blocks.cost import NUMBER_BYTES, Cost
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import ScikitModel, unsupported_regressor

MAX_ITERATIONS = 2000  # L-BFGS steps at most; standardised inputs need a tenth of that or less


class Config(Hyperparameters):
    inverse_penalty: float = tunable(1.0, 1e-3, 100.0, log=True, gt=0)  # scikit-learn's C: smaller, smaller weights


def logistic_regression(config: Config, input_shape: tuple[int, ...], outputs: int) -> ScikitModel:
    """(B, F) -> (B, O)."""

    def make_classifier() -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=config.inverse_penalty, max_iter=MAX_ITERATIONS)

    return ScikitModel(
        make_classifier, unsupported_regressor("logistic_regression", "linear_regression"), outputs, count_cost
    )


def count_cost(estimator: Any) -> Cost:
    """A multiplication and an addition per weight."""
    numbers = estimator.coef_.size + estimator.intercept_.size
    return Cost(numbers, 2 * estimator.coef_.size, NUMBER_BYTES * numbers)
