"""Output transform of a forecasting: outputs are changes from the last value of the window.

The level of a series differs from one window to the next, and the last value is the best first guess. So a network need
only predict how far the series moves, in units of how far it usually does.

Shapes: B batch, W steps of the window, V its variables, H steps of the horizon, F target variables, Q numbers for each.
"""

from typing import final

import torch
from torch import Tensor, nn


@final
class AddLastValue(nn.Module):
    """(B, H * F * Q) -> (B, H, F, Q): outputs * spread + mean + last value of the window.

    Of a variable that is missing (NaN) at the end of a window, the last known value counts; of one that is missing all
    along, the train part's mean.

    Args:
        window_index: which of the raw inputs is the window, float32 (B, W, V).
        steps: W.
        variables: the place of each of the F variables among the V.
        horizon: H.
        quantile_count: Q.

    Attributes:
        mean: of the changes from the last value, in each variable's own unit, (F,).
        spread: standard deviation of the changes, (F,); 1 for a variable that never moves.
        level: mean of each variable, (F,).
    """

    mean: Tensor
    spread: Tensor
    level: Tensor
    places: Tensor
    variables: Tensor

    def __init__(
        self, window_index: int, steps: int, variables: tuple[int, ...], horizon: int, quantile_count: int
    ) -> None:
        super().__init__()
        self.window_index = window_index
        self.shape = (horizon, len(variables), quantile_count)
        self.register_buffer("mean", torch.zeros(len(variables)))
        self.register_buffer("spread", torch.ones(len(variables)))
        self.register_buffer("level", torch.zeros(len(variables)))
        self.register_buffer("variables", torch.tensor(variables), persistent=False)
        self.register_buffer("places", torch.arange(1, steps + 1)[:, None], persistent=False)  # (W, 1)

    def fit(self, mean: Tensor, spread: Tensor, level: Tensor) -> "AddLastValue":
        """Take the statistics of the train part, (F,) each; a spread of 0 counts as 1."""
        self.mean.copy_(mean)
        self.spread.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
        self.level.copy_(level)
        return self

    def last_values(self, *inputs: Tensor) -> Tensor:
        """The last value of each variable that is not missing, (B, F)."""
        window = inputs[self.window_index].index_select(2, self.variables)  # (B, W, F)
        position = (self.places * ~torch.isnan(window)).amax(1, keepdim=True)  # (B, 1, F), counted from 1; 0: none
        value = window.gather(1, (position - 1).clamp(min=0))
        return torch.where(position > 0, value, self.level).squeeze(1)

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        changes = outputs.reshape(-1, *self.shape)  # (B, H, F, Q)
        start = self.last_values(*inputs) + self.mean  # (B, F)
        return changes * self.spread[:, None] + start[:, None, :, None]

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        """From (B, H, F) to (B, H, F, Q): the same number in the place of each of the Q."""
        changes = (target - (self.last_values(*inputs) + self.mean)[:, None]) / self.spread
        return changes[..., None].expand(-1, *self.shape)


class SortedQuantiles(nn.Module):
    """Sorted quantiles, (..., Q): a network that learns each of them by itself may cross them."""

    def forward(self, quantiles: Tensor) -> Tensor:
        return quantiles.sort(-1).values
