"""Forecasting: every variable at every step of the horizon, as quantiles.

A network reads a window of the past, and its outputs are changes from the last value, in standard deviations of such
changes; what is served are quantiles in each variable's own unit, in order. The interval between the outermost two is
widened or narrowed on validation (`calibrate`), so that it holds the truth as often as it says, also where predictions
are single numbers.

Shapes: N rows, H steps of the horizon, F variables, Q quantile levels, R resamples, B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, final

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import BeforeValidator, model_validator

from pipelines.data.dataset import chunks
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.baselines import forecasting as forecasting_baselines
from pipelines.tasks.baselines.ets_forecasts import MAX_FIT_ROWS, fit_rows, forecast_rows
from pipelines.tasks.metrics.conformal import conformal_quantile
from pipelines.tasks.metrics.forecasting import (
    GOALS,
    METRICS,
    SCORES_PER_ROW,
    ForecastReference,
    as_float64,
    interval_bounds,
    interval_radii,
    interval_scores,
    radius_key,
    weighted_quantile_loss,
)
from pipelines.tasks.task import UNCALIBRATED, AnyTarget, Calibration, Task, TaskSettings, choose_goal

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.blocks.hyperparameters import Hyperparameters
    from models.blocks.window_scale import WindowScaleSpec
    from models.outputs.output_transform import OutputTransform

Floats = NDArray[np.float64]

DEFAULT_LEVELS = tuple(place / 10 for place in range(1, 10))  # 0.1 to 0.9
POINT_FORECAST_COVERAGE = 0.8  # of the interval around predictions that are single numbers


def _list_to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class ForecastingSettings(TaskSettings):
    """`task: forecasting`, or `task: {kind: forecasting, loss: quantile, levels: [0.05, 0.5, 0.95], season: 24}`."""

    kind: Literal["forecasting"] = "forecasting"
    loss: Literal["quantile", "squared_error", "huber", "absolute_error"] = "quantile"  # of networks
    levels: Annotated[tuple[float, ...], BeforeValidator(_list_to_tuple)] | None = (
        None  # of the quantiles; None: 0.1, 0.2 to 0.9
    )
    season: int | None = pydantic.Field(None, ge=2)  # steps until the series repeats; None: found on the train part

    @model_validator(mode="after")
    def _check_levels(self) -> ForecastingSettings:
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
class Forecasting(Task):
    """Forecasting task: a quantile loss or an error, sorted quantiles (N, H, F, Q) as predictions.

    Raises:
        UserError: if the target is no sequence, no window among the inputs holds its variables, a season is longer than
            the window, or the goal is not one of `GOALS`.
    """

    name = "forecasting"
    output_name = "quantiles"
    metrics = METRICS
    goals = tuple(GOALS)
    reference_type = ForecastReference
    requires_full_window = True  # no network saw a shorter one

    def __init__(self, schema: Schema, settings: ForecastingSettings, goal: str | None = None) -> None:
        target = schema.target
        if target.kind != "steps":
            raise UserError(f"forecasting needs a target of kind steps; {target.name!r} is of kind {target.kind}")
        self.goal = choose_goal("a forecasting", GOALS, goal)
        self.input_fields: tuple[Field, ...] = schema.inputs
        self.columns = target.columns
        self.horizon = target.shape[0]
        self.quantile_levels = (settings.levels or DEFAULT_LEVELS) if settings.loss == "quantile" else (0.5,)
        self._loss_name = settings.loss
        self._window_index = _find_window_index(schema)
        window = schema.inputs[self._window_index]
        self._variable_indices = tuple(window.columns.index(column) for column in target.columns)
        if settings.season is not None and settings.season > window.shape[0]:
            raise UserError(
                f"task.season must not be longer than the window, {window.shape[0]} steps; found {settings.season}"
            )
        self._season = settings.season
        self._window_scale = "train"

    @property
    def nominal_coverage(self) -> float:
        """The share of true values that the interval between the outermost quantiles should hold."""
        return (
            POINT_FORECAST_COVERAGE
            if len(self.quantile_levels) == 1
            else round(self.quantile_levels[-1] - self.quantile_levels[0], 9)
        )

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        if writes == "image":
            raise UserError("forecasting needs the steps of the horizon; the network predicts every pixel")
        return self.horizon * len(self.columns) * len(self.quantile_levels)

    def reference(self, part: Part, train: Part | None = None) -> ForecastReference:
        """What came true, and the scale: the train part's average change over a season, or a step if it has none."""
        train = part if train is None else train
        windows, lag = train.inputs[self._window_index], self.find_season(train) or 1
        total, count = np.zeros(len(self.columns)), np.zeros(len(self.columns))
        for rows in chunks(windows):
            past = windows[rows][..., list(self._variable_indices)].astype(np.float64)
            series = np.concatenate([past, train.target[rows].astype(np.float64)], axis=1)
            changes = np.abs(series[:, lag:] - series[:, :-lag])
            total += np.nansum(changes, axis=(0, 1))
            count += np.isfinite(changes).sum(axis=(0, 1))
        scale = total / np.maximum(count, 1)
        defined = np.where(scale > 0, scale, 1.0).astype(np.float32)
        return ForecastReference(part.target, np.broadcast_to(defined, (len(part.target), 1, len(scale))))

    def find_season(self, train: Part) -> int | None:
        """The steps of a season: as the settings have them, or as the train part repeats itself; None if it does not.

        At most as many as a window and the horizon have together, less one.
        """
        if self._season is not None:
            return self._season
        rows = forecasting_baselines.evenly_spaced_rows(len(train.target))
        history, futures = self._history_and_futures(train, rows)
        return forecasting_baselines.detect_season(np.concatenate([history, futures], axis=1), history.shape[1])

    def with_stem_settings(self, settings: Hyperparameters) -> Forecasting:
        from models.blocks.window_scale import WindowSettings

        task = copy(self)
        if isinstance(settings, WindowSettings):
            task._window_scale = settings.window_scale
        return task

    def window_scales(self) -> Mapping[int, WindowScaleSpec]:
        """The window is read by its own level, or level and spread, in the variables that are forecast.

        The others are read as they are: of an hour, a temperature or a price the level may be what matters.
        """
        from models.blocks.window_scale import WindowScaleSpec

        if self._window_scale == "train":
            return {}
        spec = WindowScaleSpec(self._variable_indices, self._window_scale == "level_and_spread")
        return {self._window_index: spec}

    def output_transform(self, train: Part | None) -> OutputTransform:
        from models.outputs.forecast import AddLastValue

        steps = self.input_fields[self._window_index].shape[0]
        transform = AddLastValue(
            self._window_index,
            steps,
            self._variable_indices,
            self.horizon,
            len(self.quantile_levels),
            has_own_spread=self._window_scale == "level_and_spread",
        )
        return transform if train is None else transform.fit(train.inputs[self._window_index], train.target)

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        from models.blocks.auxiliary_heads import loss_of_all_heads
        from models.blocks.losses import LOSSES, quantile_loss

        steps, levels = target.values, self.quantile_levels  # steps (B, H, F, Q)
        criterion = LOSSES.get(self._loss_name) or (
            lambda outputs, steps: quantile_loss(outputs, steps[..., 0], levels)
        )
        return loss_of_all_heads(network, inputs, lambda outputs: criterion(outputs.reshape(steps.shape), steps))

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from models.outputs.forecast import SortedQuantiles

        return SortedQuantiles()

    def calibrate(self, predictions: NDArray[Any], reference: ForecastReference) -> dict[str, float]:
        """Nominal coverage, and the conformal radii that widen the interval to it.

        One radius for each step and variable, in the variable's unit; below 0, the interval is narrowed.

        Source: Romano, Patterson & Candès, "Conformalized Quantile Regression", NeurIPS 2019.
        https://arxiv.org/abs/1905.03222
        """
        quantiles, true, _ = as_float64(predictions, reference, self.quantile_levels)
        radii = conformal_quantile(
            np.maximum(quantiles[..., 0] - true, true - quantiles[..., -1]), self.nominal_coverage
        )  # (H, F)
        names = [radius_key(step + 1, column) for step in range(self.horizon) for column in self.columns]
        return {"coverage": self.nominal_coverage, **dict(zip(names, radii.ravel().tolist(), strict=True))}

    def interval_bounds(self, predictions: NDArray[Any], calibration: Calibration) -> tuple[Floats, Floats]:
        """The ends of the interval, (N, H, F) each; NaN around single numbers without a calibration."""
        default = 0.0 if len(self.quantile_levels) > 1 else np.nan
        radius = interval_radii(calibration, self.horizon, self.columns, default)
        return interval_bounds(np.asarray(predictions, dtype=np.float64), radius)

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: ForecastReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,)."""
        quantiles, true, scale = as_float64(predictions, reference, self.quantile_levels)
        counts = np.asarray(weights, dtype=np.float64)
        if not np.isfinite(quantiles).all():
            return {metric.name: np.full(len(counts), np.nan) for metric in METRICS}
        low, high = self.interval_bounds(predictions, calibration)
        held = np.where(np.isnan(low), np.nan, (low <= true) & (true <= high))
        rows = {name: per_row(quantiles, true, scale, self.quantile_levels) for name, per_row in SCORES_PER_ROW.items()}
        rows["coverage"] = held.mean(axis=(1, 2))
        rows["interval_width"] = ((high - low) / scale).mean(axis=(1, 2))
        scored = interval_scores(low, high, true, self.nominal_coverage)
        rows["interval_score"] = (scored / scale).mean(axis=(1, 2))
        means = {name: counts @ values / counts.sum(axis=1) for name, values in rows.items()}
        means["coverage_error"] = np.abs(means["coverage"] - self.nominal_coverage)
        means["rmse"] = np.sqrt(means["squared_error"])
        means["wql"] = weighted_quantile_loss(quantiles, true, self.quantile_levels, counts)
        return {metric.name: means[metric.name] for metric in METRICS}

    def objective_per_row(self, predictions: NDArray[Any], reference: ForecastReference) -> Floats:
        """The goal for every example, (N,); cheap enough for every epoch."""
        return SCORES_PER_ROW[self.goal.name](
            *as_float64(predictions, reference, self.quantile_levels), self.quantile_levels
        )

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """Naive, drift, seasonal naive, exponential smoothing, AutoETS; each with its residuals' quantiles on train."""
        season = self.find_season(train)
        rows = forecasting_baselines.evenly_spaced_rows(len(train.target))
        history, futures = self._history_and_futures(train, rows)
        forecasters = forecasting_baselines.fit_baselines(history, futures, season)
        past, followed = self._history_and_futures(part, np.arange(len(part.target)))
        found = {name: (forecast(past), futures - forecast(history)) for name, forecast in forecasters.items()}
        recent = self._history_and_futures(train, np.arange(len(train.target))[-MAX_FIT_ROWS:])
        fitted = fit_rows(*recent, season)
        found["AutoETS"] = forecast_rows(fitted, past, followed), recent[1] - forecast_rows(fitted, *recent)
        return {
            f"{name} (baseline)": forecasting_baselines.add_residual_quantiles(points, residuals, self.quantile_levels)
            for name, (points, residuals) in found.items()
        }

    def _history_and_futures(self, part: Part, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        return self.target_history(part, rows), np.asarray(part.target[rows], dtype=np.float64)

    def target_history(self, part: Part, rows: NDArray[np.int64]) -> Floats:
        """The windows of some rows, the target's variables alone, without gaps: (n, W, F)."""
        windows = part.inputs[self._window_index][rows]
        return forecasting_baselines.forward_fill(windows[..., list(self._variable_indices)])


def _find_window_index(schema: Schema) -> int:
    """The place of the input that holds the past of all variables of the target."""
    for index, field in enumerate(schema.inputs):
        if field.kind == "steps" and set(schema.target.columns) <= set(field.columns):
            return index
    raise UserError(
        "forecasting needs an input of kind steps that holds the past of every variable of the target, "
        f"{', '.join(schema.target.columns)}; the inputs are "
        + "; ".join(f"{field.name!r} of kind {field.kind}" for field in schema.inputs)
    )
