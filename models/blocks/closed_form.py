"""What is solved rather than descended: a network with one more method."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class ClosedForm(Protocol):
    """A network whose weights follow from the whole train part in one step."""

    def fit(self, x: Tensor, y: Tensor, seed: int) -> None:
        """Find the weights; the same seed and data give the same bytes.

        Args:
            x: what the network reads, (N, ...).
            y: class numbers, int64 (N, ...), or numbers, float (N, O).
            seed: for solutions that draw.
        """


@runtime_checkable
class WeightedClosedForm(Protocol):
    """What is solved for examples that count more or less."""

    def fit_weighted(self, x: Tensor, y: Tensor, weights: Tensor, seed: int) -> None:
        """As `solve`, for class numbers y int64 (N,); weights (N,) say how much each example counts."""
