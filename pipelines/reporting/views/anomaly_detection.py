"""Report of an anomaly detection: the scores about the threshold, hits and misses, and the columns behind them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.evaluation.number_format import format_interval
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.reconstructions import (
    COLUMN_ERRORS_CAPTION,
    LOG_SCALE_RATIO,
    RECONSTRUCTIONS_CAPTION,
    ColumnError,
    column_errors,
    draw_column_errors,
    draw_reconstructions,
)
from pipelines.reporting.plots.style import BLUE, ORANGE, png_figure
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.anomaly_detection import AnomalyDetection

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

HISTOGRAM_BINS = 30  # of the histogram of scores
EXAMPLES_PER_OUTCOME = 2  # examples of every kind of hit and miss

CAPTIONS = {
    "anomaly_scores.png": (
        "Can the score tell them apart?",
        "How often each score occurs among the normal and the anomalous test examples. What lies right of the dashed "
        "line, the threshold chosen on validation, is flagged: blue there is a false alarm, orange left of it was "
        "missed.",
    ),
    "reconstructions.png": RECONSTRUCTIONS_CAPTION,
    "column_errors.png": COLUMN_ERRORS_CAPTION,
}
REPLY_DESCRIPTION = (
    "The answer is a score that says how far what was sent is from its reconstruction, whether the score is above the "
    "threshold chosen on validation, and the reconstruction."
)


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    test = row.test_scores
    return (
        f"On {test_rows:,} examples it had never seen, it flagged {test['recall'].value * 100:.1f} % of the "
        f"anomalous ones, and {test['precision'].value * 100:.1f} % of what it flagged was anomalous; an anomalous "
        f"example scores above a normal one {test['auroc'].value * 100:.1f} times in 100"
        f"{format_interval(test['auroc'].low * 100, test['auroc'].high * 100)}."
    )


def write_view(folder: Path, data: EvaluationData[AnomalyDetection]) -> None:
    """Write tables/flagged.csv and pictures/anomaly_scores.png, and hits and misses, or the errors of columns."""
    pictures, tables = folder / "pictures", folder / "tables"
    anomalous, values = data.reference.is_anomalous, data.reference.values
    scores, threshold = np.asarray(data.predictions[:, 0], dtype=np.float64), data.calibration["threshold"]
    write_csv_table(tables / "flagged.csv", FlagCounts._fields, flag_counts(data, scores >= threshold))
    draw_anomaly_scores(pictures / "anomaly_scores.png", scores, anomalous, threshold)
    reconstructions = data.predictions[:, 1:].reshape(-1, *data.task.form.shape)
    if data.task.form.is_image:
        chosen, images = _choose_hits_and_misses(data, anomalous), {"shown": data.test.inputs[0]}
        draw_reconstructions(pictures / "reconstructions.png", chosen, images, reconstructions, values)
        return
    columns = column_errors([field.name for field in data.schema.inputs], reconstructions, values, anomalous)
    write_csv_table(tables / "column_errors.csv", ColumnError._fields, columns)
    draw_column_errors(pictures / "column_errors.png", columns, has_anomalies=True)


class FlagCounts(NamedTuple):
    """How many test examples of a class were flagged."""

    label: str
    kind: str  # normal or anomalous
    examples: int
    flagged: int


def flag_counts(data: EvaluationData[AnomalyDetection], flags: Booleans) -> list[FlagCounts]:
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


def _choose_hits_and_misses(data: EvaluationData[AnomalyDetection], anomalous: Booleans) -> list[tuple[str, int]]:
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
