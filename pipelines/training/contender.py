"""Training of a contender: its members, from several seeds or on several folds, and what ships of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from models.stems import Model
from pipelines.data.folds import HOLDOUT, Folds, read_folds
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Goal, Task
from pipelines.training.budget import Budget
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.job import TrainingJob, load_validation
from pipelines.training.members import (
    Member,
    ProgressCallback,
    common_epoch_specs,
    fold_specs,
    refit_spec,
    replace_trained_again,
    seed_specs,
    train_members,
    trial_members,
)
from pipelines.training.ship_settings import Ship
from pipelines.training.shipping import Shipped, choose_shipped, ship_folds
from pipelines.training.trial import TrialSpec
from pipelines.training.weights import load_model


class Plan(NamedTuple):
    """What is trained, from where randomness comes, and where unfinished work goes."""

    job: TrainingJob
    settings: ContenderSettings[Any]
    budget: Budget
    seed: int
    seeds: int  # trainings where there are no folds
    ship: Ship | None
    folder: Path  # scratch
    trial_folder: Path  # the best trial, as the search left it
    workers: int

    @property
    def folds(self) -> Folds:
        return HOLDOUT if self.job.folds_file is None else read_folds(self.job.folds_file)


class TrainedContender(NamedTuple):
    members: tuple[Member, ...]
    shipped: Shipped


def member_specs(plan: Plan) -> dict[str, TrialSpec]:
    """The trainings of a contender by their members' names: one per fold, or, of a holdout, one per seed."""
    job, settings, budget, seed, folder = plan.job, plan.settings, plan.budget, plan.seed, plan.folder
    if names := plan.folds.names:
        return fold_specs(job, settings, budget, seed=seed, names=names, folder=folder)
    return seed_specs(job, settings, budget, seed=seed, seeds=plan.seeds, folder=folder)


def train_plan(
    plan: Plan, specs: Mapping[str, TrialSpec], goal: Goal, on_progress: ProgressCallback
) -> tuple[Member, ...]:
    """Train all members; all folds keep one epoch, and those that were best at another are trained again until it.

    Raises:
        UserError: if no seed ends with a score, or a fold does not; the first reason is named.
    """
    members = train_members(specs, goal, folder=plan.folder, workers=plan.workers, on_progress=on_progress)
    if not plan.folds.number:
        return members
    _check_all_trained(members)
    rows = [len(plan.folds.held_out(fold)) for fold in range(plan.folds.number)]
    again = common_epoch_specs(specs, members, rows, goal)
    if not again:
        return members
    trained = train_members(again, goal, folder=plan.folder, workers=plan.workers, on_progress=lambda *_: None)
    return replace_trained_again(members, trained)


def train_contender(
    plan: Plan, specs: Mapping[str, TrialSpec], task: Task, on_progress: ProgressCallback
) -> TrainedContender:
    """Train all members, and decide what ships of them.

    Raises:
        UserError: if no seed ends with a score, or a fold does not; the first reason is named.
    """
    members = train_plan(plan, specs, task.goal, on_progress)
    if plan.folds.number:
        return _ship_folds(plan, task, members)
    members += trial_members(plan.job.architecture, plan.trial_folder)
    scores = {member.name: member.result.score for member in members if member.result.score is not None}
    models = {member.name: _load_best(plan, task, member) for member in members if member.name in scores}
    return TrainedContender(members, choose_shipped(task, models, scores, load_validation(plan.job), plan.ship))


def _ship_folds(plan: Plan, task: Task, members: tuple[Member, ...]) -> TrainedContender:
    """The average of all folds' models, or a new one that was trained on all their rows."""
    models = {member.name: _load_best(plan, task, member) for member in members}
    shipped = ship_folds(task, models, plan.ship, by_time=plan.folds.by_time)
    if shipped is not None:
        return TrainedContender(members, shipped)
    spec = refit_spec(plan.job, plan.settings, plan.budget, members, seed=plan.seed, folder=plan.folder)
    (refit,) = train_members(spec, task.goal, folder=plan.folder, workers=1, on_progress=lambda *_: None)
    _check_all_trained([refit])
    result = replace(refit.result, score=None, history=())  # nothing was held out to score it on
    refit = refit._replace(result=result)
    shipped = Shipped("refit", (refit.name,), None, _load_best(plan, task, refit))
    return TrainedContender((*members, refit), shipped)


def _load_best(plan: Plan, task: Task, member: Member) -> Model:
    return load_model(plan.job.architecture, task, plan.settings, member.folder / "best")


def _check_all_trained(members: tuple[Member, ...] | list[Member]) -> None:
    """Refuse folds of which one has no model: its rows would be answered by none."""
    for member in members:
        if member.result.score is None:
            raise UserError(
                f"training failed on {member.name.replace('-', ' ')}: {member.result.reason}; every fold is needed: "
                "narrow what is searched, or set valid: 0.2 in the problem's split for a holdout"
            )
