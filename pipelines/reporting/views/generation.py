"""Report of a generation: samples, memorised training examples, and interpolations."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.evaluation.number_format import format_number
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    png_figure,
)
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.generation import NOISE_SIZE, Generation
from pipelines.tasks.metrics.generation import nearer_to_train, nearest_neighbours

SAMPLES_PER_ROW, SAMPLE_ROWS = 12, 5  # of the sheet of samples
Z_95 = 1.959964  # of a 95 % interval
MAX_PAIRS = 12  # samples shown beside their nearest training example
INTERPOLATION_PATHS, STEPS_PER_PATH = 5, 10  # interpolations from one noise to another, and the images on each

REPLY_DESCRIPTION = "The answer is as many new images as were asked for, as PNG; the same seed gives the same images."
CAPTIONS = {
    "samples.png": (
        "What it draws",
        "Upper half: images it drew, not chosen by anyone. Lower half, for comparison: real images of the test part.",
    ),
    "nearest.png": (
        "Has it learned examples by heart?",
        "Upper row: drawings. Lower row: the training example nearest to each, pixel by pixel. If they were the same, "
        "it would be copying. The curves say how far drawings and unseen real images are from their nearest training "
        "example. The number is how many drawings are nearer to training examples than to as many unseen real ones: "
        "about half of them if it has learned nothing by heart.",
    ),
    "between.png": (
        "From one drawing to another",
        "Each line goes from one starting noise to another in small steps. Smooth changes mean that it has understood "
        "something; jumps mean that it holds single images in store.",
    ),
}


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    precision, recall = (round(row.test_scores[name].value * 100) for name in ("precision", "recall"))
    return (
        f"Of {test_rows:,} images it drew, {precision} % lie among the real ones, and of as many real images it had "
        f"never seen, {recall} % lie among those it drew. The Frechet distance is "
        f"{format_number(row.test_scores['frechet'].value)}."
    )


def write_view(folder: Path, data: EvaluationData[Generation]) -> None:
    """Write pictures/samples.png, nearest.png and between.png, and tables/memorisation.csv."""
    pictures = folder / "pictures"
    shown_images = SAMPLES_PER_ROW * SAMPLE_ROWS
    draw_samples(pictures / "samples.png", data.predictions[:shown_images], data.reference.images[:shown_images])
    if data.train is not None:
        draw_nearest_neighbours(folder, data.predictions, data.reference.images, data.train.inputs[0])
    if data.predict is not None:
        draw_interpolations(pictures / "between.png", data)


def draw_samples(path: Path, samples: NDArray[np.float32], real: NDArray[np.uint8]) -> None:
    """Drawn images above real ones, (n, H, W[, C]) each."""
    with png_figure(path, 9, 8.2) as figure:
        upper, lower = figure.subplots(2, 1)
        for axes, images, title in ((upper, samples, "drawn"), (lower, real, "real, from the test part")):
            axes.imshow(tile_images(np.asarray(images), SAMPLES_PER_ROW), cmap="gray", vmin=0, vmax=255)
            axes.set_title(title, fontsize=10)
            axes.set_axis_off()


def draw_nearest_neighbours(
    folder: Path, samples: NDArray[np.float32], real: NDArray[np.uint8], train: NDArray[np.uint8]
) -> None:
    """Drawings above their nearest training examples, and how near drawings and unseen examples are to them."""
    flat = [np.asarray(images, dtype=np.float64).reshape(len(images), -1) for images in (samples, real, train)]
    neighbours, sample_distances = nearest_neighbours(flat[0], flat[2])
    _, real_distances = nearest_neighbours(flat[1], flat[2])
    nearer = nearer_to_train(*flat)
    share, error = float(nearer.mean()), float(nearer.std(ddof=1)) / np.sqrt(len(nearer)) if len(nearer) > 1 else np.nan
    copied_share = float((sample_distances < np.quantile(real_distances, 0.01)).mean())
    write_csv_table(
        folder / "tables" / "memorisation.csv",
        ("what", "value"),
        (
            ("median distance of a drawing to its nearest training example", float(np.median(sample_distances))),
            (
                "median distance of an unseen real image to its nearest training example",
                float(np.median(real_distances)),
            ),
            ("share of drawings nearer to training examples than to as many unseen images; 0.5 without copying", share),
            ("the least it may be, of other drawings (95 %)", max(0.0, share - Z_95 * error)),
            ("the most it may be, of other drawings (95 %)", min(1.0, share + Z_95 * error)),
            ("share of drawings nearer than 99 % of unseen real images", copied_share),
        ),
    )
    closest = np.argsort(sample_distances, kind="stable")[:MAX_PAIRS]  # the most suspicious ones
    with png_figure(folder / "pictures" / "nearest.png", 9, 4.6) as figure:
        sheet, curve = figure.subplots(2, 1, height_ratios=(1, 1.2))
        pairs = np.concatenate([np.asarray(samples)[closest], np.asarray(train)[neighbours[closest]]])
        sheet.imshow(tile_images(pairs, MAX_PAIRS), cmap="gray", vmin=0, vmax=255)
        sheet.set_title("the drawings nearest to a training example, and that example", fontsize=10)
        sheet.set_axis_off()
        bins = np.histogram_bin_edges(np.concatenate([sample_distances, real_distances]), 40)
        curve.hist(sample_distances, bins, color=BLUE, alpha=0.7, label="drawings")
        curve.hist(real_distances, bins, color=ORANGE, histtype="step", linewidth=1.6, label="unseen real images")
        curve.set(xlabel="distance to the nearest training example", ylabel="images")
        curve.legend(frameon=False)
        curve.set_title(f"{share * 100:.0f} % of the drawings are nearer to training examples than to unseen images",
                        fontsize=10, color=GREY)  # fmt: skip


def draw_interpolations(path: Path, data: EvaluationData[Generation]) -> None:
    """Drawings along straight lines between two noises, kept as long as noise is."""
    assert data.predict is not None
    generator = np.random.Generator(np.random.PCG64(1))
    ends = generator.standard_normal((2, INTERPOLATION_PATHS, 1, NOISE_SIZE))
    fraction = np.linspace(0, 1, STEPS_PER_PATH)[None, :, None]
    noise = ends[0] * np.cos(fraction * np.pi / 2) + ends[1] * np.sin(fraction * np.pi / 2)  # (PATHS, STEPS, Z)
    samples = data.predict(noise.reshape(-1, NOISE_SIZE).astype(np.float32))
    with png_figure(path, 9, 0.9 * INTERPOLATION_PATHS) as figure:
        axes = figure.add_subplot()
        axes.imshow(tile_images(samples, STEPS_PER_PATH), cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()


def tile_images(images: NDArray[Any], columns: int) -> NDArray[np.uint8]:
    """Images (n, H, W[, C]) side by side in one, with a light line between them."""
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    sheet = np.full((rows * (height + 1), columns * (width + 1), *images.shape[3:]), 255, dtype=np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = np.rint(image)
    return sheet
