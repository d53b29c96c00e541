"""Regression: one number for every example, with an interval that should hold the truth 9 times in 10.

A network's outputs are standardised; what is served is the number in its own unit. The interval is the number plus and
minus one radius, which is measured on validation (`metrics/conformal.py`). All scores are means over rows,
weighted by how often the row was drawn, so one piece of arithmetic gives both the score of a set (every row once) and
its scores under a thousand bootstrap resamples.

Shapes: N rows, R resamples, B rows of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.metrics.conformal import COVERAGE_ERROR, conformal_quantile
from pipelines.tasks.metrics.regression import (
    GOALS,
    MEDIAN_GOALS,
    SCORES_PER_ROW,
    Floats,
    interval_score,
    median_under_counts,
    r2_score,
)
from pipelines.tasks.task import (
    UNCALIBRATED,
    AnyTarget,
    Calibration,
    Metric,
    Target,
    Task,
    TaskSettings,
    choose_goal,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform

INTERVAL_COVERAGE = 0.9  # the chance that an interval promises

METRICS = (
    Metric(
        "rmse",
        "RMSE",
        "lower",
        "How far off an answer typically is, in the target's own unit, with far misses counting more (the root of the "
        "mean squared error).",
    ),
    Metric("mae", "MAE", "lower", "How far off an answer is on average, in the target's own unit."),
    Metric(
        "r2",
        "R²",
        "higher",
        "The part of the differences between examples that the answers explain: 1 is perfect, 0 is no better than "
        "always answering the mean, below 0 is worse than that.",
    ),
    Metric(
        "median_absolute_error",
        "Median absolute error",
        "lower",
        "Half of the answers are off by less, in the target's own unit; far misses do not count more.",
    ),
    Metric(
        "coverage",
        "Held by the 90 % interval",
        "closer to 90 %",
        "The share of true values inside the interval that is answered beside the number. More than 90 % is no better: "
        "the interval is then wider than it says.",
    ),
    COVERAGE_ERROR,
    Metric(
        "interval_width",
        "Width of the 90 % interval",
        "lower",
        "How far apart the ends of the interval are, in the target's own unit.",
    ),
    Metric(
        "interval_score",
        "Interval score",
        "lower",
        "The width of the 90 % interval, plus 20 times how far outside it the truth is, on average (Winkler's score): "
        "neither a wide interval nor one that misses does well.",
    ),
)


class RegressionSettings(TaskSettings):
    """`task: regression`, or `task: {kind: regression, loss: huber}`."""

    kind: Literal["regression"] = "regression"
    loss: Literal["squared_error", "huber", "absolute_error"] = "squared_error"  # of networks


class NumberReference(NamedTuple):
    """The true number of every row."""

    values: NDArray[Any]  # (N,), in the target's unit


@final
class Regression(Task):
    """Regression task: standardised outputs (B, 1) in the loss, numbers in the target's unit (N, 1) as predictions.

    Raises:
        UserError: if the target is not a number, or the goal is not one of `GOALS`.
    """

    name = "regression"
    output_name = "value"
    metrics = METRICS
    goals = tuple(GOALS)
    reference_type = NumberReference

    def __init__(self, schema: Schema, settings: RegressionSettings, goal: str | None = None) -> None:
        target = schema.target
        if target.kind != "number":
            raise UserError(f"regression needs a target of kind number; {target.name!r} is of kind {target.kind}")
        self.goal = choose_goal("a regression", GOALS, goal)
        self.input_fields: tuple[Field, ...] = schema.inputs
        self.settings = settings

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        if writes == "image":
            raise UserError("regression needs one number per example; the network predicts every pixel")
        return 1

    def target(self, train: Part) -> AnyTarget:
        return Target(np.asarray(train.target, dtype=np.float32)[:, None])

    def output_transform(self, train: Part | None) -> OutputTransform:
        import torch

        from models.outputs.output_transform import Unscale

        if train is None:
            return Unscale()
        target = np.asarray(train.target, dtype=np.float64)
        return Unscale().fit(torch.tensor([target.mean()]), torch.tensor([target.std()]))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        from models.blocks.auxiliary_heads import loss_of_all_heads
        from models.blocks.losses import LOSSES

        criterion = LOSSES[self.settings.loss]
        return loss_of_all_heads(network, inputs, lambda outputs: criterion(outputs, target.values))

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from torch import nn

        return nn.Identity()

    def calibrate(self, predictions: NDArray[Any], reference: NumberReference) -> dict[str, float]:
        """The radius of the interval, in the target's unit, and the chance that it promises."""
        values, true = _as_vectors(predictions, reference)
        return {
            "radius": float(conformal_quantile(np.abs(true - values), INTERVAL_COVERAGE)),
            "coverage": INTERVAL_COVERAGE,
        }

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: NumberReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,)."""
        values, true = _as_vectors(predictions, reference)
        counts = np.asarray(weights, dtype=np.float64)
        if not np.isfinite(values).all():
            return {metric.name: np.full(len(counts), np.nan) for metric in METRICS}
        total = counts.sum(axis=1)  # (R,)
        radius = calibration.get("radius", np.nan)
        distance = np.abs(true - values)
        squared = counts @ np.square(distance) / total
        covered = counts @ (distance <= radius).astype(np.float64) / total
        if not np.isfinite(radius):
            covered = np.full(len(counts), np.nan)
        return {
            "rmse": np.sqrt(squared),
            "mae": counts @ distance / total,
            "r2": r2_score(squared, true, counts),
            "median_absolute_error": median_under_counts(distance, counts),
            "coverage": covered,
            "coverage_error": np.abs(covered - INTERVAL_COVERAGE),
            "interval_width": np.full(len(counts), 2 * radius),
            "interval_score": counts @ interval_score(distance, radius, INTERVAL_COVERAGE) / total,
        }

    def objective_per_row(self, predictions: NDArray[Any], reference: NumberReference) -> Floats:
        """The goal for every example, (N,), or pseudo-values whose mean is the goal; cheap enough for every epoch."""
        return SCORES_PER_ROW[self.goal.name](*_as_vectors(predictions, reference))

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """The mean of the train targets, for every row; of goals that it does not minimise, their median as well."""
        target = np.asarray(train.target, dtype=np.float64)
        constants = {"mean (baseline)": target.mean()}
        if self.goal.name in MEDIAN_GOALS:
            constants["median (baseline)"] = np.median(target)
        return {name: np.full((len(part.target), 1), float(value)) for name, value in constants.items()}


def _as_vectors(predictions: NDArray[Any], reference: NumberReference) -> tuple[Floats, Floats]:
    """Both as (N,)."""
    true = np.asarray(reference.values, dtype=np.float64)
    assert predictions.shape == (len(true), 1), f"{predictions.shape} for {len(true)} numbers"
    return np.asarray(predictions, dtype=np.float64)[:, 0], true
