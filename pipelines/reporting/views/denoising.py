"""Report of a denoising: noisy images, clean ones, and what was drawn."""

from pathlib import Path

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.reporting.plots.reconstructions import (
    RECONSTRUCTIONS_CAPTION,
    best_and_worst_images,
    draw_reconstructions,
)
from pipelines.reporting.views.reconstruction import describe_image_scores
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.denoising import Denoising

CAPTIONS = {"reconstructions.png": RECONSTRUCTIONS_CAPTION}
REPLY_DESCRIPTION = "The answer is the image without its noise and a score that says how far it is from what was sent."


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    return describe_image_scores(row, test_rows, "the clean ones")


def write_view(folder: Path, data: EvaluationData[Denoising]) -> None:
    """Write pictures/reconstructions.png, with the Gaussian filter among the baselines for comparison."""
    values, shape = data.reference.values, data.task.form.shape
    reconstructions = data.predictions[:, 1:].reshape(-1, *shape)
    images = {"shown": data.test.inputs[0], "should be": values}
    images |= {
        name.removesuffix(" (baseline)"): predictions[:, 1:].reshape(-1, *shape)
        for name, predictions in data.baselines.items()
        if name.startswith("gaussian")
    }
    chosen = best_and_worst_images(reconstructions, values)
    draw_reconstructions(folder / "pictures" / "reconstructions.png", chosen, images, reconstructions, values)
