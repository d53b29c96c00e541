"""Report of a reconstruction: images before and after, or the errors of a table's columns."""

from pathlib import Path

import numpy as np

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.evaluation.number_format import format_interval
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.plots.reconstructions import (
    COLUMN_ERRORS_CAPTION,
    RECONSTRUCTIONS_CAPTION,
    ColumnError,
    best_and_worst_images,
    column_errors,
    draw_column_errors,
    draw_reconstructions,
)
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.reconstruction import Reconstruction

CAPTIONS = {"reconstructions.png": RECONSTRUCTIONS_CAPTION, "column_errors.png": COLUMN_ERRORS_CAPTION}
REPLY_DESCRIPTION = "The answer is the reconstruction and a score that says how far it is from what was sent."


def headline(row: LeaderboardRow, test_rows: int, schema: Schema) -> str:
    """The test result as one plain sentence."""
    test = row.test_scores
    if "psnr" in test:
        return describe_image_scores(row, test_rows, "what it was shown")
    error = test["squared_error"]
    return (
        f"On {test_rows:,} rows it had never seen, its reconstructions leave {error.value * 100:.1f} % of the columns' "
        f"variance unexplained{format_interval(error.low * 100, error.high * 100)}."
    )


def describe_image_scores(row: LeaderboardRow, test_rows: int, goal_images: str) -> str:
    """The test result on images as one plain sentence.

    Args:
        goal_images: what should have been drawn.
    """
    psnr, ssim = row.test_scores["psnr"], row.test_scores["ssim"]
    return (
        f"On {test_rows:,} images it had never seen, its reconstructions come as close to {goal_images} as a "
        f"signal-to-noise ratio (PSNR) of {psnr.value:.1f} dB{format_interval(psnr.low, psnr.high)} and a "
        f"structural similarity (SSIM) of {ssim.value:.3f}, where 1 is the same image."
    )


def write_view(folder: Path, data: EvaluationData[Reconstruction]) -> None:
    """Write pictures/reconstructions.png of images; of tables column_errors.png and tables/column_errors.csv."""
    values = data.reference.values
    reconstructions = data.predictions[:, 1:].reshape(-1, *data.task.form.shape)
    if data.task.form.is_image:
        chosen = best_and_worst_images(reconstructions, values)
        images = {"shown": data.test.inputs[0]}
        draw_reconstructions(folder / "pictures" / "reconstructions.png", chosen, images, reconstructions, values)
        return
    names = [field.name for field in data.schema.inputs]
    columns = column_errors(names, reconstructions, values, np.zeros(len(values), dtype=bool))
    write_csv_table(folder / "tables" / "column_errors.csv", ColumnError._fields, columns)
    draw_column_errors(folder / "pictures" / "column_errors.png", columns, has_anomalies=False)
