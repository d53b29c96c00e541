"""Multinomial logistic regression: one weight per input and class.

A class's score is a weighted sum of the inputs, and softmax makes probabilities of the scores. The loss is convex, so
its one minimum is found by L-BFGS, to convergence, without a training loop. It is the classical baseline for classes.

Cox, "The Regression Analysis of Binary Sequences", J. R. Stat. Soc. B 20(2), 1958.
https://doi.org/10.1111/j.2517-6161.1958.tb00292.x
NOTE[DIFF] many classes at once, and a penalty on the squares of the weights (Hastie, Tibshirani & Friedman, "The
    Elements of Statistical Learning", 2009, section 4.4), without which separable classes push the weights to infinity.

When to choose it: classes, and first of all: on any table, text or small image it is fitted in seconds and says what a
network has to beat. With few rows, or inputs that already are good features, it often stays.

Initial weights: 0; the loss is convex, and its one minimum the same from every start.

Shapes: B batch, N examples, F features, O outputs.
"""

import math
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import MIN_PROBABILITY, class_numbers, fit_estimator, linear_scores, to_float64

MAX_ITERATIONS = 2000  # L-BFGS steps at most; standardised inputs need a tenth of that or less


class Config(Hyperparameters):
    inverse_penalty: float = tunable(1.0, 1e-3, 100.0, log=True, gt=0)  # scikit-learn's C: smaller, smaller weights


@final
class LogisticRegression(nn.Module):
    """(B, F) -> (B, O): scores that a softmax makes probabilities of.

    A class that never occurred in training has the score log(1e-12), whatever the inputs.

    Attributes:
        weight: (O, F).
        bias: (O,).
        fit_warnings: scikit-learn's warnings about convergence; empty if there were none.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("weight", torch.zeros(outputs, *input_shape))
        self.register_buffer("bias", torch.zeros(outputs))
        self.fit_warnings: tuple[str, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Solve for the weights; the same data gives the same bytes.

        Args:
            x: inputs, (N, F).
            y: number of the right class, int64 (N,).
            seed: ignored; nothing is random.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if y is numbers, or all examples are of one class.
        """
        import sklearn.linear_model

        codes = class_numbers(y, "logistic_regression", "linear_regression")
        estimator = sklearn.linear_model.LogisticRegression(C=self.config.inverse_penalty, max_iter=MAX_ITERATIONS)
        self.fit_warnings = fit_estimator(estimator, to_float64(x), codes, sample_weight)
        weight, bias = (torch.from_numpy(values).to(self.weight) for values in linear_scores(estimator))
        self.weight.zero_()
        self.bias.fill_(math.log(MIN_PROBABILITY))
        self.weight[estimator.classes_] = weight
        self.bias[estimator.classes_] = bias
