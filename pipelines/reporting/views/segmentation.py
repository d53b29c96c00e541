"""How a segmentation is shown: image, truth, answer and where they differ; and how every class fares."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import Row
from pipelines.reporting.csv_table import write_table
from pipelines.reporting.plots.contact_sheet import draw_sheet, standing_for_all, viewable
from pipelines.reporting.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    drawing,
    percentage,
)
from pipelines.reporting.views.view import View
from pipelines.tasks.metrics import segmentation as areas
from pipelines.tasks.segmentation import Segmentation

Floats = NDArray[np.float64]

# Okabe & Ito's colours without those that tell what is wrong, then Tol's ("Colour Schemes", 2021)
COLOURS = (
    BLUE, GREEN, "#F0E442", SKY, "#882255", "#332288", "#999933", "#44AA99", "#CC6677", "#AA4499", "#117733", "#DDCC77",
)  # fmt: skip
PALE = "#e6e6e6"  # of the background, or else of the first class
MOST = 30  # classes whose bars can be read
NAMED = 13  # classes that a legend can name
DARK = 0.45  # of an image, under what is wrong with its mask

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


def headline(row: Row, examples: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    dice, right = row.test["dice"], row.test["pixel_accuracy"]
    return (
        f"On {examples:,} images it had never seen, it gave {right.value * 100:.1f} % of the pixels the right class "
        f"(95 % interval: {right.low * 100:.1f} to {right.high * 100:.1f} %); its areas and the true ones overlap "
        f"with a Dice of {dice.value:.3f} ({dice.low:.3f} to {dice.high:.3f}), where 1 is perfect."
    )


def show(folder: Path, view: View) -> None:
    """Write tables/per_class.csv, pictures/masks.png and pictures/class_overlap.png."""
    task = view.task
    assert isinstance(task, Segmentation)
    counts = areas.count(view.replies, view.truth)
    overlaps = per_class(task, counts)
    write_table(folder / "tables" / "per_class.csv", Overlap._fields, overlaps)
    draw_classes(folder / "pictures" / "class_overlap.png", overlaps)

    dice = areas.dice(counts, task.scored)
    chosen = standing_for_all(-dice)
    pale = 0 if len(task.scored) == len(task.labels) else int(np.setdiff1d(range(len(task.labels)), task.scored)[0])
    colours = palette(len(task.labels), pale)
    painted = np.array([_rgb(colour) for colour in colours], dtype=np.uint8)
    background = pale if len(task.scored) < len(task.labels) else None
    tiles = []
    for _, place in chosen:
        image, truth = viewable(np.asarray(view.test.inputs[0][place])), np.asarray(view.truth[place])
        answer = np.asarray(view.replies[place]).argmax(axis=0)
        tiles.append([image, painted[truth], painted[answer], difference(image, truth, answer, background)])
    title = f"{len(chosen)} of {len(dice)} test images" if len(chosen) < len(dice) else "All test images"
    labels = [f"{name}: Dice {dice[place]:.3f}" for name, place in chosen]
    legend = list(zip(task.labels, colours, strict=True))[:NAMED] + _wrong(background, len(task.labels))
    draw_sheet(
        folder / "pictures" / "masks.png", title, ("image", "truth", "answer", "difference"), labels, tiles, legend
    )


class Overlap(NamedTuple):
    """How one class fares over all test pixels; NaN where it neither occurs nor is answered."""

    label: str
    share_true: float
    share_answered: float
    precision: float
    recall: float
    dice: float
    iou: float
    scored: str  # whether it counts in the leaderboard's Dice, IoU and boundary F1


def per_class(task: Segmentation, counts: areas.Counts) -> list[Overlap]:
    """One row per class, in the order of the schema."""
    both, answered, true = (each.sum(axis=0) for each in counts)  # (K,)
    pixels = true.sum()
    rows = []
    for code, label in enumerate(task.labels):
        hits, said, there = float(both[code]), float(answered[code]), float(true[code])
        precision, recall, dice, iou = (
            hits / part if part else float("nan") for part in (said, there, (said + there) / 2, said + there - hits)
        )
        scored = "yes" if code in task.scored else "no"
        rows.append(Overlap(label, there / pixels, said / pixels, precision, recall, dice, iou, scored))
    return rows


def difference(
    image: NDArray[np.uint8], truth: NDArray[Any], answer: NDArray[Any], background: int | None
) -> NDArray[np.uint8]:
    """The image, darkened, with every wrong pixel in colour, (H, W, 3)."""
    grey = image if image.ndim == 2 else image.mean(axis=2)
    shown = np.repeat((grey * DARK)[..., None], 3, axis=2).astype(np.uint8)
    shown[truth != answer] = _rgb(RED)
    if background is not None:
        shown[(truth != background) & (answer == background)] = _rgb(ORANGE)
        shown[(truth == background) & (answer != background)] = _rgb(PURPLE)
    return shown


def _wrong(background: int | None, classes: int) -> list[tuple[str, str]]:
    """What the colours of the difference mean."""
    if background is None:
        return [("wrong", RED)]
    return [("missed", ORANGE), ("not there", PURPLE), *([("mixed up", RED)] if classes > 2 else [])]


def palette(classes: int, pale: int) -> list[str]:
    """A colour per class: one is pale, the others as far apart as so many can be; beyond 12 they come again."""
    colours = [COLOURS[place % len(COLOURS)] for place in range(classes - 1)]
    return [*colours[:pale], PALE, *colours[pale:]]


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def draw_classes(path: Path, overlaps: Sequence[Overlap]) -> None:
    """A bar per class: the intersection over union; the rarest classes are left out where there are too many."""
    shown = sorted(overlaps, key=lambda one: -one.share_true)[:MOST][::-1]
    with drawing(path, 7, max(1.7, 1.0 + 0.32 * len(shown))) as figure:
        axes = figure.add_subplot(title="How every class fares", xlabel="intersection over union")
        names = [f"{one.label} ({share(one.share_true)})" for one in shown]
        heights = [0.0 if np.isnan(one.iou) else one.iou for one in shown]
        colours = [BLUE if one.scored == "yes" else GREY for one in shown]
        bars = axes.barh(range(len(shown)), heights, color=colours, height=0.62)
        axes.bar_label(bars, ["never there" if np.isnan(one.iou) else f"{one.iou:.3f}" for one in shown], padding=4)
        axes.set_yticks(range(len(shown)), names)
        axes.set_xlim(0, 1.12)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(visible=False, axis="y")


def share(part: float) -> str:
    """A share as people write it, also where it is tiny."""
    return percentage(part) if part >= 0.1 or part == 0 else f"{part * 100:.1g} %"
