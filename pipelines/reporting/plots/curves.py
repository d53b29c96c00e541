"""Plots of a search and of a training: trials, importances, learning curves, leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipelines.evaluation.leaderboard import BASELINE, Estimate, Leaderboard
from pipelines.evaluation.number_format import format_number
from pipelines.reporting.plots.style import (
    BLUE,
    COLOUR_CYCLE,
    GREY,
    ORANGE,
    RED,
    format_percent,
    percent_formatter,
    png_figure,
)
from pipelines.tasks import Goal, Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_SCALE_RATIO = 8  # times the smallest value, from which a scale is logarithmic


class TrialRow(Protocol):
    """The fields of a trial that are drawn."""

    @property
    def number(self) -> int: ...
    @property
    def state(self) -> str:
        """complete, pruned or failed"""

    @property
    def score(self) -> float | None: ...


def draw_search_history(path: Path, trials: Sequence[TrialRow], goal: Goal) -> None:
    """Score of every trial in order, and the best so far."""
    name = _display_name(goal.name)
    with png_figure(path, 7, 3.4) as figure:
        axes = figure.add_subplot(title=f"{len(trials)} settings tried: {name} on validation", xlabel="trial")
        styles = {
            "complete": (BLUE, "o", "trained to the end"),
            "pruned": (ORANGE, "v", "stopped early: behind the others"),
        }
        for state, (colour, marker, label) in styles.items():
            scores = {trial.number: trial.score for trial in trials if trial.state == state and trial.score is not None}
            if scores:
                axes.plot(
                    list(scores), list(scores.values()), marker, color=colour, markersize=6, label=label, zorder=3
                )
        for trial in trials:
            if trial.state == "failed":
                axes.axvline(trial.number, color=RED, linestyle=":", linewidth=1.2)
                place, system = (trial.number, 0.97), ("data", "axes fraction")
                axes.annotate(
                    "failed", place, xycoords=system, color=RED, rotation=90, ha="right", va="top", fontsize=8
                )
        steps, best = _best_so_far(trials, goal)
        if steps:
            axes.step(steps, best, where="post", color=BLUE, linewidth=1.2, label="best so far")
            end = (steps[-1], best[-1])
            axes.annotate(format_number(best[-1]), end, (6, 0), textcoords="offset points", color=BLUE, va="center")
        axes.set_ylabel(f"{name} ({_direction_label(goal)})")
        _set_scale(axes, [trial.score for trial in trials if trial.score is not None])
        if axes.lines:
            figure.legend(loc="outside lower center", ncols=3)
        _use_integer_ticks(axes)
        axes.set_xlim(-0.6, max(len(trials) + 0.2, 1))


def _best_so_far(trials: Sequence[TrialRow], goal: Goal) -> tuple[list[int], list[float]]:
    """Trial numbers and the best score of a complete trial up to each, from the first complete one on."""
    numbers: list[int] = []
    scores: list[float] = []
    for trial in trials:
        if trial.state == "complete" and trial.score is not None:
            better = not scores or goal.is_better(trial.score, scores[-1])
            numbers.append(trial.number)
            scores.append(trial.score if better else scores[-1])
        elif scores:
            numbers.append(trial.number)
            scores.append(scores[-1])
    return numbers, scores


def draw_importances(path: Path, shares: Mapping[str, float]) -> None:
    """Importance of every setting: its share of the differences between trials."""
    ordered = sorted(shares.items(), key=lambda item: item[1])
    with png_figure(path, 7, max(1.6, 0.9 + 0.32 * len(ordered))) as figure:
        axes = figure.add_subplot(title="Which settings mattered")
        if not ordered:
            _draw_message(axes, "Too few finished trials to tell.")
            return
        bars = axes.barh(
            [_display_name(name) for name, _ in ordered], [share for _, share in ordered], color=BLUE, height=0.62
        )
        axes.bar_label(bars, [format_percent(share) for _, share in ordered], padding=4)
        axes.set_xlim(0, max(share for _, share in ordered) * 1.12)
        axes.set_xlabel("share of the differences between trials")
        axes.xaxis.set_major_formatter(percent_formatter())
        axes.grid(visible=False, axis="y")


def draw_learning_curves(path: Path, history: Mapping[str, Sequence[Mapping[str, float]]], goal: Goal) -> None:
    """Learning curves: training loss and the goal on validation, one line per member; best epochs are marked.

    Args:
        history: of every member, what was measured after each epoch; what is fitted in rounds has no train_loss.
    """
    column = f"valid_{goal.name}"
    on_validation = f"{_capitalize_first(_display_name(goal.name))} on the validation part"
    curves = {
        "train_loss": ("Loss on the training part", "loss (lower is better)"),
        column: (on_validation, f"{_display_name(goal.name)} ({_direction_label(goal)})"),
    }
    rows_of_all = [row for rows in history.values() for row in rows]
    in_epochs = "train_loss" in rows_of_all[0]
    shown = curves if in_epochs else {column: curves[column]}
    with png_figure(path, 9, 3.4) as figure:
        panels = figure.subplots(1, len(shown), squeeze=False)[0]
        for axes, (measured, (title, label)) in zip(panels, shown.items(), strict=True):
            axes.set(title=title, xlabel="epoch" if in_epochs else "round", ylabel=label)
            _set_scale(axes, [row[measured] for row in rows_of_all])
            _use_integer_ticks(axes)
            for (member, rows), colour in zip(history.items(), COLOUR_CYCLE * len(history), strict=False):
                epochs, values = [row["epoch"] for row in rows], [row[measured] for row in rows]
                axes.plot(epochs, values, color=colour, label=member.replace("-", " "))
        right, dot = panels[-1], {"markersize": 7, "markeredgecolor": "white"}
        for rows, colour in zip(history.values(), COLOUR_CYCLE * len(history), strict=False):
            for kept in (row for row in rows if row["kept"]):
                right.plot(kept["epoch"], kept[column], "o", color=colour, zorder=4, **dot)
        right.plot([], [], "o", color=GREY, label="kept", **dot)
        right.legend()


def draw_leaderboard(path: Path, board: Leaderboard, metrics: Sequence[Metric]) -> None:
    """Test scores with their 95 % intervals, best on validation at the top; one panel per metric.

    The scale is that of the contenders; a baseline beyond it is written as a number at the edge.
    """
    rows = list(reversed(board.rows))
    with png_figure(path, 9, 1.3 + 0.42 * len(rows)) as figure:
        panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            estimates = [row.test_scores[metric.name] for row in rows if row.architecture != BASELINE]
            low = min(min(estimate.value, estimate.low) for estimate in estimates)
            high = max(max(estimate.value, estimate.high) for estimate in estimates)
            margin = (high - low) * 0.12 or 0.01
            axes.set_xlim(low - margin, high + margin)
            for position, row in enumerate(rows):
                colour = {board.champion.contender: BLUE}.get(row.contender, GREY)
                _draw_interval(axes, position, row.test_scores[metric.name], colour)
            axes.set(title=f"{metric.title} on test", xlabel=f"{metric.better} is better")
            axes.grid(visible=False, axis="y")
        panels[0].set_ylim(-0.6, len(rows) - 0.4)
        panels[0].set_yticks(range(len(rows)), [row.contender for row in rows])
        for label, row in zip(panels[0].get_yticklabels(), rows, strict=True):
            if row.contender == board.champion.contender:
                label.set(color=BLUE, weight="bold")


def _draw_interval(axes: Axes, position: int, estimate: Estimate, colour: str) -> None:
    left, right = axes.get_xlim()
    if left <= estimate.value <= right:
        axes.plot(
            [estimate.low, estimate.high], [position, position], color=colour, linewidth=2.4, solid_capstyle="round"
        )
        axes.plot(estimate.value, position, "o", color=colour, markersize=8, markeredgecolor="white")
        return
    beyond = estimate.value > right
    text = f"{format_number(estimate.value)} →" if beyond else f"← {format_number(estimate.value)}"
    axes.annotate(
        text, (0.99 if beyond else 0.01, position), xycoords=("axes fraction", "data"), color=colour,
        ha="right" if beyond else "left", va="center",
    )  # fmt: skip


def _set_scale(axes: Axes, values: Sequence[float]) -> None:
    """Use a logarithmic scale where the values lie far apart, so that the good ones can be told from each other."""
    if values and min(values) > 0 and max(values) > LOG_SCALE_RATIO * min(values):
        from matplotlib.ticker import LogLocator

        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda *_: "")


def _use_integer_ticks(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_message(axes: Axes, sentence: str) -> None:
    axes.set_axis_off()
    axes.text(0, 0.5, sentence, transform=axes.transAxes, va="center", color=GREY)


def _display_name(name: str) -> str:
    return name.replace("_", " ").replace("mase", "MASE").replace("mae", "MAE")


def _capitalize_first(words: str) -> str:
    return words[:1].upper() + words[1:]


def _direction_label(goal: Goal) -> str:
    return "lower is better" if goal.direction == "minimize" else "higher is better"
