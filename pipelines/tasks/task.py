"""What a task is: the width of the head, the loss, the scores, and the reply that is served.

Shapes: B examples of a batch, N examples of a whole set, R resamples, O outputs.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, Protocol

from numpy.typing import NDArray
from torch import Tensor, nn


class Goal(NamedTuple):
    """The one number that tuning, early stopping and the choice of the champion look at."""

    name: str
    direction: Literal["minimize", "maximize"]

    def better(self, score: float, than: float) -> bool:
        """Tell whether one score beats another; a score that is not a number beats nothing."""
        return score < than if self.direction == "minimize" else score > than

    def best(self, scores: Iterable[float]) -> float | None:
        """The best of some scores; None if there are none."""
        return (min if self.direction == "minimize" else max)(scores, default=None)


class Metric(NamedTuple):
    """A number in the report, with a sentence for a person who knows no code."""

    name: str
    title: str
    better: Literal["higher", "lower"]
    meaning: str


class Task(Protocol):
    """What is learned. Networks, learners, stages and reports ask nothing else of it."""

    @property
    def name(self) -> str:
        """The row of `TASKS`, as params.yaml spells it."""

    @property
    def goal(self) -> Goal: ...

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that `score` returns, in the order of a report; the goal is among them."""

    @property
    def outputs(self) -> int:
        """The width of the network's head."""

    def loss(self, model: nn.Module, inputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """The scalar to descend on a batch; it gets the model, because some losses call it twice."""

    def reply(self) -> nn.Module:
        """The module exported after the network: its outputs (B, O) -> what is served."""

    def score(self, replies: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """All metrics of a whole set at once, never a mean of batch means."""

    def resampled(self, replies: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The same metrics, (R,) each, when row i counts weights[r, i] times; weights (R, N)."""

    def examples(self, replies: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """The goal for every example, (N,); its mean is `score(...)[goal.name]`."""

    def baseline(self, targets: NDArray[Any], rows: int) -> NDArray[Any]:
        """The reply of someone who has seen the training targets and no input, for `rows` examples."""
