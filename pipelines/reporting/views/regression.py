"""How a regression is shown: answers against the truth, how they miss, and the rows they miss by most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Field, Schema
from pipelines.evaluation.leaderboard import Row
from pipelines.evaluation.number_format import decimal
from pipelines.reporting.csv_table import write_table
from pipelines.reporting.plots.examples import cell, draw_example, wide
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    drawing,
)
from pipelines.reporting.views.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Floats = NDArray[np.float64]

DAYS = "days since 1970-01-01"  # the unit of dates
CROWD = 3000  # examples from which on dots would hide each other, and cells are coloured by how many they hold
GROUPS = 12  # at most, of about as many answers each, of which the usual miss is shown
USUAL = 20  # answers that it takes to say what is usual
ACROSS, DOWN = 4, 3  # tiles of the furthest misses

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


def headline(row: Row, examples: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    off, held = row.test["mae"], row.test["coverage"]
    unit = _unit(schema.target)
    return (
        f"On {examples:,} examples it had never seen, its answer was off by {decimal(off.value)}{unit} on average "
        f"(95 % interval: {decimal(off.low)} to {decimal(off.high)}); the interval it gives with each answer held the "
        f"truth in {held.value * 100:.0f} % of them, and should in 90 %."
    )


def show(folder: Path, view: View) -> None:
    """Write tables/predicted.csv, and under pictures/ predicted.png, residuals.png and furthest.png."""
    true = np.asarray(view.truth, dtype=np.float64)
    said = np.asarray(view.replies, dtype=np.float64)[:, 0]
    radius = view.decision["radius"]
    rows = np.stack([true, said, said - radius, said + radius], axis=1).tolist()
    write_table(folder / "tables" / "predicted.csv", ("actual", "predicted", "low", "high"), rows)
    pictures, target = folder / "pictures", view.schema.target
    draw_predicted(pictures / "predicted.png", target, true, said, radius)
    draw_residuals(pictures / "residuals.png", target, true, said, radius)
    furthest = np.argsort(-np.abs(true - said), kind="stable")[: ACROSS * DOWN]
    draw_furthest(pictures / "furthest.png", view, [int(row) for row in furthest], true, said)


def draw_predicted(path: Path, target: Field, true: Floats, said: Floats, radius: float) -> None:
    """Truth over answer, with the line on which both are the same and the interval around it."""
    low, high = min(true.min(), said.min()), max(true.max(), said.max())
    margin = 0.03 * (high - low) or 1.0
    ends = np.array([low - margin, high + margin])
    with drawing(path, 5.8, 5.6) as figure:
        axes = figure.add_subplot(title="What it said, and what was true")
        axes.fill_between(
            ends, ends - radius, ends + radius, color=BLUE, alpha=0.12, linewidth=0, label="90 % interval"
        )
        axes.plot(ends, ends, "--", color=GREY, linewidth=1.2)
        _scatter(axes, said, true, np.abs(true - said) > radius)
        axes.set(xlim=ends, ylim=ends, xlabel=f"said: {_axis(target)}", ylabel=f"true: {_axis(target)}", aspect="equal")
        _spell_out(axes.xaxis, axes.yaxis)
        axes.legend(loc="upper left")


def draw_residuals(path: Path, target: Field, true: Floats, said: Floats, radius: float) -> None:
    """The misses, truth minus answer: how often each size occurs, and over what was said."""
    misses = true - said
    with drawing(path, 9, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        left.hist(misses, bins=min(60, max(10, round(len(misses) ** 0.5))), color=BLUE)
        left.set(title="How far off", xlabel=f"truth minus answer: {_axis(target)}", ylabel="test examples")
        for end in (-radius, radius):
            left.axvline(end, color=ORANGE, linestyle="--", linewidth=1.4)
            right.axhline(end, color=ORANGE, linestyle="--", linewidth=1.4)
        right.axhline(0, color=GREY, linewidth=1.2)
        _scatter(right, said, misses, np.abs(misses) > radius)
        groups = np.array_split(np.argsort(said, kind="stable"), max(1, min(GROUPS, len(said) // USUAL)))
        centres = [float(np.median(said[group])) for group in groups]
        usual = [float(np.median(misses[group])) for group in groups]
        right.plot(centres, usual, "-o", color=RED, markersize=4, zorder=4, label="usual miss")
        right.plot([], [], "--", color=ORANGE, linewidth=1.4, label="90 % interval")
        right.set(title="Over what was said", xlabel=f"said: {_axis(target)}", ylabel="truth minus answer")
        _spell_out(left.xaxis, right.xaxis, right.yaxis)
        right.legend(ncols=2)


def draw_furthest(path: Path, view: View, rows: Sequence[int], true: Floats, said: Floats) -> None:
    """The given rows as tiles, each with the truth and the answer."""
    target = view.schema.target
    across = min(ACROSS - 1 if wide(view.schema) else ACROSS, len(rows))
    rows = rows[: across * DOWN]
    down = -(-len(rows) // across)
    with drawing(path, 9, 0.4 + 1.75 * down) as figure:
        title = f"The {len(rows)} answers that are furthest from the truth, furthest first"
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, row in zip(panels, rows, strict=False):
            caption = f"true {_written(target, true[row])}, said {_written(target, said[row])}"
            axes.set_title(caption, loc="center", fontsize=8.5, weight="normal", pad=4, color=RED)
            draw_example(axes, view.schema, view.test, row)


def _scatter(axes: Axes, across: Floats, up: Floats, outside: NDArray[np.bool_]) -> None:
    """Dots, orange where the truth lies outside the interval; of a crowd, cells that say how many they hold."""
    if len(across) > CROWD:
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list("crowd", ["#bcd9ec", BLUE, "#00263d"])
        axes.hexbin(across, up, gridsize=45, mincnt=1, bins="log", cmap=colours, linewidths=0.1, zorder=2)
        return
    size = 18 if len(across) < 500 else 6
    for chosen, colour in ((~outside, BLUE), (outside, ORANGE)):
        axes.scatter(across[chosen], up[chosen], s=size, color=colour, alpha=0.6, linewidths=0, zorder=3)


def _spell_out(*axes: Axis) -> None:
    """Few ticks, and thousands set apart."""
    from matplotlib.ticker import MaxNLocator

    for axis in axes:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}")


def _written(field: Field, value: float) -> str:
    return cell(field, value) if field.unit == DAYS else f"{decimal(value)} {field.unit}".strip()


def _axis(field: Field) -> str:
    return f"{field.name} ({field.unit})" if field.unit else field.name


def _unit(field: Field) -> str:
    """The unit of a difference, with a space before it."""
    unit = "days" if field.unit == DAYS else field.unit
    return f" {unit}" if unit else ""
