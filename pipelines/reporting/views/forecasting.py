"""How a forecast is shown: beside what came true, by how far ahead it looks, and from one origin to the next.

Shapes: N test windows, H steps of the horizon, F variables, Q quantile levels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import Row
from pipelines.evaluation.number_format import decimal
from pipelines.reporting.csv_table import write_table
from pipelines.reporting.plots.contact_sheet import standing_for_all
from pipelines.reporting.plots.style import (
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    drawing,
    percent,
)
from pipelines.reporting.views.view import View
from pipelines.tasks.forecasting import Forecasting
from pipelines.tasks.metrics.forecasting import checked, median, pinball

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

SHOWN = 3  # variables of which forecasts are drawn
BEFORE = 3  # horizons of the past that are drawn before a forecast
DOTTED = 60  # origins up to which every one has a dot

CAPTIONS = {
    "forecast.png": (
        "Forecasts beside what came true",
        "Grey is the past that was shown to the model, black is what came true, blue what it foretold, with the "
        "interval around it; the dashed line is the best of the baselines. The worst of the test windows is at the "
        "top, one in the middle and the best below, so that it can be seen what an average error means.",
    ),
    "horizon.png": (
        "How far ahead it can look",
        "Left, the error at every step ahead, in average changes from one step to the next, with the baselines beside "
        "it: where two lines meet, the model knows no more than the simple rule. Right, how often the interval held "
        "the truth, with the share it promises.",
    ),
    "origins.png": (
        "From one origin to the next",
        "The error of every forecast of the test part, in the order of time, with the best of the baselines. A model "
        "that is worse towards the end is growing old: the series has changed since it was trained.",
    ),
}


def headline(row: Row, examples: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    off, held, horizon = row.test["mase"], row.test["coverage"], schema.target.shape[0]
    ahead = "next step" if horizon == 1 else f"next {horizon} steps"
    own = f" ({decimal(row.test['mae'].value)} {schema.target.unit})" if schema.target.unit else ""
    return (
        f"On {examples:,} windows it had never seen, its forecasts of the {ahead} were off by {decimal(off.value)} "
        f"average changes from one step to the next{own}, 95 % interval: {decimal(off.low)} to {decimal(off.high)}; "
        f"the interval it gives with each forecast held the truth {held.value * 100:.0f} % of the time."
    )


class Forecasts(NamedTuple):
    """What is drawn, in float64."""

    past: Floats  # (N, W, F), the target's variables
    true: Floats  # (N, H, F)
    scale: Floats  # (N, 1, F)
    middle: Floats  # (N, H, F)
    low: Floats
    high: Floats
    pinball: Floats  # (N, H, F), scaled
    baselines: dict[str, Floats]  # their medians, (N, H, F), the most trivial first

    def errors(self, middle: Floats) -> Floats:
        """How far off, in average changes from step to step, (N, H, F)."""
        return np.abs(self.true - middle) / self.scale

    @property
    def best(self) -> tuple[str, Floats]:
        """The baseline with the smallest error."""
        return min(self.baselines.items(), key=lambda item: float(self.errors(item[1]).mean()))


def forecasts(view: View) -> Forecasts:
    task = view.task
    assert isinstance(task, Forecasting)
    quantiles, true, scale = checked(view.replies, view.truth, task.levels)
    low, high = task.bounds(view.replies, view.decision)
    return Forecasts(
        task.seen(view.test, np.arange(len(true))),
        true,
        scale,
        median(quantiles, task.levels),
        low,
        high,
        pinball(quantiles, true, task.levels) / scale,
        {
            name.removesuffix(" (baseline)"): median(np.asarray(replies, dtype=np.float64), task.levels)
            for name, replies in view.baselines.items()
        },
    )


def show(folder: Path, view: View) -> None:
    """Write tables/horizon.csv and origins.csv, pictures/forecast.png, horizon.png and origins.png."""
    drawn = forecasts(view)
    task = view.task
    assert isinstance(task, Forecasting)
    _write_tables(folder / "tables", drawn)
    pictures = folder / "pictures"
    draw_forecasts(pictures / "forecast.png", drawn, view.schema)
    draw_horizon(pictures / "horizon.png", drawn, task.interval)
    draw_origins(pictures / "origins.png", drawn)


def _write_tables(folder: Path, drawn: Forecasts) -> None:
    errors = drawn.errors(drawn.middle)
    held = (drawn.low <= drawn.true) & (drawn.true <= drawn.high)
    others = {name: drawn.errors(middle) for name, middle in drawn.baselines.items()}
    measured = {"mase": errors, "pinball": drawn.pinball, "coverage": held, **others}
    for name, first, axes in (("horizon", "step", (0, 2)), ("origins", "origin", (1, 2))):
        columns = [values.mean(axis=axes) for values in measured.values()]
        rows = [[number, *map(float, row)] for number, row in enumerate(zip(*columns, strict=True), start=1)]
        write_table(folder / f"{name}.csv", (first, *measured), rows)


def draw_forecasts(path: Path, drawn: Forecasts, schema: Schema) -> None:
    """A row of panels for each of a few windows, worst first, and a column for each of the first variables."""
    errors = drawn.errors(drawn.middle).mean(axis=(1, 2))
    rows = standing_for_all(errors, ends=1)
    columns = schema.target.columns[:SHOWN]
    with drawing(path, 9, 0.9 + 2.1 * len(rows)) as figure:
        panels = figure.subplots(len(rows), len(columns), squeeze=False)
        for line, (name, row) in zip(panels, rows, strict=True):
            for place, axes in enumerate(line):
                _draw_forecast(axes, drawn, row, place)
            line[0].set_ylabel(f"the {name} window\nMASE {decimal(errors[row])}")
        unit = f" ({schema.target.unit})" if schema.target.unit else ""
        for top, bottom, column in zip(panels[0], panels[-1], columns, strict=True):
            top.set_title(f"{column}{unit}")
            bottom.set_xlabel(f"steps of {schema.target.step}" if schema.target.step else "steps")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _draw_forecast(axes: Axes, drawn: Forecasts, row: int, place: int) -> None:
    """One variable of one window: the end of its past, what came true, and what was foretold."""
    horizon = drawn.true.shape[1]
    past = drawn.past[row, -BEFORE * horizon :, place] if horizon > 1 else drawn.past[row, :, place]
    ahead = np.arange(1, horizon + 1)
    marker = "o" if horizon == 1 else ""
    axes.plot(np.arange(1 - len(past), 1), past, color=GREY, linewidth=1.2, label="past")
    low, high = drawn.low[row, :, place], drawn.high[row, :, place]
    if horizon == 1:
        axes.vlines(ahead, low, high, color=BLUE, alpha=0.3, linewidth=6, label="interval")
    else:
        axes.fill_between(ahead, low, high, color=BLUE, alpha=0.18, linewidth=0, label="interval")
    name, middle = drawn.best
    axes.plot(ahead, middle[row, :, place], "--", marker=marker, color=ORANGE, linewidth=1.3, label=name)
    axes.plot(ahead, drawn.true[row, :, place], marker=marker, color="black", linewidth=1.3, label="came true")
    axes.plot(ahead, drawn.middle[row, :, place], marker=marker, color=BLUE, label="forecast")


def draw_horizon(path: Path, drawn: Forecasts, promised: float) -> None:
    """Error and coverage at every step ahead, averaged over windows and variables."""
    steps = np.arange(1, drawn.true.shape[1] + 1)
    with drawing(path, 9, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        marker = "o" if len(steps) < 15 else ""
        for (name, middle), colour in zip(drawn.baselines.items(), CYCLE[1:], strict=False):
            error = drawn.errors(middle).mean(axis=(0, 2))
            left.plot(steps, error, "--", marker=marker, markersize=4, color=colour, linewidth=1.3, label=name)
        own = drawn.errors(drawn.middle).mean(axis=(0, 2))
        left.plot(steps, own, marker=marker, markersize=5, color=BLUE, label="this model", zorder=4)
        left.set(title="Error by how far ahead", xlabel="steps ahead", ylabel="MASE (lower is better)", ylim=(0, None))
        left.legend()
        held = ((drawn.low <= drawn.true) & (drawn.true <= drawn.high)).mean(axis=(0, 2))
        right.plot(steps, held, marker=marker, markersize=5, color=BLUE, label="held the truth")
        right.axhline(promised, color=GREY, linestyle="--", linewidth=1.3, label=f"promised: {promised * 100:g} %")
        right.set(title="Held by the interval", xlabel="steps ahead", ylim=(-0.03, 1.03))
        right.yaxis.set_major_formatter(percent())
        right.legend(loc="lower right")
        _whole(left, right)


def draw_origins(path: Path, drawn: Forecasts) -> None:
    """The error of every test window, in the order of time."""
    own = drawn.errors(drawn.middle).mean(axis=(1, 2))
    numbers = np.arange(1, len(own) + 1)
    name, middle = drawn.best
    marker = "o" if len(own) <= DOTTED else ""
    with drawing(path, 9, 3.0) as figure:
        axes = figure.add_subplot(title=f"The error of {len(own):,} forecasts, one origin after the other")
        other = drawn.errors(middle).mean(axis=(1, 2))
        axes.plot(numbers, other, "--", marker=marker, markersize=3, color=ORANGE, linewidth=1.2, label=name)
        axes.plot(numbers, own, marker=marker, markersize=4, color=BLUE, linewidth=1.5, label="this model")
        axes.set(xlabel="test window, in the order of time", ylabel="MASE (lower is better)", ylim=(0, None))
        axes.legend(ncols=2)
        _whole(axes)


def _whole(*panels: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
