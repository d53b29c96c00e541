"""Report of a segmentation: image, true and predicted mask and their differences; the overlap of every class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence
from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.evaluation.number_format import format_interval, format_number_interval
from pipelines.evaluation.shares import share_of_areas
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.contact_sheet import best_median_worst, draw_contact_sheet, to_display_pixels
from pipelines.reporting.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    format_percent,
    png_figure,
)
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.metrics import segmentation as segmentation_metrics
from pipelines.tasks.segmentation import Segmentation

Floats = NDArray[np.float64]

# Okabe & Ito's colours without those that tell what is wrong, then Tol's ("Colour Schemes", 2021)
CLASS_COLOURS = (
    BLUE, GREEN, "#F0E442", SKY, "#882255", "#332288", "#999933", "#44AA99", "#CC6677", "#AA4499", "#117733", "#DDCC77",
)  # fmt: skip
PALE_COLOUR = "#e6e6e6"  # of the background, or else of the first class
MAX_CLASS_BARS = 30  # classes whose bars can be read
MAX_LEGEND_CLASSES = 13  # classes that a legend can name
DARKENING = 0.45  # of an image, under what is wrong with its mask

CAPTIONS = {
    "masks.png": (
        "What it sees",
        "Test images, the worst answered at the top, the best at the bottom. From left to right: the image, the true "
        "classes, its answer, and the image again with every wrong pixel in colour.",
    ),
    "class_overlap.png": (
        "How every class fares",
        "A bar is the share of a class's area, answered or true, that is both (intersection over union), over all "
        "test images; the number behind the name is its share of the true pixels. Rare and thin things are hard: a "
        "line drawn one pixel beside the truth overlaps with nothing.",
    ),
}


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    dice, accuracy = row.test_scores["dice"], row.test_scores["pixel_accuracy"]
    return (
        f"On {test_rows:,} images it had never seen, it gave {accuracy.value * 100:.1f} % of the pixels the right "
        f"class{format_interval(accuracy.low * 100, accuracy.high * 100, ' %')}; its areas and the true ones overlap "
        f"with a Dice of {dice.value:.3f}{format_number_interval(dice.low, dice.high)}, where 1 is perfect."
    )


def write_view(folder: Path, data: EvaluationData[Segmentation]) -> None:
    """Write tables/per_class.csv, pictures/masks.png and pictures/class_overlap.png."""
    task = data.task
    counts = segmentation_metrics.count_pixels(data.predictions, data.reference.codes)
    overlaps = class_overlaps(task, counts, data.dependence)
    write_csv_table(folder / "tables" / "per_class.csv", ClassOverlap._fields, overlaps)
    draw_class_overlaps(folder / "pictures" / "class_overlap.png", overlaps)

    dice = segmentation_metrics.dice(counts, task.scored_classes)
    chosen = best_median_worst(-dice)
    pale_class = (
        0
        if len(task.scored_classes) == len(task.labels)
        else int(np.setdiff1d(range(len(task.labels)), task.scored_classes)[0])
    )
    colours = palette(len(task.labels), pale_class)
    class_rgb = np.array([_hex_to_rgb(colour) for colour in colours], dtype=np.uint8)
    background = pale_class if len(task.scored_classes) < len(task.labels) else None
    tiles = []
    for _, row in chosen:
        image, reference = (
            to_display_pixels(np.asarray(data.test.inputs[0][row])),
            np.asarray(data.reference.codes[row]),
        )
        predicted = np.asarray(data.predictions[row]).argmax(axis=0)
        tiles.append(
            [
                image,
                class_rgb[reference],
                class_rgb[predicted],
                difference_image(image, reference, predicted, background),
            ]
        )
    title = f"{len(chosen)} of {len(dice)} test images" if len(chosen) < len(dice) else "All test images"
    labels = [f"{name}: Dice {dice[place]:.3f}" for name, place in chosen]
    legend = list(zip(task.labels, colours, strict=True))[:MAX_LEGEND_CLASSES] + _difference_legend(
        background, len(task.labels)
    )
    draw_contact_sheet(
        folder / "pictures" / "masks.png", title, ("image", "truth", "answer", "difference"), labels, tiles, legend
    )


class ClassOverlap(NamedTuple):
    """How one class fares over all test pixels; NaN where it neither occurs nor is answered.

    The 95 % interval of its intersection over union is by images, or by groups of them.
    """

    label: str
    share_true: float
    share_answered: float
    precision: float
    recall: float
    dice: float
    iou: float
    iou_low: float
    iou_high: float
    scored: str  # whether it counts in the leaderboard's Dice, IoU and boundary F1


def class_overlaps(
    task: Segmentation, counts: segmentation_metrics.PixelCounts, dependence: Dependence = ALONE
) -> list[ClassOverlap]:
    """One row per class, in the order of the schema."""
    pixels = counts.true.sum()
    rows = []
    for code, label in enumerate(task.labels):
        shared, predicted, true = (each[:, code] for each in counts)  # (N,) each
        union = predicted + true - shared
        precision, recall, dice, iou = (
            float(shared.sum() / whole.sum()) if whole.sum() else float("nan")
            for whole in (predicted, true, (predicted + true) / 2, union)
        )
        shares = float(true.sum() / pixels), float(predicted.sum() / pixels)
        scored = "yes" if code in task.scored_classes else "no"
        interval = share_of_areas(shared, union, dependence)
        rows.append(ClassOverlap(label, *shares, precision, recall, dice, iou, *interval, scored))
    return rows


def difference_image(
    image: NDArray[np.uint8], reference: NDArray[Any], predicted: NDArray[Any], background: int | None
) -> NDArray[np.uint8]:
    """The image, darkened, with every wrong pixel in colour, (H, W, 3)."""
    grey = image if image.ndim == 2 else image.mean(axis=2)
    overlay = np.repeat((grey * DARKENING)[..., None], 3, axis=2).astype(np.uint8)
    overlay[reference != predicted] = _hex_to_rgb(RED)
    if background is not None:
        overlay[(reference != background) & (predicted == background)] = _hex_to_rgb(ORANGE)
        overlay[(reference == background) & (predicted != background)] = _hex_to_rgb(PURPLE)
    return overlay


def _difference_legend(background: int | None, classes: int) -> list[tuple[str, str]]:
    """What the colours of the difference mean."""
    if background is None:
        return [("wrong", RED)]
    return [("missed", ORANGE), ("not there", PURPLE), *([("mixed up", RED)] if classes > 2 else [])]


def palette(classes: int, pale_class: int) -> list[str]:
    """A colour per class: one is pale, the others as far apart as so many can be; beyond 12 they come again."""
    colours = [CLASS_COLOURS[place % len(CLASS_COLOURS)] for place in range(classes - 1)]
    return [*colours[:pale_class], PALE_COLOUR, *colours[pale_class:]]


def _hex_to_rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def draw_class_overlaps(path: Path, overlaps: Sequence[ClassOverlap]) -> None:
    """A bar per class: the intersection over union; the rarest classes are left out where there are too many."""
    shown = sorted(overlaps, key=lambda one: -one.share_true)[:MAX_CLASS_BARS][::-1]
    with png_figure(path, 7, max(1.7, 1.0 + 0.32 * len(shown))) as figure:
        axes = figure.add_subplot(title="How every class fares", xlabel="intersection over union")
        names = [f"{one.label} ({format_share(one.share_true)})" for one in shown]
        heights = [0.0 if np.isnan(one.iou) else one.iou for one in shown]
        colours = [BLUE if one.scored == "yes" else GREY for one in shown]
        bars = axes.barh(range(len(shown)), heights, color=colours, height=0.62)
        axes.bar_label(bars, ["never there" if np.isnan(one.iou) else f"{one.iou:.3f}" for one in shown], padding=4)
        axes.set_yticks(range(len(shown)), names)
        axes.set_xlim(0, 1.12)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(visible=False, axis="y")


def format_share(part: float) -> str:
    """A share as people write it, also where it is tiny."""
    return format_percent(part) if part >= 0.1 or part == 0 else f"{part * 100:.1g} %"
