"""How a reconstruction is shown: before and after, and of anomaly detection, how the scores lie about the threshold."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.data.statistics import mean_and_std
from pipelines.evaluation.leaderboard import Estimate, LeaderboardRow
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.contact_sheet import best_median_worst, draw_contact_sheet
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    png_figure,
)
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.metrics.image_similarity import mean_squared_error, psnr
from pipelines.tasks.reconstruction import Reconstruction

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

HISTOGRAM_BINS = 30  # of the histogram of scores
LOG_SCALE_RATIO = 20  # times the lowest score, from which the histogram is logarithmic
MAX_COLUMNS = 25  # of a table that one picture can name
EXAMPLES_PER_OUTCOME = 2  # examples of every kind of hit and miss

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


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    test = row.test_scores
    if "auroc" in test:
        return (
            f"On {test_rows:,} examples it had never seen, it flagged {test['recall'].value * 100:.1f} % of the "
            f"anomalous ones, and {test['precision'].value * 100:.1f} % of what it flagged was anomalous; an anomalous "
            f"example scores above a normal one {test['auroc'].value * 100:.1f} times in 100"
            f"{_format_interval(test['auroc'], 100)}."
        )
    if "psnr" in test:
        target_phrase = "the clean ones" if schema.target.kind == "image" else "what it was shown"
        return (
            f"On {test_rows:,} images it had never seen, its reconstructions come as close to {target_phrase} as a "
            f"signal-to-noise ratio (PSNR) of {test['psnr'].value:.1f} dB{_format_interval(test['psnr'], 1)} and a "
            f"structural similarity (SSIM) of {test['ssim'].value:.3f}, where 1 is the same image."
        )
    error = test["squared_error"]
    return (
        f"On {test_rows:,} rows it had never seen, its reconstructions leave {error.value * 100:.1f} % of the columns' "
        f"variance unexplained{_format_interval(error, 100)}."
    )


def _format_interval(estimate: Estimate, factor: float) -> str:
    return f" (95 % interval: {estimate.low * factor:.1f} to {estimate.high * factor:.1f})"


def write_view(folder: Path, data: EvaluationData[Reconstruction]) -> None:
    """Write what the use has to show: pictures of images, errors of columns, scores of anomalies."""
    task = data.task
    pictures, tables = folder / "pictures", folder / "tables"
    anomalous = data.reference.is_anomalous
    if task.mode == "anomalies":
        scores, threshold = np.asarray(data.predictions[:, 0], dtype=np.float64), data.calibration["threshold"]
        write_csv_table(tables / "flagged.csv", FlagCounts._fields, flag_counts(data, scores >= threshold))
        draw_anomaly_scores(pictures / "anomaly_scores.png", scores, anomalous, threshold)
    if task.is_image:
        draw_reconstructions(pictures / "reconstructions.png", data, task, anomalous)
        return
    columns = column_errors(data, anomalous)
    write_csv_table(tables / "column_errors.csv", ColumnError._fields, columns)
    draw_column_errors(pictures / "column_errors.png", columns, task.mode == "anomalies")


class FlagCounts(NamedTuple):
    """How many test examples of a class were flagged."""

    label: str
    kind: str  # normal or anomalous
    examples: int
    flagged: int


def flag_counts(data: EvaluationData[Reconstruction], flags: Booleans) -> list[FlagCounts]:
    """One row per class of the target that occurs."""
    task, codes = data.task, np.asarray(data.test.target)
    return [
        FlagCounts(
            label,
            "normal" if code == task.normal_class else "anomalous",
            int((codes == code).sum()),
            int(flags[codes == code].sum()),
        )
        for code, label in enumerate(data.schema.target.categories)
        if (codes == code).any()
    ]


class ColumnError(NamedTuple):
    """Mean squared difference of a column, in units of its spread among the normal test rows; NaN without any row."""

    column: str
    normal: float
    anomalous: float


def column_errors(data: EvaluationData[Reconstruction], anomalous: Booleans) -> list[ColumnError]:
    """One row per column of a table, in the order of the schema; missing cells are left out."""
    reference = data.reference.values.astype(np.float64)
    spread = mean_and_std(reference[~anomalous])[1]
    squares = np.square((data.predictions[:, 1:] - reference) / spread)  # (N, D)
    known = ~np.isnan(squares)
    means = []
    for rows in (~anomalous, anomalous):
        count = known[rows].sum(axis=0)
        total = np.where(known[rows], squares[rows], 0).sum(axis=0)
        means.append(np.divide(total, count, out=np.full(len(spread), np.nan), where=count > 0))
    names = [field.name for field in data.schema.inputs]
    return [ColumnError(name, float(mean), float(odd)) for name, mean, odd in zip(names, *means, strict=True)]


def draw_anomaly_scores(path: Path, scores: Floats, anomalous: Booleans, threshold: float) -> None:
    """How often each score occurs among normal and anomalous examples, and where the threshold lies."""
    low, high = float(min(scores.min(), threshold)), float(max(scores.max(), threshold))
    logarithmic = low > 0 and high > LOG_SCALE_RATIO * low
    high = high if high > low else low + 1.0
    edges = np.geomspace(low, high, HISTOGRAM_BINS + 1) if logarithmic else np.linspace(low, high, HISTOGRAM_BINS + 1)
    with png_figure(path, 7, 3.6) as figure:
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


def draw_reconstructions(
    path: Path, data: EvaluationData[Reconstruction], task: Reconstruction, anomalous: Booleans
) -> None:
    """What was shown, what should have been drawn, what was drawn, and the difference; an example per column."""
    reconstructions, reference = data.predictions[:, 1:].reshape(-1, *task.shape), data.reference.values
    if task.mode == "anomalies":
        chosen = _choose_hits_and_misses(data, anomalous)
    else:
        decibels = psnr(mean_squared_error(reconstructions, reference))
        chosen = [(f"{name}\n{decibels[row]:.1f} dB", row) for name, row in best_median_worst(-decibels, per_end=3)]
    rows = [row for _, row in chosen]
    inputs = [np.asarray(data.test.inputs[0][row]) for row in rows]
    image_rows = {"shown": inputs}
    if task.mode == "denoising":
        image_rows["should be"] = [reference[row] for row in rows]
        image_rows |= {name.removesuffix(" (baseline)"): [predictions[row, 1:].reshape(task.shape) for row in rows]
                  for name, predictions in data.baselines.items() if name.startswith("gaussian")}  # fmt: skip
    image_rows["drawn"] = [reconstructions[row] for row in rows]
    image_rows["difference"] = [np.abs(reconstructions[row] - reference[row].astype(np.float32)) for row in rows]
    title = f"{len(rows)} of {len(reconstructions):,} test images"
    draw_contact_sheet(path, title, [name for name, _ in chosen], list(image_rows), list(image_rows.values()))


def _choose_hits_and_misses(data: EvaluationData[Reconstruction], anomalous: Booleans) -> list[tuple[str, int]]:
    """The clearest anomalies, those that look most normal, the worst false alarms, and normal examples."""
    scores, labels = data.predictions[:, 0], data.schema.target.categories
    threshold = data.calibration["threshold"]
    order = np.argsort(-scores, kind="stable")
    anomalies, normal = order[anomalous[order]], order[~anomalous[order]]
    middle = len(normal) // 2
    chosen = [
        *anomalies[:EXAMPLES_PER_OUTCOME],
        *anomalies[EXAMPLES_PER_OUTCOME:][-EXAMPLES_PER_OUTCOME:],
        *normal[:EXAMPLES_PER_OUTCOME],
        *normal[EXAMPLES_PER_OUTCOME:][middle - EXAMPLES_PER_OUTCOME : middle],
    ]
    return [
        (
            f"{labels[int(data.test.target[row])]}: {'flagged' if scores[row] >= threshold else 'passed'}\n"
            f"score {scores[row]:.3g}",
            int(row),
        )
        for row in chosen
    ]
