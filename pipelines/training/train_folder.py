"""The train folder of a contender: the weights of every member, how they learned, and which of them ship."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import ARCHITECTURES
from models.blocks.cost import model_cost
from pipelines.runtime.files import copy_file, write_json
from pipelines.tasks import Task
from pipelines.training.contender import Plan, TrainedContender
from pipelines.training.contender_settings import GradientSettings
from pipelines.training.csv_logs import write_curve, write_history
from pipelines.training.members import Member, best_member
from pipelines.training.transfer import compare_start
from pipelines.training.unlabelled import load_unlabelled


def write_members(folder: Path, members: Sequence[Member], task: Task) -> None:
    """Write weights/<member>.* from scratch, history.csv of all members, curve.csv of the best one."""
    for member in members:
        if not member.result.reason:
            for path in sorted(member.folder.glob("best.*")):
                copy_file(path, folder / "weights" / f"{member.name}{path.suffix}")
    write_history(folder / "history.csv", {member.name: member.result for member in members})
    write_curve(folder / "curve.csv", best_member(members, task.goal).result.history, task.goal)


def write_model(folder: Path, plan: Plan, task: Task, trained: TrainedContender) -> None:
    """Write model.json: how every member ended, which of them ship, and what they cost."""
    job, members, shipped = plan.job, trained.members, trained.shipped
    write_json(
        folder / "model.json",
        {
            "architecture": job.architecture,
            "task": job.task_settings.model_dump(),
            "goal": task.goal.name,
            "settings": plan.settings.to_json(),
            "folds": plan.folds.number,
            "uses_seed": ARCHITECTURES[job.architecture].uses_seed,
            **_start_summary(plan, task),
            **_semi_summary(plan, task),
            "members": [_member_summary(member) for member in members],
            "best_member": best_member(members, task.goal).name,
            "ship": shipped.ship,
            "shipped": shipped.members,
            "mean_score": shipped.mean_score,
            "device": job.device,
            **model_cost(shipped.model, task.shipped_words)._asdict(),
        },
    )


def _start_summary(plan: Plan, task: Task) -> dict[str, Any]:
    """What a contender that starts from other weights took over; nothing of others."""
    start = plan.job.start
    if start is None:
        return {}
    transfer = compare_start(plan.job, task, plan.settings)
    return {"start": {"origin": start.origin, "seen": start.seen, **transfer._asdict()}}


def _semi_summary(plan: Plan, task: Task) -> dict[str, Any]:
    """How many rows without a label a contender with `semi` learned from; nothing of others."""
    learner = plan.settings.learner
    if not isinstance(learner, GradientSettings) or learner.semi == "none":
        return {}
    return {"semi": {"method": learner.semi, "rows": len(load_unlabelled(plan.job, task, learner)[0])}}


def _member_summary(member: Member) -> dict[str, Any]:
    result = member.result
    return {
        "name": member.name,
        "score": result.score,
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "reason": result.reason,
    }
