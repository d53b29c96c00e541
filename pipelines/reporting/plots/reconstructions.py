"""Plots of reconstructions: images before and after, and errors of a table's columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.statistics import mean_and_std
from pipelines.reporting.plots.contact_sheet import best_median_worst, draw_contact_sheet
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    png_figure,
)
from pipelines.tasks.metrics.image_similarity import mean_squared_error, psnr

Booleans = NDArray[np.bool_]

LOG_SCALE_RATIO = 20  # times the lowest value, from which an axis is logarithmic
MAX_COLUMNS = 25  # of a table that one picture can name

RECONSTRUCTIONS_CAPTION = (
    "Before and after",
    "Test images in columns: what was shown, what should have been drawn where that is another image, what was "
    "drawn, and the difference (white: far off).",
)
COLUMN_ERRORS_CAPTION = (
    "Which columns it gets wrong",
    "The squared difference between a column and its reconstruction, averaged over the test rows, in units of the "
    "column's spread: 1 is as bad as always answering the mean. Of anomaly detection, columns far apart for the "
    "two kinds of rows are the ones that give an anomaly away.",
)


class ColumnError(NamedTuple):
    """Mean squared difference of a column, in units of its spread among the normal test rows; NaN without any row."""

    column: str
    normal: float
    anomalous: float


def column_errors(
    names: Sequence[str], reconstructions: NDArray[Any], values: NDArray[Any], anomalous: Booleans
) -> list[ColumnError]:
    """One row per column of a table, in the order of the names; missing cells are left out.

    Args:
        reconstructions: what was drawn, (N, D).
        values: what should have been drawn, (N, D).
        anomalous: (N,).
    """
    true = values.astype(np.float64)
    spread = mean_and_std(true[~anomalous])[1]
    squares = np.square((reconstructions - true) / spread)  # (N, D)
    known = ~np.isnan(squares)
    means = []
    for rows in (~anomalous, anomalous):
        count = known[rows].sum(axis=0)
        total = np.where(known[rows], squares[rows], 0).sum(axis=0)
        means.append(np.divide(total, count, out=np.full(len(spread), np.nan), where=count > 0))
    return [ColumnError(name, float(mean), float(odd)) for name, mean, odd in zip(names, *means, strict=True)]


def draw_column_errors(path: Path, columns: Sequence[ColumnError], has_anomalies: bool) -> None:
    """A dot per column and kind of row; the columns with the largest errors where there are too many to name."""
    ordered = sorted(columns, key=lambda one: -np.nanmax((one.normal, one.anomalous, 0)))[:MAX_COLUMNS][::-1]
    with png_figure(path, 7, 1.1 + 0.24 * max(3, len(ordered))) as figure:
        axes = figure.add_subplot(xlabel="squared error, in units of the column's spread (1: no better than the mean)")
        more = f", the {len(ordered)} worst of {len(columns)}" if len(ordered) < len(columns) else ""
        axes.set_title(f"Error by column{more}")
        places = np.arange(len(ordered))
        normal = np.array([one.normal for one in ordered])
        if has_anomalies:
            anomalous = np.array([one.anomalous for one in ordered])
            axes.hlines(places, np.fmin(normal, anomalous), np.fmax(normal, anomalous), color="#cccccc", linewidth=2)
            axes.plot(
                anomalous, places, "D", color=ORANGE, markersize=6, markeredgecolor="white", label="anomalous rows"
            )
            normal_label = "normal rows"
        else:
            normal_label = "all rows"
        axes.plot(normal, places, "o", color=BLUE, markersize=7, markeredgecolor="white", label=normal_label)
        axes.axvline(1, color=GREY, linestyle="--", linewidth=1)
        values = np.array([[one.normal, one.anomalous] for one in ordered])
        if np.nanmin(values) > 0 and np.nanmax(values) > LOG_SCALE_RATIO * np.nanmin(values):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_yticks(places, [one.column for one in ordered])
        axes.set_ylim(-0.7, len(ordered) - 0.3)
        if has_anomalies:
            figure.legend(loc="outside lower center", ncols=2)


def best_and_worst_images(reconstructions: NDArray[Any], values: NDArray[Any]) -> list[tuple[str, int]]:
    """The captions and rows of the images that were drawn worst, middling and best."""
    decibels = psnr(mean_squared_error(reconstructions, values))
    return [(f"{name}\n{decibels[row]:.1f} dB", row) for name, row in best_median_worst(-decibels, per_end=3)]


def draw_reconstructions(
    path: Path,
    chosen: Sequence[tuple[str, int]],
    images: Mapping[str, NDArray[Any]],
    reconstructions: NDArray[Any],
    values: NDArray[Any],
) -> None:
    """Contact sheet with an example per column: its images, what was drawn, and the difference.

    Args:
        chosen: caption and row of every column.
        images: by the name of the line, in order, (N, H, W[, C]) each.
        reconstructions: what was drawn, (N, H, W[, C]).
        values: what should have been drawn, (N, H, W[, C]).
    """
    rows = [row for _, row in chosen]
    lines = {name: [np.asarray(several[row]) for row in rows] for name, several in images.items()}
    lines["drawn"] = [reconstructions[row] for row in rows]
    lines["difference"] = [np.abs(reconstructions[row] - values[row].astype(np.float32)) for row in rows]
    title = f"{len(rows)} of {len(reconstructions):,} test images"
    draw_contact_sheet(path, title, [name for name, _ in chosen], list(lines), list(lines.values()))
