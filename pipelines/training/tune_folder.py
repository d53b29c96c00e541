"""The tune folder of a contender: every trial of its search, and all that training needs of the best one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.blocks.hyperparameters import SettingValue
from pipelines.runtime.files import copy_file, write_json
from pipelines.tasks import Goal
from pipelines.training.csv_logs import write_trials
from pipelines.training.finished_trials import Trial, best_trial, trial_folder_name
from pipelines.training.search_space import SearchSpace
from pipelines.training.starts import Start, start_folder, write_start
from pipelines.training.trial import read_result


def write_search(
    folder: Path,
    trials: Sequence[Trial],
    goal: Goal,
    space: SearchSpace,
    scratch: Path,
    limits: Mapping[str, Any],
    start: Start | None = None,
) -> None:
    """Write trials.csv, best.json and trial/.

    Args:
        scratch: where the search left the trials.
        limits: what was asked for and what was done in limited time; empty where everything was done.
        start: where the weights of every trial began; kept for the training.
    """
    winner = best_trial(trials, goal)
    settings = space.add_fixed(winner.settings).to_json()
    write_trials(folder / "trials.csv", trials)
    write_best_trial(scratch, winner, settings, folder / "trial")
    if start is not None:
        write_start(start, start_folder(folder / "trial"))
    write_json(
        folder / "best.json",
        {
            "trial": winner.number,
            "goal": goal.name,
            "score": winner.score,
            "epochs": winner.epochs,
            "best_epoch": winner.best_epoch,
            "settings": settings,
            "fixed": dict(space.fixed),
            **({"limits": limits} if limits else {}),
        },
    )


def write_best_trial(scratch: Path, trial: Trial, settings: Mapping[str, SettingValue], folder: Path) -> None:
    """Write all that training needs of the best trial.

    That is settings.json, how it trained, result.json, and its weights, best.*, which the search left in `scratch`.
    """
    write_json(folder / "settings.json", settings)
    trial_folder = scratch / trial_folder_name(trial.number)
    for path in sorted(trial_folder.glob("best.*")):
        copy_file(path, folder / path.name)
    results = (path for path in trial_folder.glob("until-*.json") if read_result(path).epochs == trial.epochs)
    copy_file(min(results), folder / "result.json")
