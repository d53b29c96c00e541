"""Closed-form models: networks that are fitted in one step, without gradient descent."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class ClosedForm(Protocol):
    """A network that is fitted to the whole train part in one step."""

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Fit the weights; the same seed and data give the same bytes.

        Args:
            x: what the network reads, (N, ...).
            y: class numbers, int64 (N, ...), or numbers, float (N, O).
            seed: of what is random in the fit, if anything.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if examples cannot be weighted.
        """


@runtime_checkable
class FittedInRounds(Protocol):
    """A network that grows round by round, so that validation says when to stop."""

    def fit_rounds(
        self,
        x: Tensor,
        y: Tensor,
        seed: int,
        sample_weight: Tensor | None,
        valid_x: Tensor,
        loss: Callable[[Tensor], float],
        keep: int | None = None,
    ) -> list[float]:
        """Fit as many rounds as validation needs; the same seed and data give the same bytes.

        Args:
            x: what the network reads, (N, ...).
            y: class numbers, int64 (N, ...), or numbers, float (N, O).
            seed: of what is random in the fit, if anything.
            sample_weight: how much each example counts, (N,); None: all the same.
            valid_x: what the network reads of the validation part, (V, ...).
            loss: of outputs for these, (V, O); smaller is better.
            keep: so many rounds, whatever validation needs.

        Returns:
            The loss after every round that was tried.

        Raises:
            ValueError: if examples cannot be weighted.
        """

    @property
    def rounds(self) -> int:
        """How many rounds there are."""


def refuse_sample_weight(sample_weight: Tensor | None) -> None:
    """Refuse the sample weights of a network that cannot be fitted with them.

    Raises:
        ValueError: if there are any.
    """
    if sample_weight is not None:
        raise ValueError("it is solved for all examples alike and cannot weigh classes; set weights: none")
