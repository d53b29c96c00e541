"""What `evaluate` writes about a contender besides its numbers: tables for `dvc plots`, and pictures."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pipelines.reporting import classification, plots
from pipelines.reporting.leaderboard import Row
from pipelines.sources.parts import Part
from pipelines.sources.schema import Schema
from pipelines.tasks import Task

SHOW: dict[str, Callable[[Path, Schema, Part, NDArray[Any]], None]] = {
    "classification": classification.show,
}
HEADLINES: dict[str, Callable[[Row, int], str]] = {
    "classification": classification.headline,
}
CAPTIONS: dict[str, tuple[str, str]] = {  # of the pictures, in the order of the report
    **classification.CAPTIONS,
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


def read_history(path: Path) -> list[dict[str, float]]:
    """Read history.csv: one row per seed and epoch; an empty cell is NaN."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [{name: float(cell or "nan") for name, cell in row.items()} for row in csv.DictReader(stream)]


def write_views(
    folder: Path, task: Task, schema: Schema, test: Part, replies: NDArray[Any], history: Sequence[Mapping[str, float]]
) -> None:
    """Write the task's tables to the evaluate folder and all pictures to pictures/ in it.

    What was solved in one step has no learning curve, hence no curves.png.
    """
    SHOW[task.name](folder, schema, test, replies)
    if max((row["epoch"] for row in history), default=0) > 1:
        plots.learning_curves(folder / "pictures" / "curves.png", history, task.goal)
