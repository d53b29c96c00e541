"""Output transform of a forecasting: outputs are changes from the last value of the window.

The level of a series differs from one window to the next, and the last value is the best first guess. So a network need
only predict how far the series moves, in units of how far it usually does: in all windows, or in one of this spread.

Shapes: B batch, N windows, W steps of the window, V its variables, H steps of the horizon, F target variables, Q
numbers for each.
"""

from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.window_scale import CHUNK_WINDOWS, WindowScale, WindowScaleSpec


@final
class AddLastValue(nn.Module):
    """(B, H * F * Q) -> (B, H, F, Q): (outputs * spread + mean) * spread of the window + last value of the window.

    Of a variable that is missing (NaN) at the end of a window, the last known value counts; of one that is missing all
    along, the train part's mean.

    Args:
        window_index: which of the raw inputs is the window, float32 (B, W, V).
        steps: W.
        variables: the place of each of the F variables among the V.
        horizon: H.
        quantile_count: Q.
        has_own_spread: whether changes are measured in the window's own spread; otherwise that counts as 1.

    Attributes:
        mean: of the changes from the last value, in each variable's own unit or the window's spread, (F,).
        spread: standard deviation of the changes, (F,); 1 for a variable that never moves.
    """

    mean: Tensor
    spread: Tensor
    variables: Tensor

    def __init__(
        self,
        window_index: int,
        steps: int,
        variables: tuple[int, ...],
        horizon: int,
        quantile_count: int,
        *,
        has_own_spread: bool = False,
    ) -> None:
        super().__init__()
        self.window_index = window_index
        self.shape = (horizon, len(variables), quantile_count)
        self.window_scale = WindowScale(
            steps, len(variables), WindowScaleSpec(tuple(range(len(variables))), has_own_spread)
        )
        self.register_buffer("mean", torch.zeros(len(variables)))
        self.register_buffer("spread", torch.ones(len(variables)))
        self.register_buffer("variables", torch.tensor(variables), persistent=False)

    @torch.no_grad()
    def fit(self, windows: np.ndarray[Any, Any], futures: np.ndarray[Any, Any]) -> "AddLastValue":
        """Fit to the train part: windows (N, W, V) and what followed, (N, H, F), float32 both."""
        self.window_scale.fit(windows[..., self.variables.numpy()])
        total, squares = torch.zeros(2, len(self.variables), dtype=torch.float64)
        for start in range(0, len(windows), CHUNK_WINDOWS):
            rows = slice(start, start + CHUNK_WINDOWS)
            window, future = (torch.from_numpy(values[rows].astype(np.float64)) for values in (windows, futures))
            window = window.index_select(2, self.variables)
            changes = (future - self.window_scale.last_values(window)) / self.window_scale.spreads(window)
            total += changes.sum((0, 1))
            squares += changes.square().sum((0, 1))
        mean = total / (len(futures) * self.shape[0])
        spread = (squares / (len(futures) * self.shape[0]) - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(mean)
        self.spread.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
        return self

    def last_values(self, *inputs: Tensor) -> Tensor:
        """The last value of each variable that is not missing, (B, F)."""
        return self.window_scale.last_values(self._window(*inputs))[:, 0]

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        window = self._window(*inputs)
        changes = outputs.reshape(-1, *self.shape) * self.spread[:, None] + self.mean[:, None]  # (B, H, F, Q)
        return changes * self.window_scale.spreads(window)[..., None] + self.window_scale.last_values(window)[..., None]

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        """From (B, H, F) to (B, H, F, Q): the same number in the place of each of the Q."""
        window = self._window(*inputs)
        changes = (target - self.window_scale.last_values(window)) / self.window_scale.spreads(window)
        return ((changes - self.mean) / self.spread)[..., None].expand(-1, *self.shape)

    def _window(self, *inputs: Tensor) -> Tensor:
        return inputs[self.window_index].index_select(2, self.variables)  # (B, W, F)


class SortedQuantiles(nn.Module):
    """Sorted quantiles, (..., Q): a network that learns each of them by itself may cross them."""

    def forward(self, quantiles: Tensor) -> Tensor:
        return quantiles.sort(-1).values
