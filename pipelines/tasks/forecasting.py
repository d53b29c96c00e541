"""What comes next? Every variable at every step of the horizon, as quantiles.

A network reads a window of the past and answers with changes from its last value, in spreads of such changes; what is
served are quantiles in each variable's own unit, in order. The interval between the outermost two is widened or
narrowed by what validation shows (`decide`), so that it holds the truth as often as it says, also where the answers
are single numbers.

Shapes: N rows, H steps of the horizon, F variables, Q quantile levels, R resamples, B rows of a batch.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, Literal, final

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, model_validator
from torch import Tensor, nn

from models.blocks.losses import LOSSES, quantile
from models.outputs.forecast import LastValue, Ordered
from models.outputs.output_transform import Finish
from pipelines.data.dataset import chunks
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import Failure
from pipelines.tasks.baselines import forecasting as extrapolation
from pipelines.tasks.metrics.conformal import radius
from pipelines.tasks.metrics.forecasting import (
    GOALS,
    METRICS,
    PER_ROW,
    bounds,
    checked,
    radii,
    radius_name,
)
from pipelines.tasks.task import Decision, TaskSettings

Floats = NDArray[np.float64]

LEVELS = (0.1, 0.5, 0.9)
COVERAGE = 0.8  # of the interval around answers that are single numbers


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class ForecastingSettings(TaskSettings):
    """`task: forecasting`, or `task: {kind: forecasting, loss: quantile, levels: [0.05, 0.5, 0.95], season: 24}`."""

    kind: Literal["forecasting"] = "forecasting"
    loss: Literal["quantile", "squared_error", "huber", "absolute_error"] = "quantile"  # what networks descend
    levels: Annotated[tuple[float, ...], BeforeValidator(_tuple)] | None = None  # of the quantiles; None: 0.1, 0.5, 0.9
    season: int | None = pydantic.Field(
        None, ge=2
    )  # steps after which the series repeats; None: found on the train part

    @model_validator(mode="after")
    def _levels_lie_around_the_median(self) -> "ForecastingSettings":
        levels = self.levels
        if levels is None:
            return self
        if self.loss != "quantile":
            raise ValueError(f"levels go with loss quantile alone, found loss {self.loss}")
        mirrored = [1 - level for level in reversed(levels)]
        if (
            len(levels) < 3
            or 0.5 not in levels
            or not all(0 < low < high < 1 for low, high in pairwise(levels))
            or not np.allclose(levels, mirrored)
        ):
            raise ValueError(
                "levels must rise between 0 and 1, with 0.5 in the middle and as many as far below as above, such as "
                f"[0.1, 0.5, 0.9]; found {list(levels)}"
            )
        return self


@final
class Forecasting:
    """Steps ahead: a quantile loss or an error to descend, sorted quantiles (B, H, F, Q) as the reply.

    The truth is what followed and, as one more step, each variable's average change from step to step, (N, H + 1, F).

    Raises:
        Failure: if the target is no sequence, no window among the inputs holds its variables, a season is longer than
            the window, or the goal is not one of `GOALS`.
    """

    name = "forecasting"
    output = "quantiles"
    metrics = METRICS
    goals = tuple(GOALS)

    def __init__(self, schema: Schema, settings: ForecastingSettings, goal: str | None = None) -> None:
        target = schema.target
        if target.kind != "steps":
            raise Failure(f"forecasting needs a target of kind steps; {target.name!r} is of kind {target.kind}")
        if goal is not None and goal not in GOALS:
            raise Failure(f"goal of a forecasting must be one of {', '.join(GOALS)}; found {goal!r}")
        self.goal = GOALS[goal or self.goals[0]]
        self.asked: tuple[Field, ...] = schema.inputs
        self.columns = target.columns
        self.horizon = target.shape[0]
        self.levels = (settings.levels or LEVELS) if settings.loss == "quantile" else (0.5,)
        self._point = LOSSES.get(settings.loss)
        self._window = _window(schema)
        window = schema.inputs[self._window]
        self._variables = tuple(window.columns.index(column) for column in target.columns)
        if settings.season is not None and settings.season > window.shape[0]:
            raise Failure(
                f"task.season must not be longer than the window, {window.shape[0]} steps; found {settings.season}"
            )
        self._season = settings.season

    @property
    def interval(self) -> float:
        """How often the interval between the outermost quantiles should hold the truth."""
        return COVERAGE if len(self.levels) == 1 else round(self.levels[-1] - self.levels[0], 9)

    def outputs(self, writes: Literal["vector", "image"]) -> int:
        if writes == "image":
            raise Failure("forecasting asks for the steps to come; the network answers for every pixel")
        return self.horizon * len(self.columns) * len(self.levels)

    def questions(self, part: Part) -> tuple[NDArray[Any], ...]:
        return part.inputs

    def learnable(self, part: Part) -> NDArray[Any] | None:
        return None

    def target(self, part: Part) -> NDArray[Any]:
        return part.target

    def truth(self, part: Part) -> NDArray[Any]:
        windows = part.inputs[self._window]
        total, count = np.zeros(len(self.columns)), np.zeros(len(self.columns))
        for rows in chunks(windows):
            changes = np.abs(np.diff(windows[rows][..., list(self._variables)].astype(np.float64), axis=1))
            total += np.nansum(changes, axis=(0, 1))
            count += np.isfinite(changes).sum(axis=(0, 1))
        scale = total / np.maximum(count, 1)
        rest = np.broadcast_to(np.where(scale > 0, scale, 1.0), (len(windows), 1, len(scale)))
        return np.concatenate([part.target, rest.astype(np.float32)], axis=1)

    def finish(self, train: Part | None) -> Finish:
        steps = self.asked[self._window].shape[0]
        finish = LastValue(self._window, steps, self._variables, self.horizon, len(self.levels))
        if train is None:
            return finish
        windows, futures = train.inputs[self._window], train.target
        sums = np.zeros((3, len(self.columns)))  # of the changes, of their squares, of the values
        for rows in chunks(windows):
            seen = extrapolation.filled(windows[rows][..., list(self._variables)])
            changes = futures[rows] - seen[:, -1:]
            sums += [changes.sum(axis=(0, 1)), np.square(changes).sum(axis=(0, 1)), seen.mean(axis=1).sum(axis=0)]
        mean, squares = sums[:2] / (len(futures) * self.horizon)
        spread = np.sqrt(np.maximum(squares - np.square(mean), 0))
        return finish.fit(*map(torch.from_numpy, (mean, spread, sums[2] / len(windows))))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        outputs = network(*inputs).reshape(target.shape)  # (B, H, F, Q)
        if self._point is None:
            return quantile(outputs, target[..., 0], self.levels)
        return self._point(outputs, target)

    def reply(self) -> nn.Module:
        return Ordered()

    def decide(self, replies: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
        """How often the interval should hold the truth, and by how much to widen it for that.

        One radius for each step and variable, in the variable's unit; below 0, the interval is narrowed.

        Source: Romano, Patterson & Candès, "Conformalized Quantile Regression", NeurIPS 2019.
        https://arxiv.org/abs/1905.03222
        """
        quantiles, true, _ = checked(replies, truth, self.levels)
        reach = radius(np.maximum(quantiles[..., 0] - true, true - quantiles[..., -1]), self.interval)  # (H, F)
        names = [radius_name(step + 1, column) for step in range(self.horizon) for column in self.columns]
        return {"coverage": self.interval, **dict(zip(names, reach.ravel().tolist(), strict=True))}

    def bounds(self, replies: NDArray[Any], decision: Decision) -> tuple[Floats, Floats]:
        """The ends of the interval, (N, H, F) each; NaN around single numbers of which nothing was decided."""
        unknown = 0.0 if len(self.levels) > 1 else np.nan
        reach = radii(decision, self.horizon, self.columns, unknown)
        return bounds(np.asarray(replies, dtype=np.float64), reach)

    def score(self, replies: NDArray[Any], truth: NDArray[Any], decision: Decision) -> dict[str, float]:
        """All metrics of a whole set; every one is NaN if a reply is not a finite number."""
        once = np.ones((1, len(truth)))
        return {name: float(values[0]) for name, values in self.resampled(replies, truth, once, decision).items()}

    def resampled(
        self, replies: NDArray[Any], truth: NDArray[Any], weights: NDArray[Any], decision: Decision
    ) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,)."""
        quantiles, true, scale = checked(replies, truth, self.levels)
        counts = np.asarray(weights, dtype=np.float64)
        if not np.isfinite(quantiles).all():
            return {metric.name: np.full(len(counts), np.nan) for metric in METRICS}
        low, high = self.bounds(replies, decision)
        held = np.where(np.isnan(low), np.nan, (low <= true) & (true <= high))
        rows = {name: per_row(quantiles, true, scale, self.levels) for name, per_row in PER_ROW.items()}
        rows["coverage"] = held.mean(axis=(1, 2))
        means = {name: counts @ values / counts.sum(axis=1) for name, values in rows.items()}
        means["rmse"] = np.sqrt(means["squared_error"])
        return {metric.name: means[metric.name] for metric in METRICS}

    def examples(self, replies: NDArray[Any], truth: NDArray[Any]) -> Floats:
        """The goal for every example, (N,); cheap enough to look at after every epoch."""
        return PER_ROW[self.goal.name](*checked(replies, truth, self.levels), self.levels)

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """The last value, the last season if the series has one, and exponential smoothing; with quantiles of train."""
        chosen = extrapolation.some(len(train.target))
        seen, followed = self.seen(train, chosen), np.asarray(train.target[chosen], dtype=np.float64)
        season = self._season or extrapolation.season_of(np.concatenate([seen, followed], axis=1), seen.shape[1])
        smoothing = extrapolation.fit_smoothing(seen, followed, season)
        forecasts: dict[str, Callable[[Floats], Floats]] = {
            "naive (baseline)": lambda windows: extrapolation.naive(windows, self.horizon)
        }
        if season is not None:
            forecasts["seasonal naive (baseline)"] = lambda windows: extrapolation.seasonal_naive(
                windows, self.horizon, season
            )
        forecasts["exponential smoothing (baseline)"] = lambda windows: extrapolation.smoothed(
            windows, self.horizon, smoothing
        )
        asked = self.seen(part, np.arange(len(part.target)))
        misses = {name: followed - forecast(seen) for name, forecast in forecasts.items()}
        return {
            name: extrapolation.with_quantiles(forecast(asked), misses[name], self.levels)
            for name, forecast in forecasts.items()
        }

    def seen(self, part: Part, rows: NDArray[np.int64]) -> Floats:
        """The windows of some rows, the target's variables alone, without gaps: (n, W, F)."""
        return extrapolation.filled(part.inputs[self._window][rows][..., list(self._variables)])


def _window(schema: Schema) -> int:
    """Which input is the past of all variables that are foretold."""
    for place, field in enumerate(schema.inputs):
        if field.kind == "steps" and set(schema.target.columns) <= set(field.columns):
            return place
    raise Failure(
        "forecasting needs an input of kind steps that holds the past of every variable of the target, "
        f"{', '.join(schema.target.columns)}; the inputs are "
        + "; ".join(f"{field.name!r} of kind {field.kind}" for field in schema.inputs)
    )
