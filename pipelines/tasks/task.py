"""Task: targets and inputs of a part, output width and loss of the network, metrics and baselines.

A model is stem -> network -> output transform; the postprocess follows in the exported graph. The network's outputs
are in units that are easy to learn (logits, standardised numbers); the output transform puts them into the target's
own units; the postprocess turns them into what is served.

PyTorch, and what is built on it, is imported inside the methods of `Head`, here and in every task: reading params.yaml
and comparing contenders ask tasks for settings and scores alone, and PyTorch takes two seconds to import.

Shapes: B examples of a batch, N examples of a whole set, R resamples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from pipelines.data.parts import Part
from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.blocks.hyperparameters import Hyperparameters
    from models.blocks.window_scale import WindowScaleSpec
    from models.outputs.output_transform import OutputTransform

Calibration = Mapping[str, float]  # what was chosen on validation: a threshold, the width of an interval
UNCALIBRATED: Calibration = MappingProxyType({})
Reference: TypeAlias = Any  # the NamedTuple that the task's own `reference` returns: arrays of which row i is example i


class TaskSettings(BaseModel):
    """`task: classification`, or with settings `task: {kind: classification, weights: balanced}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    can_fold: ClassVar[bool] = True  # whether the answers of folds' models, each for its own rows, are one set


class Target(NamedTuple):
    """Training target: row i is what the network should output for example i."""

    values: Any  # (N, ...), an array or a tensor


class WeightedTarget(NamedTuple):
    """Training target with sample weights: row i of both is the same example."""

    values: Any  # (N, ...), an array or a tensor
    weights: Any  # (N,), float32: how much an example counts in the loss


AnyTarget: TypeAlias = Target | WeightedTarget


class Goal(NamedTuple):
    """The metric that tuning, early stopping and the choice of the champion optimise."""

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
    better: str  # as it stands before "is better": higher, lower, closer to 90 %
    description: str


class DataView(Protocol):
    """What of the data the graph reads, the loss compares with and the metrics compare with."""

    name: str  # the row of `TASKS`, as params.yaml spells it
    input_fields: tuple[Field, ...]  # what the graph reads: the schema's inputs; of a generator, noise
    reference_type: type[Any]  # the NamedTuple that `reference` returns
    augments_target: bool = False  # whether what augments an input has to augment the target in the same way

    def raw_inputs(self, part: Part) -> tuple[NDArray[Any], ...]:
        """Input columns of a part as they are stored, one (N, ...) array per field of `input_fields`."""
        return part.inputs

    def train_mask(self, part: Part) -> NDArray[Any] | None:
        """Which rows may be trained on, (N,) bool; None for all."""
        return None

    def target(self, train: Part) -> AnyTarget:
        """Training target of the train part, or of one augmented copy of it."""
        return Target(train.target)

    def reference(self, part: Part, train: Part | None = None) -> Reference:
        """What predictions for a part are scored against.

        Args:
            train: the train part, which says how large an error is usual; None: the part is it.
        """
        return self.reference_type(part.target)


class Head(Protocol):
    """The end of the network: its width, its units, its loss, and what is served."""

    output_name: str  # of the graph's output: "probabilities", "value"
    output_labels: tuple[str, ...] = ()  # whose probabilities the outputs are, if they are one per label
    quantile_levels: tuple[float, ...] = ()  # of the quantiles along the last axis of the output, if it is one
    requires_full_window: bool = False  # whether a request must hold every step of a sequence
    can_average: bool = True  # whether the answers of several models have an average
    scores_anomalies: bool = False  # whether a network may give an anomaly score and nothing else
    can_mix: bool = True  # whether the mean of two targets is a target
    has_soft_targets: bool = False  # whether a target may be shares of the classes

    @abstractmethod
    def head_width(self, writes: Literal["vector", "image"]) -> int:
        """The width of the network's head; for a network that writes images, the channels.

        Raises:
            UserError: if the task has no use for such a network.
        """

    def with_stem_settings(self, settings: Hyperparameters) -> Self:
        """This task for a model with such settings of its stem; itself where there is nothing to set."""
        return self

    def window_scales(self) -> Mapping[int, WindowScaleSpec]:
        """How the inputs of kind steps are read that are not read by the train part's level and spread; by place."""
        return {}

    @abstractmethod
    def output_transform(self, train: Part | None) -> OutputTransform:
        """From the network's units to the target's, fitted on the train part; None: to be loaded, not yet fitted."""

    @abstractmethod
    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        """The training loss of a batch, a scalar.

        Args:
            network: a module and not its outputs, because some losses call more of it than `forward`.
            inputs: (B, ...) each, what `network` reads.
            target: its values in the network's units, as the output transform's `inverse` gives them, (B, ...).
        """

    def soft_target(self, target: AnyTarget, smoothing: float) -> AnyTarget:
        """Shares of the classes (B, K), of which `smoothing` is spread over all alike; as it is, where there are none.

        Args:
            target: class numbers (B,).
        """
        return target

    @abstractmethod
    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        """The last module of the exported graph: outputs in the target's units (B, ...) -> what is served.

        Args:
            calibration: what `calibrate_postprocess` chose; anything else in it is left to the server.
        """

    def average(self) -> nn.Module:
        """What several models answer as one answer, where that exists: outputs in the target's units, (M, B, ...) of M
        models -> (B, ...), which the postprocess reads."""
        from models.outputs.averages import MeanOutput

        return MeanOutput()

    def min_output_scale(self) -> float | NDArray[np.float64]:
        """The smallest size that a difference between two runtimes is measured against: one, or one per output."""
        return 1.0


class Metrics(Protocol):
    """How good predictions are."""

    goal: Goal
    goals: tuple[str, ...]  # the names that `goal:` may have in params.yaml, the default first
    metrics: tuple[Metric, ...]  # every metric of `bootstrap_scores`, in the order of a report; the goal is among them
    without_interval: tuple[str, ...] = ()  # the names of metrics whose error nothing here can tell

    def calibrate_postprocess(self, outputs: NDArray[Any], reference: Reference) -> dict[str, float]:
        """What of the postprocess is chosen on validation once training is over; empty if nothing is.

        Args:
            outputs: of the output transform, (N, ...): what the postprocess reads.
        """
        return {}

    def calibrate(self, predictions: NDArray[Any], reference: Reference) -> dict[str, float]:
        """What is chosen on validation of what is served, once training is over; empty if nothing is."""
        return {}

    @abstractmethod
    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: Reference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, NDArray[Any]]:
        """All metrics under R resamples, (R,) each: row i counts weights[r, i] times; weights (R, N).

        Each is computed over a whole set at once, never as a mean of batch means. Every one is NaN if a prediction is
        not a finite number.
        """

    def bootstrap_scores_of(
        self,
        names: Collection[str],
        predictions: NDArray[Any],
        reference: Reference,
        weights: NDArray[Any],
        calibration: Calibration,
    ) -> dict[str, NDArray[Any]]:
        """Those of `bootstrap_scores` that are named; a task whose others are dear computes these alone."""
        found = self.bootstrap_scores(predictions, reference, weights, calibration)
        return {name: found[name] for name in names}

    @abstractmethod
    def objective_per_row(self, predictions: NDArray[Any], reference: Reference) -> NDArray[Any]:
        """The goal for every example, (N,): its mean is `score(task, ...)[task.goal.name]`, and its variance, divided
        by N, is that of the goal. A goal that is no mean over rows adds each row's influence to its value.
        """

    def influence_rows(self, predictions: NDArray[Any], reference: Reference) -> dict[str, NDArray[Any]]:
        """Metrics whose interval is that of a mean of such rows, (N,) each, as rows cannot be drawn again.

        The other metrics get theirs from `bootstrap_scores`.
        """
        return {}

    @abstractmethod
    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """Predictions of the baselines for a part: (N, ...) by the name of the row, the most trivial first."""


class Task(DataView, Head, Metrics, Protocol):
    """Task: all that networks, learners, stages and reports know of what is learned.

    A task is a final class that implements it, one per file, and a row of `TASKS`.
    """

    @property
    def shipped_words(self) -> list[str]:
        """Every category of a column, word of a vocabulary and label: what the signature keeps of a model's words."""
        return [*self.output_labels, *(word for field in self.input_fields for word in field.categories)]


def score(task: Metrics, predictions: NDArray[Any], reference: Reference, calibration: Calibration) -> dict[str, float]:
    """All metrics of a whole set: of one resample in which every row counts once."""
    once = np.ones((1, len(predictions)))
    found = task.bootstrap_scores(predictions, reference, once, calibration)
    return {name: float(values[0]) for name, values in found.items()}


def choose_goal(task: str, goals: Mapping[str, Goal], name: str | None) -> Goal:
    """The goal of that name; the first of `goals` where none is named.

    Args:
        task: with its article, for the message: "a classification".

    Raises:
        UserError: if there is no goal of that name.
    """
    if name is not None and name not in goals:
        raise UserError(f"goal of {task} must be one of {', '.join(goals)}; found {name!r}")
    return goals[name or next(iter(goals))]
