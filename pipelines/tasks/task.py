"""What a task is: what is asked, the loss, the scores, and the reply that is served.

A model is stem -> network -> finish; the reply follows in the exported graph. The network answers in units that
are easy to learn (logits, standardised numbers); `finish` puts them into the target's own; the reply makes of them
what a person asked for.

Shapes: B examples of a batch, N examples of a whole set, R resamples, O outputs.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from models.outputs.output_transform import OutputTransform
from pipelines.data.parts import Part
from pipelines.data.schema import Field

Calibration = Mapping[str, float]  # what was chosen on validation: a threshold, the width of an interval


class TaskSettings(BaseModel):
    """`task: classification`, or with settings `task: {kind: classification, weights: balanced}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Goal(NamedTuple):
    """The one number that tuning, early stopping and the choice of the champion look at."""

    name: str
    direction: Literal["minimize", "maximize"]

    def is_better(self, score: float, incumbent: float) -> bool:
        """Tell whether one score beats another; a score that is not a number beats nothing."""
        return score < incumbent if self.direction == "minimize" else score > incumbent

    def best_score(self, scores: Iterable[float]) -> float | None:
        """The best of some scores; None if there are none."""
        return (min if self.direction == "minimize" else max)(scores, default=None)


class Metric(NamedTuple):
    """A number in the report, with a sentence for a person who knows no code."""

    name: str
    title: str
    better: Literal["higher", "lower"]
    description: str


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
    def output_name(self) -> str:
        """The name of the graph's answer: "probabilities", "value"."""

    @property
    def input_fields(self) -> tuple[Field, ...]:
        """What the graph reads: the schema's inputs, unless the task asks something else (a generator: noise)."""

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        """The width of the network's head; for a network that writes images, the channels."""

    def raw_inputs(self, part: Part) -> tuple[NDArray[Any], ...]:
        """What the graph is asked about a part, one (N, ...) array per field of `asked`."""

    def train_mask(self, part: Part) -> NDArray[Any] | None:
        """Which rows may be learned from, (N,) bool; None for all. Of anomalies, nothing is learned."""

    def target(self, part: Part) -> NDArray[Any]:
        """What the loss compares with, (N, ...)."""

    def reference(self, part: Part) -> NDArray[Any]:
        """What replies are scored against, (N, ...)."""

    def output_transform(self, train: Part | None) -> OutputTransform:
        """From the network's units to the target's, fitted on the train part; None: to be loaded, not yet fitted."""

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """The scalar to descend on a batch.

        Args:
            network: answers in its own units; a method, because some losses call it twice.
            inputs: (B, ...) each, what `network` reads.
            target: (B, ...) in the network's units, as `finish.inverse` gives it.
        """

    def postprocess(self) -> nn.Module:
        """The last module of the exported graph: finished outputs (B, ...) -> what is served."""

    def calibrate(self, predictions: NDArray[Any], reference: NDArray[Any]) -> dict[str, float]:
        """What is chosen on validation once training is over; empty if nothing is."""

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: NDArray[Any], weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, NDArray[Any]]:
        """All metrics under R resamples, (R,) each: row i counts weights[r, i] times; weights (R, N).

        Each is computed over a whole set at once, never as a mean of batch means. Every one is NaN if a prediction is
        not a finite number.
        """

    def objective_per_row(self, predictions: NDArray[Any], reference: NDArray[Any]) -> NDArray[Any]:
        """The goal for every example, (N,); its mean is `score(task, ...)[task.goal.name]`."""

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """The replies to a part of those who hardly look: (N, ...) by the name of the row, the most trivial first."""


def score(task: Task, predictions: NDArray[Any], reference: NDArray[Any], calibration: Calibration) -> dict[str, float]:
    """All metrics of a whole set: of one resample in which every row counts once."""
    once = np.ones((1, len(reference)))
    found = task.bootstrap_scores(predictions, reference, once, calibration)
    return {name: float(values[0]) for name, values in found.items()}
