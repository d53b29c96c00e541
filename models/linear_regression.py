"""Linear regression with a ridge penalty: one weight per input and output.

The weights with the smallest squared error plus penalty are found in closed form; the penalty on their squares keeps
correlated inputs from getting large weights of opposite signs. It is the classical baseline for numbers.

Hoerl & Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Technometrics 12(1), 1970.
https://doi.org/10.1080/00401706.1970.10488634

When to choose it: numbers and forecasts, and first of all: it is fitted in a second and says what a network has to
beat. On a short or noisy series it often stays.

Initial weights: none: the weights are solved for, and the same from every start.

Shapes: B batch, N examples, F features, O outputs.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import fit_estimator, numbers_to_predict, to_float64


class Config(Hyperparameters):
    penalty: float = tunable(1.0, 1e-3, 1e4, log=True, ge=0)  # ridge penalty: larger keeps the weights smaller


@final
class LinearRegression(nn.Module):
    """(B, F) -> (B, O).

    Attributes:
        weight: (O, F).
        bias: (O,).
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("weight", torch.zeros(outputs, *input_shape))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Solve for the weights.

        Args:
            x: inputs, (N, F).
            y: numbers to predict, float (N, O).
            seed: ignored; nothing is random.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if y is class numbers, or not of that shape.
        """
        from sklearn.linear_model import Ridge

        if not y.is_floating_point():
            raise ValueError("linear_regression predicts numbers, and the target is a class: use logistic_regression")
        target = numbers_to_predict(y, len(self.bias))
        estimator = Ridge(alpha=self.config.penalty, solver="svd")  # also where inputs repeat and the penalty is 0
        fit_estimator(estimator, to_float64(x), target, sample_weight)
        self.weight.copy_(torch.from_numpy(estimator.coef_.reshape(self.weight.shape)))
        self.bias.copy_(torch.as_tensor(estimator.intercept_))
