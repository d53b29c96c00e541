"""Regression: one number for every example, with an interval that should hold the truth 9 times in 10.

A network's outputs are standardised; what is served is the number in its own unit. The interval is the number plus and
minus one radius, which is measured on validation (`metrics/conformal.py`). All scores are means over rows,
weighted by how often the row was drawn, so one piece of arithmetic gives both the score of a set (every row once) and
its scores under a thousand bootstrap resamples.

Shapes: N rows, R resamples, B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.metrics.conformal import conformal_quantile
from pipelines.tasks.task import (
    UNCALIBRATED,
    AnyTarget,
    Calibration,
    Goal,
    Metric,
    Target,
    Task,
    TaskSettings,
    choose_goal,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform

Floats = NDArray[np.float64]

INTERVAL_COVERAGE = 0.9  # the chance that an interval promises

GOALS = {
    "squared_error": Goal("squared_error", "minimize"),
    "mae": Goal("mae", "minimize"),
}

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
        "squared_error",
        "Mean squared error",
        "lower",
        "The square of how far off an answer is, on average: a miss twice as far counts four times.",
    ),
    Metric(
        "coverage",
        "Held by the 90 % interval",
        "higher",
        "The share of true values inside the interval that is answered beside the number: it should be close to 90 %.",
    ),
    Metric(
        "interval_width",
        "Width of the 90 % interval",
        "lower",
        "From its lower to its upper end, in the target's own unit: of two models whose intervals hold the truth as "
        "often, the one with the narrower says more.",
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
        from models.blocks.losses import LOSSES

        return LOSSES[self.settings.loss](network(*inputs), target.values)

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
        squared = counts @ SCORES_PER_ROW["squared_error"](values, true) / total
        covered = (np.abs(true - values) <= radius).astype(np.float64)
        return {
            "rmse": np.sqrt(squared),
            "mae": counts @ SCORES_PER_ROW["mae"](values, true) / total,
            "r2": _r2_score(squared, true, counts),
            "squared_error": squared,
            "coverage": counts @ covered / total if np.isfinite(radius) else np.full(len(counts), np.nan),
            "interval_width": np.full(len(counts), 2 * radius),
        }

    def objective_per_row(self, predictions: NDArray[Any], reference: NumberReference) -> Floats:
        """The goal for every example, (N,); cheap enough for every epoch."""
        return SCORES_PER_ROW[self.goal.name](*_as_vectors(predictions, reference))

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """The mean of the train targets, for every row."""
        mean = float(np.asarray(train.target, dtype=np.float64).mean())
        return {"mean (baseline)": np.full((len(part.target), 1), mean)}


def _as_vectors(predictions: NDArray[Any], reference: NumberReference) -> tuple[Floats, Floats]:
    """Both as (N,)."""
    true = np.asarray(reference.values, dtype=np.float64)
    assert predictions.shape == (len(true), 1), f"{predictions.shape} for {len(true)} numbers"
    return np.asarray(predictions, dtype=np.float64)[:, 0], true


SCORES_PER_ROW: dict[str, Callable[[Floats, Floats], Floats]] = {
    "squared_error": lambda values, true: np.square(true - values),
    "mae": lambda values, true: np.abs(true - values),
}  # (N,), (N,) -> (N,)


def _r2_score(squared: Floats, true: Floats, counts: Floats) -> Floats:
    """1 - squared error / variance, (R,); NaN for a resample in which all true values are equal.

    Args:
        squared: mean squared error of every resample, (R,).
    """
    total = counts.sum(axis=1)
    centred = true - true.mean()  # small numbers, so that their squares lose nothing
    means = counts @ centred / total
    variance = np.array([row @ np.square(centred - mean) for row, mean in zip(counts, means, strict=True)]) / total
    defined = variance > np.finfo(np.float64).eps * np.square(centred).mean()
    r2: Floats = 1 - np.divide(squared, variance, out=np.full_like(squared, np.nan), where=defined)
    return r2
