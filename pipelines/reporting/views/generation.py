"""How drawn images are shown: a sheet of them, whether they were learned by heart, and what lies between two."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import Row
from pipelines.evaluation.number_format import decimal
from pipelines.reporting.csv_table import write_table
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    drawing,
)
from pipelines.reporting.views.view import View
from pipelines.tasks.generation import NOISE
from pipelines.tasks.metrics.generation import nearest

ACROSS, DOWN = 12, 5  # of the sheet of samples
PAIRS = 12  # samples shown beside their nearest training example
PATHS, STEPS = 5, 10  # ways from one drawing to another, and the drawings on each

ANSWER = "The answer is as many new images as were asked for, as PNG; the same seed gives the same images."
CAPTIONS = {
    "samples.png": (
        "What it draws",
        "Upper half: images it drew, not chosen by anyone. Lower half, for comparison: real images of the test part.",
    ),
    "nearest.png": (
        "Has it learned examples by heart?",
        "Upper row: drawings. Lower row: the training example nearest to each, pixel by pixel. If they were the same, "
        "it would be copying. The curves say how far drawings and unseen real images are from their nearest training "
        "example: drawings that are much nearer than unseen real ones are a sign of copying.",
    ),
    "between.png": (
        "From one drawing to another",
        "Each line goes from one starting noise to another in small steps. Smooth changes mean that it has understood "
        "something; jumps mean that it holds single images in store.",
    ),
}


def headline(row: Row, examples: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    precision, recall = (round(row.test[name].value * 100) for name in ("precision", "recall"))
    return (
        f"Of {examples:,} images it drew, {precision} % lie among the real ones, and of as many real images it had "
        f"never seen, {recall} % lie among those it drew. The Frechet distance is {decimal(row.test['frechet'].value)}."
    )


def show(folder: Path, view: View) -> None:
    """Write pictures/samples.png, nearest.png and between.png, and tables/memorisation.csv."""
    pictures = folder / "pictures"
    half = ACROSS * DOWN
    draw_sheet(pictures / "samples.png", view.replies[:half], view.truth[:half])
    if view.train is not None:
        draw_nearest(folder, view.replies, view.truth, view.train.inputs[0])
    if view.ask is not None:
        draw_paths(pictures / "between.png", view)


def draw_sheet(path: Path, drawn: NDArray[np.float32], real: NDArray[np.uint8]) -> None:
    """Drawn images above real ones, (n, H, W[, C]) each."""
    with drawing(path, 9, 8.2) as figure:
        upper, lower = figure.subplots(2, 1)
        for axes, images, title in ((upper, drawn, "drawn"), (lower, real, "real, from the test part")):
            axes.imshow(tiled(np.asarray(images), ACROSS), cmap="gray", vmin=0, vmax=255)
            axes.set_title(title, fontsize=10)
            axes.set_axis_off()


def draw_nearest(folder: Path, drawn: NDArray[np.float32], real: NDArray[np.uint8], train: NDArray[np.uint8]) -> None:
    """Drawings above their nearest training examples, and how near drawings and unseen examples are to them."""
    flat = [np.asarray(images, dtype=np.float64).reshape(len(images), -1) for images in (drawn, real, train)]
    number, apart = nearest(flat[0], flat[2])
    _, usual = nearest(flat[1], flat[2])
    copied = float((apart < np.quantile(usual, 0.01)).mean())
    write_table(
        folder / "tables" / "memorisation.csv",
        ("what", "value"),
        (
            ("median distance of a drawing to its nearest training example", float(np.median(apart))),
            ("median distance of an unseen real image to its nearest training example", float(np.median(usual))),
            ("share of drawings nearer than 99 % of unseen real images", copied),
        ),
    )
    closest = np.argsort(apart, kind="stable")[:PAIRS]  # the most suspicious ones
    with drawing(folder / "pictures" / "nearest.png", 9, 4.6) as figure:
        sheet, curve = figure.subplots(2, 1, height_ratios=(1, 1.2))
        pairs = np.concatenate([np.asarray(drawn)[closest], np.asarray(train)[number[closest]]])
        sheet.imshow(tiled(pairs, PAIRS), cmap="gray", vmin=0, vmax=255)
        sheet.set_title("the drawings nearest to a training example, and that example", fontsize=10)
        sheet.set_axis_off()
        bins = np.histogram_bin_edges(np.concatenate([apart, usual]), 40)
        curve.hist(apart, bins, color=BLUE, alpha=0.7, label="drawings")
        curve.hist(usual, bins, color=ORANGE, histtype="step", linewidth=1.6, label="unseen real images")
        curve.set(xlabel="distance to the nearest training example", ylabel="images")
        curve.legend(frameon=False)
        curve.set_title(f"{copied * 100:.1f} % of the drawings are nearer than 99 % of unseen real images",
                        fontsize=10, color=GREY)  # fmt: skip


def draw_paths(path: Path, view: View) -> None:
    """Drawings along straight lines between two noises, kept as long as noise is."""
    assert view.ask is not None
    generator = np.random.Generator(np.random.PCG64(1))
    ends = generator.standard_normal((2, PATHS, 1, NOISE))
    share = np.linspace(0, 1, STEPS)[None, :, None]
    noise = ends[0] * np.cos(share * np.pi / 2) + ends[1] * np.sin(share * np.pi / 2)  # (PATHS, STEPS, Z)
    drawn = view.ask(noise.reshape(-1, NOISE).astype(np.float32))
    with drawing(path, 9, 0.9 * PATHS) as figure:
        axes = figure.add_subplot()
        axes.imshow(tiled(drawn, STEPS), cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()


def tiled(images: NDArray[Any], across: int) -> NDArray[np.uint8]:
    """Images (n, H, W[, C]) side by side in one, with a light line between them."""
    down = -(-len(images) // across)
    height, width = images.shape[1:3]
    sheet = np.full((down * (height + 1), across * (width + 1), *images.shape[3:]), 255, dtype=np.uint8)
    for number, image in enumerate(images):
        top, left = number // across * (height + 1), number % across * (width + 1)
        sheet[top : top + height, left : left + width] = np.rint(image)
    return sheet
