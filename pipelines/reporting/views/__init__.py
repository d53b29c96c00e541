"""Report of an evaluation: tables for `dvc plots` and pictures, one file per task."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.data.schema import Schema
from pipelines.evaluation.leaderboard import LeaderboardRow
from pipelines.reporting.explanations import EXPLANATIONS
from pipelines.reporting.plots import curves
from pipelines.reporting.views import (
    anomaly_detection,
    classification,
    denoising,
    forecasting,
    generation,
    reconstruction,
    regression,
    segmentation,
)
from pipelines.reporting.views.view import EvaluationData


class TaskView(NamedTuple):
    """How the predictions of a task are shown."""

    write_view: Callable[[Path, EvaluationData[Any]], None]  # writes pictures/*.png and tables/*.csv
    headline: Callable[[LeaderboardRow, int, Schema], str]  # the test result as one plain sentence
    reply_description: str  # what is served, in a sentence
    captions: Mapping[str, tuple[str, str]]  # picture -> title and sentence, in the order of the report


TASK_VIEWS: dict[str, TaskView] = {
    "classification": TaskView(
        classification.write_view,
        classification.headline,
        "The answer is a label, its probability, and the probabilities of all labels.",
        classification.CAPTIONS,
    ),
    "regression": TaskView(
        regression.write_view,
        regression.headline,
        "The answer is the value in its unit, with an interval that holds the truth in 90 of 100 such cases.",
        regression.CAPTIONS,
    ),
    "forecasting": TaskView(
        forecasting.write_view,
        forecasting.headline,
        "The answer is every step of the horizon, with the quantiles between which it is expected.",
        forecasting.CAPTIONS,
    ),
    "segmentation": TaskView(
        segmentation.write_view,
        segmentation.headline,
        "The answer is a picture that holds the class of every pixel, and the share of the area of each class.",
        segmentation.CAPTIONS,
    ),
    "reconstruction": TaskView(
        reconstruction.write_view, reconstruction.headline, reconstruction.REPLY_DESCRIPTION, reconstruction.CAPTIONS
    ),
    "denoising": TaskView(denoising.write_view, denoising.headline, denoising.REPLY_DESCRIPTION, denoising.CAPTIONS),
    "anomaly_detection": TaskView(
        anomaly_detection.write_view,
        anomaly_detection.headline,
        anomaly_detection.REPLY_DESCRIPTION,
        anomaly_detection.CAPTIONS,
    ),
    "generation": TaskView(
        generation.write_view, generation.headline, generation.REPLY_DESCRIPTION, generation.CAPTIONS
    ),
}
SHARED_CAPTIONS: dict[str, tuple[str, str]] = {  # of the pictures that every task has, behind its own
    **{f"{method}.png": (text.title, text.caption) for method, text in EXPLANATIONS.items()},
    "curves.png": (
        "How it learned",
        "One line per training, each from another random start. Left, the loss on the training part; right, what was "
        "measured on the validation part, where the dot is the epoch that was kept.",
    ),
    "history.png": (
        "How its settings were searched",
        "A dot is a choice of settings, in the order they were tried; the line is the best so far.",
    ),
    "importance.png": (
        "Which settings mattered",
        "The share of the differences between trials that each setting accounts for, judged by how all of them "
        "stood when they were first compared. A setting near 0 % made little difference here.",
    ),
}


def read_history(path: Path) -> dict[str, list[dict[str, float]]]:
    """Read history.csv: of every member, one row per epoch; an empty cell is NaN."""
    history: dict[str, list[dict[str, float]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            member = row.pop("member")
            history.setdefault(member, []).append({name: float(cell or "nan") for name, cell in row.items()})
    return history


def write_views(folder: Path, data: EvaluationData[Any], history: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Write the task's tables to tables/ in the evaluate folder, and all pictures to pictures/.

    What is fitted in closed form has no learning curve, hence no curves.png.
    """
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    TASK_VIEWS[data.task.name].write_view(folder, data)
    if max((row["epoch"] for rows in history.values() for row in rows), default=0) > 1:
        curves.draw_learning_curves(folder / "pictures" / "curves.png", history, data.task.goal)
