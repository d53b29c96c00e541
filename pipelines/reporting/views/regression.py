"""Report of a regression: predicted against true values, residuals, and the largest errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dates import DATE_UNIT
from pipelines.data.schema import Field, Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.evaluation.number_format import format_number, format_number_interval
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.examples import draw_example, format_value, has_text_tiles
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    png_figure,
)
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.regression import Regression

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Floats = NDArray[np.float64]

MAX_SCATTER_POINTS = (
    3000  # examples from which on dots would hide each other, and cells are coloured by how many they hold
)
MAX_GROUPS = 12  # at most, of about as many predictions each, whose mean residual is drawn
MIN_GROUP_ROWS = 20  # predictions in a group, at least
TILES_PER_ROW, TILE_ROWS = 4, 3  # tiles of the furthest misses

CAPTIONS = {
    "predicted.png": (
        "What it said, and what was true",
        "A dot is a test example: across, what the model said; up, what was true. On the line, both are the same. The "
        "band is the interval that should hold the truth 9 times in 10; orange dots lie outside. Where there are too "
        "many dots to tell apart, a darker cell holds more of them.",
    ),
    "residuals.png": (
        "How it misses",
        "Left, how often the truth was so far above (right of 0) or below (left) the answer. Right, the same misses "
        "over what was said: the line is the usual miss, and where it leaves 0, answers of that size are too high or "
        "too low as a rule.",
    ),
    "furthest.png": (
        "Its furthest misses",
        "The test examples it missed by most, with the truth and its answer. Is the data wrong there, or the model?",
    ),
}


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    mae, coverage = row.test_scores["mae"], row.test_scores["coverage"]
    unit = _difference_unit(schema.target)
    return (
        f"On {test_rows:,} examples it had never seen, its answer was off by {format_number(mae.value)}{unit} on "
        f"average{format_number_interval(mae.low, mae.high)}; the interval it gives with each answer "
        f"held the truth in {coverage.value * 100:.0f} % of them, and should in 90 %."
    )


def write_view(folder: Path, data: EvaluationData[Regression]) -> None:
    """Write tables/predicted.csv, and under pictures/ predicted.png, residuals.png and furthest.png."""
    reference = np.asarray(data.reference.values, dtype=np.float64)
    predicted = np.asarray(data.predictions, dtype=np.float64)[:, 0]
    radius = data.calibration["radius"]
    rows = np.stack([reference, predicted, predicted - radius, predicted + radius], axis=1).tolist()
    write_csv_table(folder / "tables" / "predicted.csv", ("actual", "predicted", "low", "high"), rows)
    pictures, target = folder / "pictures", data.schema.target
    draw_predicted_vs_reference(pictures / "predicted.png", target, reference, predicted, radius)
    draw_residuals(pictures / "residuals.png", target, reference, predicted, radius)
    largest = np.argsort(-np.abs(reference - predicted), kind="stable")[: TILES_PER_ROW * TILE_ROWS]
    draw_largest_residuals(pictures / "furthest.png", data, [int(row) for row in largest], reference, predicted)


def draw_predicted_vs_reference(path: Path, target: Field, reference: Floats, predicted: Floats, radius: float) -> None:
    """Truth over answer, with the line on which both are the same and the interval around it."""
    low, high = min(reference.min(), predicted.min()), max(reference.max(), predicted.max())
    margin = 0.03 * (high - low) or 1.0
    ends = np.array([low - margin, high + margin])
    with png_figure(path, 5.8, 5.6) as figure:
        axes = figure.add_subplot(title="What it said, and what was true")
        axes.fill_between(
            ends, ends - radius, ends + radius, color=BLUE, alpha=0.12, linewidth=0, label="90 % interval"
        )
        axes.plot(ends, ends, "--", color=GREY, linewidth=1.2)
        _draw_scatter(axes, predicted, reference, np.abs(reference - predicted) > radius)
        axes.set(
            xlim=ends,
            ylim=ends,
            xlabel=f"said: {_axis_label(target)}",
            ylabel=f"true: {_axis_label(target)}",
            aspect="equal",
        )
        _format_ticks(axes.xaxis, axes.yaxis)
        axes.legend(loc="upper left")


def draw_residuals(path: Path, target: Field, reference: Floats, predicted: Floats, radius: float) -> None:
    """The misses, truth minus answer: how often each size occurs, and over what was said."""
    residuals = reference - predicted
    with png_figure(path, 9, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        left.hist(residuals, bins=min(60, max(10, round(len(residuals) ** 0.5))), color=BLUE)
        left.set(title="How far off", xlabel=f"truth minus answer: {_axis_label(target)}", ylabel="test examples")
        for end in (-radius, radius):
            left.axvline(end, color=ORANGE, linestyle="--", linewidth=1.4)
            right.axhline(end, color=ORANGE, linestyle="--", linewidth=1.4)
        right.axhline(0, color=GREY, linewidth=1.2)
        _draw_scatter(right, predicted, residuals, np.abs(residuals) > radius)
        groups = np.array_split(
            np.argsort(predicted, kind="stable"), max(1, min(MAX_GROUPS, len(predicted) // MIN_GROUP_ROWS))
        )
        centres = [float(np.median(predicted[group])) for group in groups]
        medians = [float(np.median(residuals[group])) for group in groups]
        right.plot(centres, medians, "-o", color=RED, markersize=4, zorder=4, label="usual miss")
        right.plot([], [], "--", color=ORANGE, linewidth=1.4, label="90 % interval")
        right.set(title="Over what was said", xlabel=f"said: {_axis_label(target)}", ylabel="truth minus answer")
        _format_ticks(left.xaxis, right.xaxis, right.yaxis)
        right.legend(ncols=2)


def draw_largest_residuals(
    path: Path, data: EvaluationData[Regression], rows: Sequence[int], reference: Floats, predicted: Floats
) -> None:
    """The given rows as tiles, each with the truth and the answer."""
    target = data.schema.target
    across = min(TILES_PER_ROW - 1 if has_text_tiles(data.schema) else TILES_PER_ROW, len(rows))
    rows = rows[: across * TILE_ROWS]
    down = -(-len(rows) // across)
    with png_figure(path, 9, 0.4 + 1.75 * down) as figure:
        title = f"The {len(rows)} answers that are furthest from the truth, furthest first"
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, row in zip(panels, rows, strict=False):
            caption = f"true {_format_target(target, reference[row])}, said {_format_target(target, predicted[row])}"
            axes.set_title(caption, loc="center", fontsize=8.5, weight="normal", pad=4, color=RED)
            draw_example(axes, data.schema, data.test, row)


def _draw_scatter(axes: Axes, x: Floats, y: Floats, outside: NDArray[np.bool_]) -> None:
    """Dots, orange where the truth lies outside the interval; of a crowd, cells that say how many they hold."""
    if len(x) > MAX_SCATTER_POINTS:
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list("crowd", ["#bcd9ec", BLUE, "#00263d"])
        axes.hexbin(x, y, gridsize=45, mincnt=1, bins="log", cmap=colours, linewidths=0.1, zorder=2)
        return
    size = 18 if len(x) < 500 else 6
    for chosen, colour in ((~outside, BLUE), (outside, ORANGE)):
        axes.scatter(x[chosen], y[chosen], s=size, color=colour, alpha=0.6, linewidths=0, zorder=3)


def _format_ticks(*axes: Axis) -> None:
    """Few ticks, and thousands set apart."""
    from matplotlib.ticker import MaxNLocator

    for axis in axes:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}")


def _format_target(field: Field, value: float) -> str:
    return format_value(field, value) if field.unit == DATE_UNIT else f"{format_number(value)} {field.unit}".strip()


def _axis_label(field: Field) -> str:
    return f"{field.name} ({field.unit})" if field.unit else field.name


def _difference_unit(field: Field) -> str:
    """The unit of a difference, with a space before it."""
    unit = "days" if field.unit == DATE_UNIT else field.unit
    return f" {unit}" if unit else ""
