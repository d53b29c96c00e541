"""Report of a classification: confusion matrix, reliability diagram, worst mistakes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence
from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.evaluation.number_format import format_interval
from pipelines.evaluation.shares import share_of_rows
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    format_percent,
    percent_formatter,
    png_figure,
)
from pipelines.reporting.plots.worst_mistakes import draw_mistakes, worst_rows
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.classification import Classification, predicted_classes

Floats = NDArray[np.float64]

MAX_LABELLED_CLASSES = 60  # classes up to which the confusion matrix names them
MAX_COUNTED_CLASSES = 25  # classes up to which every cell of the confusion matrix shows its count
RELIABILITY_BINS = 15  # of equal width, in the reliability diagram
Z_95 = 1.959964  # of a 95 % interval

CAPTIONS = {
    "confusion.png": (
        "What was taken for what",
        "A row holds the examples that truly belong to a class, a column those that were given it. Blue, on the "
        "diagonal, is right; an orange cell is a mix-up, and the number says how often it happened.",
    ),
    "reliability.png": (
        "Can its confidence be believed?",
        "A dot gathers the test examples it was about equally sure of: across, how sure it was; up, how often it was "
        "right, with a 95 % interval. On the dashed line, 90 % sure means right 90 times in 100; below it, the model "
        "is too sure of itself. The bars below say how many examples each dot stands for.",
    ),
    "mistakes.png": (
        "Its worst mistakes",
        "The test examples it got most wrong, with the truth, its answer and how sure it was. Would a person have "
        "known better?",
    ),
}


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    accuracy = row.test_scores["accuracy"]
    return (
        f"On {test_rows:,} examples it had never seen, it was right {round(accuracy.value * test_rows):,} times: "
        f"{accuracy.value * 100:.1f} %{format_interval(accuracy.low * 100, accuracy.high * 100, ' %')}"
        f"{_label_phrase(row)}."
    )


def _label_phrase(row: LeaderboardRow) -> str:
    """What the threshold makes of it, where the labels that are served are not the most probable classes."""
    labels, accuracy = row.test_scores.get("accuracy_at_threshold"), row.test_scores["accuracy"]
    if labels is None or labels.value == accuracy.value:
        return ""
    recall, precision = row.test_scores["recall_at_threshold"], row.test_scores["precision_at_threshold"]
    return (
        f" by the more probable class. The label it serves goes by a threshold chosen on validation: right in "
        f"{labels.value * 100:.1f} %, it finds {recall.value * 100:.0f} % of the rarer class, and of what it gives "
        f"that class {precision.value * 100:.0f} % belong to it"
    )


def write_view(folder: Path, data: EvaluationData[Classification]) -> None:
    """Write tables of confusion, reliability and classes; pictures of confusion, reliability and mistakes."""
    targets = np.asarray(data.reference.codes, dtype=np.int64)
    probabilities = np.asarray(data.predictions, dtype=np.float64)
    predicted = predicted_classes(probabilities, data.calibration)
    labels = data.schema.target.categories
    label_pairs = [(labels[target], labels[guess]) for target, guess in zip(targets, predicted, strict=True)]
    bins = reliability_bins(probabilities, targets)
    write_csv_table(folder / "tables" / "confusion.csv", ("actual", "predicted"), label_pairs)
    write_csv_table(folder / "tables" / "reliability.csv", ReliabilityBin._fields, bins)
    scores = class_scores(labels, targets, predicted, data.dependence)
    write_csv_table(folder / "tables" / "per_class.csv", ClassScores._fields, scores)
    pictures = folder / "pictures"
    draw_confusion(pictures / "confusion.png", labels, targets, predicted)
    draw_reliability(pictures / "reliability.png", bins)
    wrong = predicted != targets
    rows = worst_rows(wrong, -probabilities[np.arange(len(targets)), targets])
    captions = [
        f"true {label_pairs[row][0]}, said {label_pairs[row][1]} ({format_percent(probabilities[row, predicted[row]])})"
        for row in rows
    ]
    draw_mistakes(pictures / "mistakes.png", data.schema, data.test, rows, captions, wrong)


class ClassScores(NamedTuple):
    """How one class fares; NaN where nothing can be said. Intervals are of 95 %."""

    label: str
    examples: int  # of the class
    answered: int  # that were given it
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float
    f1: float
    f1_low: float
    f1_high: float


def class_scores(
    labels: Sequence[str],
    targets: NDArray[np.int64],
    predicted: NDArray[np.int64],
    dependence: Dependence = ALONE,
) -> list[ClassScores]:
    """One row per class, in the order of the schema, of the labels that are served.

    All are exact intervals of shares, by the groups where examples come in groups. F1 is 2 J / (1 + J), where J is the
    share of hits among the examples that are of the class or were given it.
    """
    rows = []
    for code, label in enumerate(labels):
        true, given = targets == code, predicted == code
        hits = true & given
        precision, recall, overlap = (
            [_share(hits, among), *share_of_rows(hits, among, dependence)] for among in (given, true, true | given)
        )
        f1 = [2 * end / (1 + end) for end in overlap]
        rows.append(ClassScores(label, int(true.sum()), int(given.sum()), *precision, *recall, *f1))
    return rows


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(hits.sum() / among.sum()) if among.any() else float("nan")


class ReliabilityBin(NamedTuple):
    """Test examples of about the same stated confidence."""

    confidence: float  # their mean top probability
    accuracy: float  # the share of them that is right
    low: float  # 95 % interval of that share
    high: float
    examples: int


def reliability_bins(probabilities: Floats, targets: NDArray[np.int64]) -> list[ReliabilityBin]:
    """Bins of equal width that hold an example, least sure first; bin b is (b/15, (b+1)/15].

    The intervals are Wilson's ("Probable Inference, the Law of Succession, and Statistical Inference", 1927).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == targets
    inner_edges = np.linspace(0, 1, RELIABILITY_BINS + 1)[1:-1]
    bin_numbers = np.searchsorted(inner_edges, confidence, side="left")
    bins = []
    for number in np.unique(bin_numbers):
        members = bin_numbers == number
        count, accuracy = int(members.sum()), float(correct[members].mean())
        centre = (accuracy + Z_95**2 / (2 * count)) / (1 + Z_95**2 / count)
        half_width = (
            Z_95 / (1 + Z_95**2 / count) * np.sqrt(accuracy * (1 - accuracy) / count + Z_95**2 / (4 * count**2))
        )
        bins.append(
            ReliabilityBin(float(confidence[members].mean()), accuracy, centre - half_width, centre + half_width, count)
        )
    return bins


def draw_confusion(path: Path, labels: Sequence[str], targets: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
    """Counts of (truth, answer): blue where they agree, orange where they do not, darker for a larger share."""
    classes = len(labels)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (targets, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mistakes = np.where(np.eye(classes, dtype=bool), 0, shares)
    side = min(3.2 + 0.34 * classes, 11)
    with png_figure(path, side * 0.95, side) as figure:
        axes = figure.add_subplot(title="What was taken for what", xlabel="answer", ylabel="truth")
        axes.imshow(_cell_colours(np.diag(shares), mistakes))
        axes.grid(visible=False)
        axes.spines[["top", "right"]].set_visible(True)
        axes.hlines(np.arange(1, classes) - 0.5, -0.5, classes - 0.5, color="#e4e4e4", linewidth=0.6)
        axes.vlines(np.arange(1, classes) - 0.5, -0.5, classes - 0.5, color="#e4e4e4", linewidth=0.6)
        if classes <= MAX_LABELLED_CLASSES:
            longest = max(len(label) for label in labels)
            axes.set_xticks(range(classes), labels, rotation=0 if longest <= 3 else 90)
            axes.set_yticks(range(classes), labels)
        if classes <= MAX_COUNTED_CLASSES:
            for row, column in zip(*np.nonzero(counts), strict=True):
                dark = row == column and shares[row, column] > 0.5
                axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=9,
                          color="white" if dark else "black")  # fmt: skip


def _cell_colours(right: Floats, mistakes: Floats) -> Floats:
    """Colours (K, K, 3): white to blue along the diagonal, white to orange by the largest mistake elsewhere."""
    from matplotlib.colors import to_rgb

    white, blue, orange = (np.array(to_rgb(colour)) for colour in ("white", BLUE, ORANGE))
    strength = np.sqrt(mistakes / max(mistakes.max(), 1e-12))[..., None]  # the root lets rare mix-ups show
    colours = white + (orange - white) * strength
    diagonal = np.arange(len(right))
    colours[diagonal, diagonal] = white + (blue - white) * right[:, None]
    return np.asarray(colours, dtype=np.float64)


def draw_reliability(path: Path, bins: Sequence[ReliabilityBin]) -> None:
    """Stated confidence against hit rate, and below it how many examples stand behind each point."""
    confidence = [one.confidence for one in bins]
    with png_figure(path, 5.6, 5.6) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1.2)
        for one in bins:
            upper.plot([one.confidence] * 2, [one.low, one.high], color=BLUE, linewidth=1.8)
        upper.plot(confidence, [one.accuracy for one in bins], "o", color=BLUE, markersize=7, markeredgecolor="white")
        upper.set(title="Can its confidence be believed?", ylabel="how often it was right", ylim=(-0.03, 1.03))
        bars = lower.bar(confidence, [one.examples for one in bins], width=0.8 / RELIABILITY_BINS, color=BLUE)
        lower.bar_label(bars, fontsize=8, padding=2, color=GREY)
        lower.set(xlabel="how sure it was", ylabel="examples", xlim=(-0.03, 1.03))
        lower.margins(y=0.25)
        lower.grid(visible=False, axis="x")
        for axis in (upper.xaxis, upper.yaxis):
            axis.set_major_formatter(percent_formatter())
