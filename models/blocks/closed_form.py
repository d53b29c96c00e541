"""Closed-form models: networks that are fitted in one step, without gradient descent."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class ClosedForm(Protocol):
    """A network that is fitted to the whole train part in one step."""

    def fit(self, x: Tensor, y: Tensor, seed: int) -> None:
        """Fit the weights; the same seed and data give the same bytes.

        Args:
            x: what the network reads, (N, ...).
            y: class numbers, int64 (N, ...), or numbers, float (N, O).
            seed: of what is random in the fit, if anything.
        """


@runtime_checkable
class WeightedClosedForm(Protocol):
    """A closed-form model that takes sample weights."""

    def fit_weighted(self, x: Tensor, y: Tensor, weights: Tensor, seed: int) -> None:
        """As `fit`, for class numbers y int64 (N,) and sample weights (N,)."""
