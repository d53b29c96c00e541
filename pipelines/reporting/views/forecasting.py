"""Report of a forecasting: forecasts beside what came true, errors by step of the horizon and by origin.

Shapes: N test windows, H steps of the horizon, F variables, Q quantile levels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.evaluation.intervals import UNDEFINED, Interval, series_means, student_intervals
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.evaluation.number_format import format_number, format_number_interval
from pipelines.evaluation.units import MIN_ORIGINS
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.contact_sheet import best_median_worst
from pipelines.reporting.plots.style import (
    BLUE,
    COLOUR_CYCLE,
    GREY,
    ORANGE,
    percent_formatter,
    png_figure,
)
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.baselines.ets_forecasts import find_strides
from pipelines.tasks.forecasting import Forecasting
from pipelines.tasks.metrics.forecasting import as_float64, median_forecast, pinball_loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

MAX_VARIABLES = 3  # variables of which forecasts are drawn
PAST_HORIZONS = 3  # horizons of the past that are drawn before a forecast
MAX_MARKED_ORIGINS = 60  # origins up to which every one has a dot

CAPTIONS = {
    "forecast.png": (
        "Forecasts beside what came true",
        "Grey is the past that was shown to the model, black is what came true, blue its forecast, with the "
        "interval around it; the dashed line is the best of the baselines. The worst of the test windows is at the "
        "top, one in the middle and the best below, so that it can be seen what an average error means.",
    ),
    "horizon.png": (
        "How far ahead it can look",
        "Left, the error at every step ahead, in average changes of the train part, with the baselines beside "
        "it: where two lines meet, the model knows no more than the simple rule. Right, how often the interval held "
        "the truth, with the share it promises.",
    ),
    "origins.png": (
        "From one origin to the next",
        "The error of every forecast of the test part, in the order of time, with the best of the baselines. A model "
        "that is worse towards the end is growing old: the series has changed since it was trained.",
    ),
}


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    mase, coverage, horizon = row.test_scores["mase"], row.test_scores["coverage"], schema.target.shape[0]
    ahead = "next step" if horizon == 1 else f"next {horizon} steps"
    mae_text = f" ({format_number(row.test_scores['mae'].value)} {schema.target.unit})" if schema.target.unit else ""
    return (
        f"On {test_rows:,} windows it had never seen, its forecasts of the {ahead} were off by "
        f"{format_number(mase.value)} times the average change of the train part, from season to season or step to "
        f"step{mae_text}{format_number_interval(mase.low, mase.high)}; the interval it gives with each forecast held "
        f"the truth {coverage.value * 100:.0f} % of the time."
    )


class Forecasts(NamedTuple):
    """Forecasts of the test part and what came true, in float64."""

    past: Floats  # (N, W, F), the target's variables
    reference: Floats  # (N, H, F)
    scale: Floats  # (N, 1, F)
    medians: Floats  # (N, H, F)
    low: Floats
    high: Floats
    pinball: Floats  # (N, H, F), scaled
    baselines: dict[str, Floats]  # their medians, (N, H, F), the most trivial first

    def scaled_errors(self, medians: Floats) -> Floats:
        """How far off, in average changes of the train part, (N, H, F)."""
        return np.abs(self.reference - medians) / self.scale

    @property
    def best_baseline(self) -> tuple[str, Floats]:
        """The baseline with the smallest error."""
        return min(self.baselines.items(), key=lambda item: float(self.scaled_errors(item[1]).mean()))


def build_forecasts(data: EvaluationData[Forecasting]) -> Forecasts:
    task, levels = data.task, data.task.quantile_levels
    quantiles, reference, scale = as_float64(data.predictions, data.reference, levels)
    low, high = task.interval_bounds(data.predictions, data.calibration)
    return Forecasts(
        task.target_history(data.test, np.arange(len(reference))),
        reference,
        scale,
        median_forecast(quantiles, levels),
        low,
        high,
        pinball_loss(quantiles, reference, levels) / scale,
        {
            name.removesuffix(" (baseline)"): median_forecast(np.asarray(predictions, dtype=np.float64), levels)
            for name, predictions in data.baselines.items()
        },
    )


def write_view(folder: Path, data: EvaluationData[Forecasting]) -> None:
    """Write tables/horizon.csv and origins.csv, pictures/forecast.png, horizon.png and origins.png."""
    forecasts = build_forecasts(data)
    intervals = step_intervals(forecasts)
    _write_tables(folder / "tables", forecasts, intervals)
    pictures = folder / "pictures"
    draw_forecasts(pictures / "forecast.png", forecasts, data.schema)
    draw_horizon(pictures / "horizon.png", forecasts, data.task.nominal_coverage)
    draw_origins(pictures / "origins.png", forecasts)


def step_intervals(forecasts: Forecasts) -> list[Interval]:
    """The 95 % interval of the error at every step ahead; undefined where too few forecasts are apart from each other.

    That is where one does not follow the other in time, or they share steps, or there are fewer than `MIN_ORIGINS`.
    """
    rows, horizon, _ = forecasts.reference.shape
    strides = find_strides(forecasts.past, forecasts.reference)
    if rows < MIN_ORIGINS or (strides < horizon).any():
        return [UNDEFINED] * horizon
    return student_intervals(series_means(forecasts.scaled_errors(forecasts.medians).mean(axis=2)))


def _write_tables(folder: Path, forecasts: Forecasts, intervals: list[Interval]) -> None:
    errors = forecasts.scaled_errors(forecasts.medians)
    covered = (forecasts.low <= forecasts.reference) & (forecasts.reference <= forecasts.high)
    baseline_errors = {name: forecasts.scaled_errors(medians) for name, medians in forecasts.baselines.items()}
    width = (forecasts.high - forecasts.low) / forecasts.scale
    measured = {"mase": errors, "pinball": forecasts.pinball, "coverage": covered, "interval_width": width}
    measured |= baseline_errors
    for name, index_name, axes in (("horizon", "step", (0, 2)), ("origins", "origin", (1, 2))):
        columns = {column: values.mean(axis=axes).tolist() for column, values in measured.items()}
        if index_name == "step":
            ends = [["" if np.isnan(end) else end for end in interval] for interval in intervals]
            columns |= {"mase_low": [low for low, _ in ends], "mase_high": [high for _, high in ends]}
        rows = [[number, *row] for number, row in enumerate(zip(*columns.values(), strict=True), start=1)]
        write_csv_table(folder / f"{name}.csv", (index_name, *columns), rows)


def draw_forecasts(path: Path, forecasts: Forecasts, schema: Schema) -> None:
    """A row of panels for each of a few windows, worst first, and a column for each of the first variables."""
    errors = forecasts.scaled_errors(forecasts.medians).mean(axis=(1, 2))
    rows = best_median_worst(errors, per_end=1)
    columns = schema.target.columns[:MAX_VARIABLES]
    with png_figure(path, 9, 0.9 + 2.1 * len(rows)) as figure:
        panels = figure.subplots(len(rows), len(columns), squeeze=False)
        for line, (name, row) in zip(panels, rows, strict=True):
            for variable, axes in enumerate(line):
                _draw_forecast(axes, forecasts, row, variable)
            line[0].set_ylabel(f"the {name} window\nMASE {format_number(errors[row])}")
        unit = f" ({schema.target.unit})" if schema.target.unit else ""
        for top, bottom, column in zip(panels[0], panels[-1], columns, strict=True):
            top.set_title(f"{column}{unit}")
            bottom.set_xlabel(f"steps of {schema.target.step}" if schema.target.step else "steps")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _draw_forecast(axes: Axes, forecasts: Forecasts, row: int, variable: int) -> None:
    """One variable of one window: the end of its past, what came true, and the forecast."""
    horizon = forecasts.reference.shape[1]
    past = (
        forecasts.past[row, -PAST_HORIZONS * horizon :, variable] if horizon > 1 else forecasts.past[row, :, variable]
    )
    ahead = np.arange(1, horizon + 1)
    marker = "o" if horizon == 1 else ""
    axes.plot(np.arange(1 - len(past), 1), past, color=GREY, linewidth=1.2, label="past")
    low, high = forecasts.low[row, :, variable], forecasts.high[row, :, variable]
    if horizon == 1:
        axes.vlines(ahead, low, high, color=BLUE, alpha=0.3, linewidth=6, label="interval")
    else:
        axes.fill_between(ahead, low, high, color=BLUE, alpha=0.18, linewidth=0, label="interval")
    name, baseline_medians = forecasts.best_baseline
    axes.plot(ahead, baseline_medians[row, :, variable], "--", marker=marker, color=ORANGE, linewidth=1.3, label=name)
    axes.plot(
        ahead, forecasts.reference[row, :, variable], marker=marker, color="black", linewidth=1.3, label="came true"
    )
    axes.plot(ahead, forecasts.medians[row, :, variable], marker=marker, color=BLUE, label="forecast")


def draw_horizon(path: Path, forecasts: Forecasts, nominal_coverage: float) -> None:
    """Error and coverage at every step ahead, averaged over windows and variables."""
    steps = np.arange(1, forecasts.reference.shape[1] + 1)
    with png_figure(path, 9, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        marker = "o" if len(steps) < 15 else ""
        for (name, baseline_medians), colour in zip(forecasts.baselines.items(), COLOUR_CYCLE[1:], strict=False):
            baseline_error = forecasts.scaled_errors(baseline_medians).mean(axis=(0, 2))
            left.plot(steps, baseline_error, "--", marker=marker, markersize=4, color=colour, linewidth=1.3, label=name)
        model_error = forecasts.scaled_errors(forecasts.medians).mean(axis=(0, 2))
        left.plot(steps, model_error, marker=marker, markersize=5, color=BLUE, label="this model", zorder=4)
        left.set(title="Error by how far ahead", xlabel="steps ahead", ylabel="MASE (lower is better)", ylim=(0, None))
        left.legend()
        coverage = ((forecasts.low <= forecasts.reference) & (forecasts.reference <= forecasts.high)).mean(axis=(0, 2))
        right.plot(steps, coverage, marker=marker, markersize=5, color=BLUE, label="held the truth")
        right.axhline(
            nominal_coverage, color=GREY, linestyle="--", linewidth=1.3, label=f"promised: {nominal_coverage * 100:g} %"
        )
        right.set(title="Held by the interval", xlabel="steps ahead", ylim=(-0.03, 1.03))
        right.yaxis.set_major_formatter(percent_formatter())
        right.legend(loc="lower right")
        _use_integer_ticks(left, right)


def draw_origins(path: Path, forecasts: Forecasts) -> None:
    """The error of every test window, in the order of time."""
    model_error = forecasts.scaled_errors(forecasts.medians).mean(axis=(1, 2))
    numbers = np.arange(1, len(model_error) + 1)
    name, baseline_medians = forecasts.best_baseline
    marker = "o" if len(model_error) <= MAX_MARKED_ORIGINS else ""
    with png_figure(path, 9, 3.0) as figure:
        axes = figure.add_subplot(title=f"The error of {len(model_error):,} forecasts, one origin after the other")
        baseline_error = forecasts.scaled_errors(baseline_medians).mean(axis=(1, 2))
        axes.plot(numbers, baseline_error, "--", marker=marker, markersize=3, color=ORANGE, linewidth=1.2, label=name)
        axes.plot(numbers, model_error, marker=marker, markersize=4, color=BLUE, linewidth=1.5, label="this model")
        axes.set(xlabel="test window, in the order of time", ylabel="MASE (lower is better)", ylim=(0, None))
        axes.legend(ncols=2)
        _use_integer_ticks(axes)


def _use_integer_ticks(*panels: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
