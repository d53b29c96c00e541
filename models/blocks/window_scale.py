"""Window scale: the level and the spread of a window, by which it is read and its forecast given back.

A series may reach levels that the train part never saw, and a network extrapolates badly. Relative to its own level a
window looks like those before it, and a forecast relative to it goes along.

Kim et al., "Reversible Instance Normalization for Accurate Time-Series Forecasting against Distribution Shift", ICLR
2022. https://openreview.net/forum?id=cGDAkQo1C0p
NOTE[DIFF] no learned scale and shift: what is read is standardised once more by the stem, and a linear layer follows.
NOTE[DIFF] the forecast starts from the last value, not from the mean: the change from it is what has to be predicted.
NOTE[DIFF] the spread may stay that of the train part, where its size says what comes next.
NOTE[DIFF] a spread is never below a share of the train part's usual one, so that a window in which nothing moves is not
    blown up.

Shapes: N windows, B batch, W steps, V variables of a window.
"""

from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice

MIN_SPREAD_SHARE = 0.1  # of the train part's root mean square spread
CHUNK_WINDOWS = 1024  # windows measured at a time, which bounds the memory that fitting takes


class WindowSettings(Hyperparameters):
    """How windows are read, and forecasts given back."""

    window_scale: str = choice(  # the level and spread of `train`, or the window's own level, or both
        "level_and_spread", "train", "level", "level_and_spread"
    )


class WindowScaleSpec(NamedTuple):
    """Which variables of a window are read by its own scale, and how."""

    variables: tuple[int, ...]  # their places among the V; the level of others may be what they tell
    has_own_spread: bool


@final
class WindowScale(nn.Module):
    """Level and spread of every variable of a window, missing values (NaN) left out.

    Args:
        steps: W.
        variables: V.
        spec: which variables have a level, and perhaps a spread, of their own; those of the others are 0 and 1.

    Attributes:
        usual_level: mean of each variable on train, (V,), for a window that knows nothing of it.
        usual_spread: root mean square spread of the train part's windows, (V,); 1 for a variable that never moves.
    """

    usual_level: Tensor
    usual_spread: Tensor
    has_level: Tensor
    has_spread: Tensor
    places: Tensor

    def __init__(self, steps: int, variables: int, spec: WindowScaleSpec) -> None:
        super().__init__()
        own = torch.zeros(variables, dtype=torch.bool)
        own[list(spec.variables)] = True
        self.register_buffer("usual_level", torch.zeros(variables))
        self.register_buffer("usual_spread", torch.ones(variables))
        self.register_buffer("has_level", own, persistent=False)
        self.register_buffer("has_spread", own & spec.has_own_spread, persistent=False)
        self.register_buffer("places", torch.arange(1, steps + 1)[:, None], persistent=False)  # (W, 1)

    @torch.no_grad()
    def fit(self, windows: np.ndarray[Any, Any]) -> None:
        """Fit to the windows of the train part, float32 (N, W, V)."""
        count, total, known_windows, squares = torch.zeros(4, windows.shape[2], dtype=torch.float64)
        for start in range(0, len(windows), CHUNK_WINDOWS):
            block = torch.from_numpy(windows[start : start + CHUNK_WINDOWS].astype(np.float64))
            known = ~torch.isnan(block)
            count += known.sum((0, 1))
            total += torch.nan_to_num(block).sum((0, 1))
            known_windows += known.any(1).sum(0)
            squares += self._variances(block).sum((0, 1))
        spread = (squares / known_windows.clamp(min=1)).sqrt()
        self.usual_level.copy_(total / count.clamp(min=1))
        self.usual_spread.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))

    def last_values(self, window: Tensor) -> Tensor:
        """The last value of each variable that is not missing, (B, 1, V); the usual level if all are."""
        position = (self.places * ~torch.isnan(window)).amax(1, keepdim=True)  # (B, 1, V), counted from 1; 0: none
        value = window.gather(1, (position - 1).clamp(min=0))
        return torch.where(position > 0, value, self.usual_level.to(window.dtype))

    def levels(self, window: Tensor) -> Tensor:
        """Mean of each variable that has a level of its own, 0 of the others; (B, 1, V)."""
        last = self.last_values(window)
        mean = last + _mean_over_steps(window - last)  # summed as they are, large values lose their last digits
        return torch.where(self.has_level, mean, torch.zeros_like(mean))

    def spreads(self, window: Tensor) -> Tensor:
        """Standard deviation, or the smallest that counts, of each variable with one of its own, else 1; (B, 1, V)."""
        usual = self.usual_spread.to(window.dtype)
        known = (~torch.isnan(window)).any(1, keepdim=True)
        spread = torch.where(known, torch.maximum(self._variances(window).sqrt(), MIN_SPREAD_SHARE * usual), usual)
        return torch.where(self.has_spread, spread, torch.ones_like(spread))

    def scale(self, window: Tensor) -> Tensor:
        """The window relative to its own level and spread, (B, W, V); what is missing stays so."""
        return (window - self.levels(window)) / self.spreads(window)

    def _variances(self, window: Tensor) -> Tensor:
        deviations = window - self.last_values(window)
        return _mean_over_steps((deviations - _mean_over_steps(deviations)).square())


def _mean_over_steps(values: Tensor) -> Tensor:
    """Mean over the steps that are not missing, (B, 1, V); 0 without any."""
    missing = torch.isnan(values)
    total = torch.where(missing, torch.zeros_like(values), values).sum(1, keepdim=True)
    return total / (~missing).sum(1, keepdim=True).clamp(min=1)
