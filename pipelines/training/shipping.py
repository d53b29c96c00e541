"""What of a contender's members ships: one of them, or the average of them all."""

from collections.abc import Mapping
from typing import NamedTuple

import torch

from models.blocks.averaged_model import TrainedNetwork, average_models
from models.stems import Model
from pipelines.tasks import Task
from pipelines.training.inference import score_validation
from pipelines.training.job import ValidationExamples
from pipelines.training.ship_settings import OF_FOLDS, Ship


class Shipped(NamedTuple):
    """What ships, and what was found on validation."""

    ship: Ship
    members: tuple[str, ...]  # the names of those that ship
    mean_score: float | None  # of the average, on validation; None where none was made
    model: TrainedNetwork


def choose_shipped(
    task: Task,
    models: Mapping[str, Model],
    scores: Mapping[str, float],
    validation: ValidationExamples,
    ship: Ship | None,
) -> Shipped:
    """Ship the average where it is better on validation than the best member, unless `ship` decides.

    Where there is no average, as of one member or of generators, the best member ships.

    Args:
        models: the members by name, at least one, on the CPU and in evaluation mode.
        scores: theirs on validation, in the same order.
        validation: on the CPU.
    """
    best_score = task.goal.best_score(scores.values())
    assert best_score is not None, "members of which all failed have been refused"
    best = next(name for name, score in scores.items() if score == best_score)
    if ship == "best" or len(models) == 1 or not task.can_average:
        return Shipped("best", (best,), None, models[best])
    average = average_models(list(models.values()), task.average())
    torch.set_num_threads(1)  # as in training and in the evaluation: the same sums
    mean_score = score_validation(average.eval(), task, validation)[f"valid_{task.goal.name}"]
    if ship == "mean" or task.goal.is_better(mean_score, best_score):
        return Shipped("mean", tuple(models), mean_score, average)
    return Shipped("best", (best,), mean_score, models[best])


def ship_folds(task: Task, models: Mapping[str, Model], ship: Ship | None, *, by_time: bool) -> Shipped | None:
    """Ship the average of the folds' models; None: a model that is trained on all rows instead.

    Unless `ship` decides, that is where there is no average, and where a split is by time: most folds' models know
    nothing of what was last.

    Args:
        models: one per fold, by its member's name.
    """
    refits = ship == "refit" if ship in OF_FOLDS else by_time
    if refits or not task.can_average:
        return None
    return Shipped("ensemble", tuple(models), None, average_models(list(models.values()), task.average()))
