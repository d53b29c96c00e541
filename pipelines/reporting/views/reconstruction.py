"""How a reconstruction is shown: before and after, and of anomaly detection, how the scores lie about the threshold."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.data.statistics import moments
from pipelines.evaluation.leaderboard import Estimate, Row
from pipelines.reporting.csv_table import write_table
from pipelines.reporting.plots.contact_sheet import draw_sheet, standing_for_all
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    drawing,
)
from pipelines.reporting.views.view import View
from pipelines.tasks.metrics.image_similarity import psnr, squared_error
from pipelines.tasks.reconstruction import Reconstruction

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

BINS = 30  # of the histogram of scores
WIDE = 20  # times the lowest score, from which the histogram is logarithmic
COLUMNS = 25  # of a table that one picture can name
EACH = 2  # examples of every kind of hit and miss

CAPTIONS = {
    "anomaly_scores.png": (
        "Can the score tell them apart?",
        "How often each score occurs among the normal and the anomalous test examples. What lies right of the dashed "
        "line, the threshold chosen on validation, is flagged: blue there is a false alarm, orange left of it was "
        "missed.",
    ),
    "reconstructions.png": (
        "Before and after",
        "Test images in columns: what was shown, what should have been drawn where that is another image, what was "
        "drawn, and the difference (white: far off).",
    ),
    "column_errors.png": (
        "Which columns it gets wrong",
        "The squared difference between a column and its reconstruction, averaged over the test rows, in units of the "
        "column's spread: 1 is as bad as always answering the mean. Of anomaly detection, columns far apart for the "
        "two kinds of rows are the ones that give an anomaly away.",
    ),
}


def headline(row: Row, examples: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    test = row.test
    if "auroc" in test:
        return (
            f"On {examples:,} examples it had never seen, it flagged {test['recall'].value * 100:.1f} % of the "
            f"anomalous ones, and {test['precision'].value * 100:.1f} % of what it flagged was anomalous; an anomalous "
            f"example scores above a normal one {test['auroc'].value * 100:.1f} times in 100"
            f"{_interval(test['auroc'], 100)}."
        )
    if "psnr" in test:
        wanted = "the clean ones" if schema.target.kind == "image" else "what it was shown"
        return (
            f"On {examples:,} images it had never seen, its reconstructions come as close to {wanted} as a "
            f"signal-to-noise ratio (PSNR) of {test['psnr'].value:.1f} dB{_interval(test['psnr'], 1)} and a structural "
            f"similarity (SSIM) of {test['ssim'].value:.3f}, where 1 is the same image."
        )
    error = test["squared_error"]
    return (
        f"On {examples:,} rows it had never seen, its reconstructions leave {error.value * 100:.1f} % of the columns' "
        f"variance unexplained{_interval(error, 100)}."
    )


def _interval(estimate: Estimate, times: float) -> str:
    return f" (95 % interval: {estimate.low * times:.1f} to {estimate.high * times:.1f})"


def show(folder: Path, view: View) -> None:
    """Write what the use has to show: pictures of images, errors of columns, scores of anomalies."""
    task = view.task
    assert isinstance(task, Reconstruction)
    pictures, tables = folder / "pictures", folder / "tables"
    anomalous = view.truth[:, 0] == 1
    if task.use == "anomalies":
        scores, threshold = np.asarray(view.replies[:, 0], dtype=np.float64), view.decision["threshold"]
        write_table(tables / "flagged.csv", Flagged._fields, flagged(view, scores >= threshold))
        draw_scores(pictures / "anomaly_scores.png", scores, anomalous, threshold)
    if task.image:
        draw_images(pictures / "reconstructions.png", view, task, anomalous)
        return
    columns = column_errors(view, anomalous)
    write_table(tables / "column_errors.csv", Column._fields, columns)
    draw_columns(pictures / "column_errors.png", columns, task.use == "anomalies")


class Flagged(NamedTuple):
    """How many test examples of a class were flagged."""

    label: str
    kind: str  # normal or anomalous
    examples: int
    flagged: int


def flagged(view: View, flags: Booleans) -> list[Flagged]:
    """One row per class of the target that occurs."""
    task, codes = view.task, np.asarray(view.test.target)
    assert isinstance(task, Reconstruction)
    return [
        Flagged(
            label,
            "normal" if code == task.normal else "anomalous",
            int((codes == code).sum()),
            int(flags[codes == code].sum()),
        )
        for code, label in enumerate(view.schema.target.categories)
        if (codes == code).any()
    ]


class Column(NamedTuple):
    """Mean squared difference of a column, in units of its spread among the normal test rows; NaN without any row."""

    column: str
    normal: float
    anomalous: float


def column_errors(view: View, anomalous: Booleans) -> list[Column]:
    """One row per column of a table, in the order of the schema; missing cells are left out."""
    wanted = view.truth[:, 1:].astype(np.float64)
    spread = moments(wanted[~anomalous])[1]
    squares = np.square((view.replies[:, 1:] - wanted) / spread)  # (N, D)
    known = ~np.isnan(squares)
    means = []
    for rows in (~anomalous, anomalous):
        count = known[rows].sum(axis=0)
        total = np.where(known[rows], squares[rows], 0).sum(axis=0)
        means.append(np.divide(total, count, out=np.full(len(spread), np.nan), where=count > 0))
    names = [field.name for field in view.schema.inputs]
    return [Column(name, float(mean), float(odd)) for name, mean, odd in zip(names, *means, strict=True)]


def draw_scores(path: Path, scores: Floats, anomalous: Booleans, threshold: float) -> None:
    """How often each score occurs among normal and anomalous examples, and where the threshold lies."""
    low, high = float(min(scores.min(), threshold)), float(max(scores.max(), threshold))
    logarithmic = low > 0 and high > WIDE * low
    high = high if high > low else low + 1.0
    edges = np.geomspace(low, high, BINS + 1) if logarithmic else np.linspace(low, high, BINS + 1)
    with drawing(path, 7, 3.6) as figure:
        axes = figure.add_subplot(title="Can the score tell them apart?", xlabel="score", ylabel="test examples")
        for rows, colour, name in ((~anomalous, BLUE, "normal"), (anomalous, ORANGE, "anomalous")):
            label = f"{name} ({rows.sum():,})"
            axes.hist(
                scores[rows],
                bins=edges.tolist(),
                color=colour,
                alpha=0.55,
                label=label,
                edgecolor=colour,
                linewidth=0.8,
            )
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1.2)
        axes.annotate(
            "flagged →", (threshold, 0.99), xycoords=("data", "axes fraction"), xytext=(5, 0),
            textcoords="offset points", va="top", fontsize=9,
        )  # fmt: skip
        if logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.margins(y=0.15)
        axes.grid(visible=False, axis="x")
        axes.legend()


def draw_columns(path: Path, columns: Sequence[Column], anomalies: bool) -> None:
    """A dot per column and kind of row; the columns with the largest errors where there are too many to name."""
    ordered = sorted(columns, key=lambda one: -np.nanmax((one.normal, one.anomalous, 0)))[:COLUMNS][::-1]
    with drawing(path, 7, 1.1 + 0.24 * max(3, len(ordered))) as figure:
        axes = figure.add_subplot(xlabel="squared error, in units of the column's spread (1: no better than the mean)")
        more = f", the {len(ordered)} worst of {len(columns)}" if len(ordered) < len(columns) else ""
        axes.set_title(f"Error by column{more}")
        places = np.arange(len(ordered))
        normal = np.array([one.normal for one in ordered])
        if anomalies:
            odd = np.array([one.anomalous for one in ordered])
            axes.hlines(places, np.fmin(normal, odd), np.fmax(normal, odd), color="#cccccc", linewidth=2)
            axes.plot(odd, places, "D", color=ORANGE, markersize=6, markeredgecolor="white", label="anomalous rows")
            normal_label = "normal rows"
        else:
            normal_label = "all rows"
        axes.plot(normal, places, "o", color=BLUE, markersize=7, markeredgecolor="white", label=normal_label)
        axes.axvline(1, color=GREY, linestyle="--", linewidth=1)
        values = np.array([[one.normal, one.anomalous] for one in ordered])
        if np.nanmin(values) > 0 and np.nanmax(values) > WIDE * np.nanmin(values):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_yticks(places, [one.column for one in ordered])
        axes.set_ylim(-0.7, len(ordered) - 0.3)
        if anomalies:
            figure.legend(loc="outside lower center", ncols=2)


def draw_images(path: Path, view: View, task: Reconstruction, anomalous: Booleans) -> None:
    """What was shown, what should have been drawn, what was drawn, and the difference; an example per column."""
    drawn, wanted = (values[:, 1:].reshape(-1, *task.shape) for values in (view.replies, view.truth))
    if task.use == "anomalies":
        chosen = _hits_and_misses(view, anomalous)
    else:
        decibels = psnr(squared_error(drawn, wanted))
        chosen = [(f"{name}\n{decibels[row]:.1f} dB", row) for name, row in standing_for_all(-decibels, ends=3)]
    rows = [row for _, row in chosen]
    asked = [np.asarray(view.test.inputs[0][row]) for row in rows]
    lines = {"shown": asked}
    if task.use == "denoising":
        lines["should be"] = [wanted[row] for row in rows]
        lines |= {name.removesuffix(" (baseline)"): [replies[row, 1:].reshape(task.shape) for row in rows]
                  for name, replies in view.baselines.items() if name.startswith("gaussian")}  # fmt: skip
    lines["drawn"] = [drawn[row] for row in rows]
    lines["difference"] = [np.abs(drawn[row] - wanted[row]) for row in rows]
    title = f"{len(rows)} of {len(drawn):,} test images"
    draw_sheet(path, title, [name for name, _ in chosen], list(lines), list(lines.values()))


def _hits_and_misses(view: View, anomalous: Booleans) -> list[tuple[str, int]]:
    """The clearest anomalies, those that look most normal, the worst false alarms, and normal examples."""
    scores, labels = view.replies[:, 0], view.schema.target.categories
    threshold = view.decision["threshold"]
    order = np.argsort(-scores, kind="stable")
    odd, normal = order[anomalous[order]], order[~anomalous[order]]
    middle = len(normal) // 2
    chosen = [*odd[:EACH], *odd[EACH:][-EACH:], *normal[:EACH], *normal[EACH:][middle - EACH : middle]]
    return [
        (
            f"{labels[int(view.test.target[row])]}: {'flagged' if scores[row] >= threshold else 'passed'}\n"
            f"score {scores[row]:.3g}",
            int(row),
        )
        for row in chosen
    ]
