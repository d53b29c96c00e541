"""CSV logs of training: trials.csv of a search, history.csv and curve.csv of the trainings."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.runtime.files import write_text
from pipelines.tasks import Goal
from pipelines.training.finished_trials import Trial
from pipelines.training.learners import TrainingResult


def write_csv_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV file with these columns; a value that a row lacks, or that is None, is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="raise")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """One row per trial: number, state, score, epochs, best_epoch, reason, then what was searched."""
    setting_names = list(trials[0].settings)
    rows = [{**row._asdict(), **row.settings} for row in trials]
    for row in rows:
        del row["settings"]
    write_csv_table(path, ["number", "state", "score", "epochs", "best_epoch", "reason", *setting_names], rows)


def write_history(path: Path, results: Mapping[str, TrainingResult]) -> None:
    """One row per member and epoch: member, epoch (from 1), kept (1 if the weights are its), then what was measured."""
    rows: list[dict[str, Any]] = [
        {"member": member, "epoch": epoch, "kept": int(epoch == result.best_epoch), **measured}
        for member, result in results.items()
        for epoch, measured in enumerate(result.history, start=1)
    ]
    write_csv_table(path, list(rows[0]), rows)


def write_curve(path: Path, history: Sequence[Mapping[str, float]], goal: Goal) -> None:
    """The goal on validation per epoch of one training, for `dvc plots`: epoch, score."""
    rows = [
        {"epoch": epoch, "score": measured[f"valid_{goal.name}"]} for epoch, measured in enumerate(history, start=1)
    ]
    write_csv_table(path, ["epoch", "score"], rows)
